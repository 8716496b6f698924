#!/usr/bin/env python3
# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Use packed bundles where nothing of litemed is installed, by plain ``python -m monai.bundle``, and then the wheel.

A new virtual environment gets MONAI, torch, numpy and what the bundles' metadata declares, in exactly those versions,
and nothing else. Each bundle is packed, unzipped, trained for one epoch on its built-in sample, used for inference on
it, and put to the checks of the MONAI Model Zoo, all from an unrelated folder. So is a new bundle, made by
``litemed new`` from pictures of mixed sizes; it also trains on two processes.

At the end another new environment gets the wheel, and from an empty folder the command takes a bundle from a zoo,
segments its sample, and tests it. ``--bundles wheel`` does this alone.

    python ci/empty_environment.py [--bundles NAME,NAME] [--environment FOLDER]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import fire
from litemed.bundles import bundle_folders
from litemed.tools.packaging import checks
from litemed.tools.packaging.pack import pack
from litemed.tools.packaging.publish import publish
from newcomer import sixth_bundle
from release import build_wheel

SIXTH, WHEEL = "sixth_bundle", "wheel"
ROOT = Path(__file__).resolve().parents[1]
QUICK: dict[str, dict[str, object]] = {
    "classprompt": {"init_path": "", "head_steps": 5, "batch_size": 4, "samples_per_epoch": 4},
    "mininet": {"crops_per_image": 1, "crop_size": 32},
    "swiftmedsam": {"init_path": "", "batch_size": 4},
    "tfnet": {"spatial_size": [64, 64]},
}
"""Options that make one epoch of a bundle's training short."""


def _pins(folders: list[Path]) -> dict[str, str]:
    """The packages that the bundles declare, by name, with their exact versions."""
    pins: dict[str, str] = {}
    for folder in folders:
        metadata = json.loads((folder / "configs/metadata.json").read_text())
        declared = {
            "monai": metadata["monai_version"],
            "torch": metadata["pytorch_version"],
            "numpy": metadata["numpy_version"],
            **metadata["required_packages_version"],
        }
        for name, version in declared.items():
            if pins.setdefault(name, version) != version:
                sys.exit(f"{folder.name} declares {name} {version}, another bundle {pins[name]}")
    return pins


def _python(folder: Path, pins: dict[str, str]) -> Path:
    """Interpreter of the environment in a folder, made where it isn't there."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    torch = f"torch=={pins['torch']}"
    # of all that is installed little is imported: it is compiled then
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", torch]
    subprocess.run(install, check=True)  # first and alone, so that no resolver replaces it
    subprocess.run([*install, *(f"{name}=={version}" for name, version in pins.items())], check=True)
    return python


def _use_wheel(where: Path) -> None:
    """Install the wheel as README says, take Mini-Net from a zoo, segment its sample and test it: no checkout."""
    where.mkdir()
    home, desk = where / "home", where / "desk"
    desk.mkdir()
    wheel = build_wheel(ROOT, where / "release", "2026-01-01")
    publish([bundle_folders()["mininet"]], where / "release/zoo")
    venv.create(where / "environment", with_pip=True)
    python = where / "environment/bin/python"
    install = ("-m", "pip", "install", "--quiet", "--no-compile", "--constraint", ROOT / "constraints.txt", wheel)
    _run(python, desk, *install)
    print(f"{WHEEL:<14}installed", flush=True)
    litemed = where / "environment/bin/litemed"
    _run(python, desk, litemed, "get", "mininet", "--zoo", where / "release/zoo", home=home)
    sample = home / "bundles/mininet/sample/input.jpg"
    _run(python, desk, litemed, "segment", sample, "--bundle", "mininet", "--out", "out", home=home)
    if not (desk / "out/input_mask.png").is_file():
        raise RuntimeError(f"{WHEEL}: litemed segment wrote no mask")
    print(_run(python, desk, litemed, "test", "mininet", home=home), end="", flush=True)


def _run(python: Path, where: Path, *arguments: object, path: Path | None = None, home: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}  # where ranks meet
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    if home is not None:
        environment = {key: value for key, value in environment.items() if key != "LITEMED_BUNDLES"}
        environment["LITEMED_HOME"] = str(home)
    command = [str(python), "-W", "ignore", *map(str, arguments)]
    result = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"failed: {' '.join(command)}\n{result.stdout[-2000:]}{result.stderr[-4000:]}")
    return result.stdout


def _use(python: Path, where: Path, data: Path | None, folder: Path) -> None:
    """Train an unzipped bundle for an epoch, infer, and make the zoo's checks."""
    bundle, out = where / "zoo" / folder.name, where / "out" / folder.name
    configs = bundle / "configs"
    quick = {"max_epochs": 1, "val_interval": 1, "output_dir": out, **QUICK.get(folder.name, {})}
    options = [text for key, value in quick.items() for text in (f"--{key}", value)]
    run = ("-m", "monai.bundle", "run", "--config_file")
    if data and folder.name == SIXTH:
        options += ["--dataset_dir", data]
        both = str([str(configs / f"{name}.json") for name in ("train", "multi_gpu_train")])
        launch = ("-m", "torch.distributed.run", "--standalone", "--local_addr=127.0.0.1", "--nproc_per_node=2")
        _run(python, where, *launch, *run, both, *options)
        print(f"{folder.name:<14}trained for an epoch on two processes", flush=True)
    _run(python, where, *run, configs / "train.json", *options)
    print(f"{folder.name:<14}trained for an epoch", flush=True)
    _run(python, where, *run, configs / "inference.json", "--output_dir", out / "inference")
    if not any((out / "inference").iterdir()):
        raise RuntimeError(f"{folder.name}: inference wrote nothing")
    print(f"{folder.name:<14}inferred", flush=True)
    said = map(json.loads, _run(python, where, checks.__file__, bundle, path=bundle).splitlines())
    failed = [f"{each['check']}: {each['error']}" for each in said if "error" in each and each["check"] != "onnx"]
    if failed:  # but for ONNX, which no bundle declares
        raise RuntimeError(f"{folder.name} doesn't pass the checks of the zoo: {'; '.join(failed)}")
    print(f"{folder.name:<14}passed the checks of the zoo", flush=True)


def check(bundles: str | tuple[str, ...] = (), environment: str = "", workers: int = 2) -> None:
    """Pack the bundles and use them in an environment of their own.

    Args:
        bundles: names; by default all that ship their weights, a new one, ``sixth_bundle``, and ``wheel``.
        environment: folder of the environment, to keep and use again; a temporary one by default.
        workers: bundles at a time.
    """
    names = bundles.split(",") if isinstance(bundles, str) else list(bundles)
    shipped = {name: folder for name, folder in bundle_folders().items() if (folder / "models/model.pt").is_file()}
    known = [*sorted(shipped), SIXTH, WHEEL]
    if unknown := set(names) - set(known):
        sys.exit(f"no bundle with weights {', '.join(sorted(unknown))}: expected some of {', '.join(known)}")
    folders = [folder for name, folder in sorted(shipped.items()) if not names or name in names]
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(workers) as pool:
        where, data = Path(temporary), None
        if not names or SIXTH in names:
            folder, data = sixth_bundle(where / "new")
            folders.append(folder)
            print(f"{SIXTH:<14}made by litemed new", flush=True)
        there = Path(environment).absolute() if environment else where / "environment"
        python = _python(there, _pins(folders)) if folders else Path(sys.executable)
        for each in folders:  # one at a time: Python 3.11 can't parse code in two threads
            with zipfile.ZipFile(pack(each, where)) as archive:
                archive.extractall(where / "zoo")
        try:
            list(pool.map(partial(_use, python, where, data), folders))
            if not names or WHEEL in names:
                _use_wheel(where / WHEEL)
        except RuntimeError as error:
            pool.shutdown(cancel_futures=True)
            sys.exit(str(error))


if __name__ == "__main__":
    fire.Fire(check)
