# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A MONAI Label server in an environment of its own: installed, given bundles, started, asked and stopped.

The commands are those of ``docs/monai_label.md``, with another folder in the place of ``label``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).resolve().parents[1]

INSTALL = (
    "python3 -m venv label/environment",
    "label/environment/bin/pip install torch==2.13.0",
    "label/environment/bin/pip install --requirement ci/monai_label.txt",
    "label/environment/bin/pip install --no-deps monailabel==0.8.5",
    "label/environment/bin/python ci/mend_torchvision.py",
    "label/environment/bin/python -m monailabel.main apps --download --name monaibundle --output label/apps",
)
PACK = "litemed pack {bundle} --out label/zips"
PACK_APPLICATION = "litemed pack {bundle} --application {application} --out label/zips"
UNPACK = "python3 -m zipfile --extract label/zips/{name}_v{version}.zip label/apps/monaibundle/model"
SMART_EDIT = "ln -sfn {bundle} label/apps/monaibundle/model/{bundle}_deepgrow"
START = (
    "label/environment/bin/python -m monailabel.main start_server --app label/apps/monaibundle --studies label/studies"
    " --uvicorn_app ci.monai_label:app --conf models {models} --conf zoo_source github --conf sam2 false --port {port}"
)


class Failure(Exception):  # noqa: N818 - of a check, not of this program
    """What went wrong, in one message."""


def arguments(command: str, folder: Path) -> list[str]:
    """A command of the documentation as an argument list, with paths in ``label/`` moved to a folder.

    ``python3`` and ``litemed`` become those of the environment that this runs in.
    """
    own = {"python3": [sys.executable], "litemed": [str(Path(sys.executable).with_name("litemed"))]}
    first, *rest = shlex.split(command)
    moved = [
        str(folder / part.removeprefix("label/")) if part.startswith("label/") else part for part in (first, *rest)
    ]
    return [*own.get(first, moved[:1]), *moved[1:]]


def run(command: Sequence[str], what: str, cwd: Path = CHECKOUT, seconds: float = 3600) -> str:
    """Run a command and give its output.

    Raises:
        Failure: with the end of its output, when it fails or takes too long.
    """
    try:
        done = subprocess.run(
            command, cwd=cwd, env=_environment(), capture_output=True, text=True, check=False, timeout=seconds
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{what}: {error}") from error
    if done.returncode:
        raise Failure(f"{what}: {shlex.join(command)} failed\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def install(folder: Path) -> None:
    """Make the server's environment and app in a folder, once for each state of the commands and requirements."""
    read = [(CHECKOUT / "ci" / name).read_text() for name in ("monai_label.txt", "mend_torchvision.py")]
    wanted = hashlib.sha256("\n".join([*INSTALL, *read]).encode()).hexdigest()
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    for part in ("environment", "apps"):
        shutil.rmtree(folder / part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for command in INSTALL:
        print(command, flush=True)
        run(arguments(command, folder), "installing MONAI Label")
    stamp.write_text(wanted)


def add_bundle(folder: Path, bundle: Path, version: str, smart_edit: bool = False, application: str = "") -> Path:
    """Pack a bundle and unzip it in the server's app, in place of one that is there.

    Args:
        folder: where the server is installed.
        bundle: the bundle's folder.
        version: its version.
        smart_edit: list it a second time, under a name by which clients take it for one that works by clicks.
        application: add this one of its applications alone, as a bundle of its own.

    Returns:
        its folder in the app.
    """
    name = f"{bundle.name}_{application}" if application else bundle.name
    place = folder / "apps/monaibundle/model" / name
    shutil.rmtree(place, ignore_errors=True)
    values = {"bundle": bundle.name, "name": name, "version": version, "application": application}
    for command in (PACK_APPLICATION if application else PACK, UNPACK, *([SMART_EDIT] if smart_edit else [])):
        words = arguments(command.format(**values), folder)
        words = [str(bundle) if words[1:2] == ["pack"] and word == bundle.name else word for word in words]
        run(words, f"packing {name}")
    return place


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A running server; use it in a ``with`` statement, which stops it and all that it started.

    Args:
        folder: where it was installed.
        studies: folder of its images.
        models: names of the bundles' folders in its app.
        log: file for its output.
        seconds: how long it may take to start.
    """

    def __init__(self, folder: Path, studies: Path, models: Sequence[str], log: Path, seconds: float = 1800) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.seconds = seconds
        command = arguments(START.format(models=",".join(models), port=port), folder)
        command[command.index("--studies") + 1] = str(studies)
        self._command = [*command, "--host", "127.0.0.1"]

    def __enter__(self) -> Server:
        with self.log.open("wb") as log:
            # in a session of its own, so that its trainings end with it
            self._process = subprocess.Popen(
                self._command,
                cwd=CHECKOUT,  # where the application is found
                env=_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, sent)
            except ProcessLookupError:
                break
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise Failure(f"the server ended before it answered\n{self._said()}")
            try:
                if requests.get(f"{self.url}/info/", timeout=self.seconds).ok:
                    return
            except requests.RequestException:
                time.sleep(1)
        raise Failure(f"the server gave no answer in {self.seconds:g} s\n{self._said()}")

    def _said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def info(self) -> dict[str, Any]:
        """What the server says of itself: models, trainers, labels."""
        return self._ask("GET", "/info/").json()

    def infer(
        self,
        model: str,
        image: str,
        params: dict[str, Any],
        target: Path,
        upload: bytes | None = None,
        session: str = "",
    ) -> Path:
        """Ask for the mask of an image of the studies, of a picture that is sent, or of a session's.

        Args:
            model: name of the bundle's folder.
            image: the image's id: its name without ending.
            params: of the request: a prompt, ``result_extension``.
            target: file for the mask; its ending is the format asked for.
            upload: a PNG file in the place of an image.
            session: id of a session in the place of an image.
        """
        suffix = "".join(target.suffixes)
        form: dict[str, Any] = {"params": (None, json.dumps({"device": "cpu", "result_extension": suffix, **params}))}
        if upload is not None:
            form["file"] = ("upload.png", upload)
        address = {"image": image, "session_id": session, "output": "image"}
        answer = self._ask("POST", f"/infer/{model}", params=address, files=form)
        target.write_bytes(answer.content)
        return target

    def refused(self, path: str, method: str = "POST", **options: Any) -> str:
        """Ask for what can't be had.

        Args:
            path: of the address.
            method: of the request.
            options: as `requests.request` takes them.

        Returns:
            the sentence of the answer.

        Raises:
            Failure: when the answer isn't one of status 4xx with a sentence.
        """
        answer = requests.request(method, self.url + path, timeout=600, **options)
        if not 400 <= answer.status_code < 500:
            raise Failure(f"{path} with {options} gave {answer.status_code}: {answer.text[:300]}\n{self._said()}")
        return answer.json()["detail"]

    def create_session(self, image: Path) -> str:
        """Send an image for several requests; gives the session's id."""
        with image.open("rb") as file:
            return self._ask("PUT", "/session/", files={"files": (image.name, file)}).json()["session_id"]

    def remove_session(self, session: str) -> None:
        """End a session."""
        self._ask("DELETE", f"/session/{session}")

    def infer_batch(self, model: str, images: list[str], params: dict[str, Any]) -> None:
        """Have the masks of images of the studies made and kept as their labels of the tag ``original``."""
        self._begin(f"/batch/infer/{model}", "/batch/infer", {"device": "cpu", "images": images, **params}, 1800)

    def label(self, image: str, tag: str, target: Path) -> Path:
        """Write an image's label into a file."""
        target.write_bytes(self._ask("GET", "/datastore/label", params={"label": image, "tag": tag}).content)
        return target

    def tasks(self, path: str) -> list[dict[str, Any]]:
        """What was begun by now: the trainings, by ``/train/``, or the batches, by ``/batch/infer``."""
        answer = requests.get(self.url + path, params={"all": True}, timeout=600)
        return answer.json() if answer.ok else []  # 404 when there is none

    def save_label(self, image: str, label: Path) -> None:
        """Hand in the label of an image, as a client's *Submit Label* does."""
        with label.open("rb") as file:
            params = {"image": image, "tag": "final"}
            self._ask("PUT", "/datastore/label", params=params, files={"label": (label.name, file)})

    def remove_label(self, image: str, tag: str = "final") -> None:
        """Take the label of an image back."""
        self._ask("DELETE", "/datastore/label", params={"id": image, "tag": tag})

    def train(self, model: str, options: dict[str, Any], seconds: float = 3600) -> None:
        """Train a bundle on the images that have labels, and wait for the end.

        Raises:
            Failure: with the end of what the training printed.
        """
        self._begin(f"/train/{model}", "/train/", {"device": "cpu", "multi_gpu": False, **options}, seconds)

    def _begin(self, path: str, tasks: str, options: dict[str, Any], seconds: float) -> None:
        """Begin what the server does in a process of its own, and wait for the end."""
        task = self._ask("POST", path, json=options).json()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = next(each for each in self.tasks(tasks) if each["id"] == task["id"])
            if state["status"] == "DONE":
                return
            if state["status"] in ("ERROR", "STOPPED"):
                raise Failure(f"{path} ended in {state['status']}\n" + "\n".join(state.get("details", [])[-30:]))
            time.sleep(1)
        raise Failure(f"{path} didn't end in {seconds:g} s")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = requests.request(method, self.url + path, timeout=1800, **options)
        except requests.RequestException as error:
            raise Failure(f"{method} {path}: {error}\n{self._said()}") from error
        if not answer.ok:
            shown = self._said() if answer.status_code >= 500 else ""
            raise Failure(f"{method} {path} gave {answer.status_code}: {answer.text[:500]}\n{shown}")
        return answer


def _environment() -> dict[str, str]:
    """This process's environment without what would lead another interpreter to its packages, and without a GPU."""
    left_out = ("PYTHONPATH", "VIRTUAL_ENV", "MONAI_LABEL_APP_DIR")
    return {**{key: value for key, value in os.environ.items() if key not in left_out}, "CUDA_VISIBLE_DEVICES": ""}
