# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed app`` as it is run: a process that serves the samples to this computer alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest

CALL = "import sys; from litemed.tools.cli import main; sys.argv[0] = 'litemed'; main()"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """``app(*words)``: the process of ``litemed app --no-browser *words``, and the address that it prints."""
    started = []

    def start(*words: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", CALL, "app", *words, "--no-browser", "--out", str(tmp_path / "out")],
            cwd=tmp_path,
            env={**os.environ, "LITEMED_HOME": str(tmp_path / "home")},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _asked(browser: OpenerDirector, request: str | Request) -> tuple[int, bytes]:
    try:
        with browser.open(request, timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def test_the_samples_are_served_to_this_computer_alone(
    app: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    process, address = app()
    at = urlsplit(address)
    assert (at.hostname, at.path) == ("127.0.0.1", "/")
    assert len(at.query.removeprefix("token=")) >= 32
    root = f"http://{at.netloc}"
    stranger, browser = build_opener(), build_opener(HTTPCookieProcessor(CookieJar()))
    for path in ("/", "/?token=guess", "/api/folder", f"/api/folder?{at.query}", "/static/main.js"):
        assert _asked(stranger, root + path)[0] == 403, path
    status, page = _asked(browser, address)
    assert status == 200
    assert b"<title>litemed</title>" in page
    listed = json.loads(_asked(browser, f"{root}/api/folder")[1])
    (folder,) = (tmp_path / "home/samples").glob("images-*")
    assert {file["name"].partition("/")[2]: file["kind"] for file in listed["files"]} == {
        "nuclei.png": "picture", "simulated_ct.nii.gz": "volume"
    }  # fmt: skip
    assert {file.name for file in folder.iterdir()} >= {"nuclei.png", "simulated_ct.nii.gz"}
    assert listed["output_dir"] == str(tmp_path / "out")
    opening = Request(f"{root}/api/images", json.dumps({"name": listed["files"][1]["name"]}).encode())
    status, image = _asked(browser, opening)
    assert status == 200, image
    assert {name: plane["depth"] for name, plane in json.loads(image)["planes"].items()} == {
        "axial": 48, "coronal": 256, "sagittal": 256
    }  # fmt: skip
    # another address of this computer, at which all that listen on every address answer
    assert at.port is not None
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", at.port)) != 0
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in (0, 130, -signal.SIGINT)
