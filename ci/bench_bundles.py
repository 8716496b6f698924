# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Seconds and memory of each bundle's weights on this computer, as a user meets them.

Run: python ci/bench_bundles.py [BUNDLE ...] [--lacking] [--write] [--repeats 3]

``litemed segment`` is run on the bundle's sample pictures, once with one picture and once with several, in processes of
their own. A picture takes the difference, divided by the pictures more; what is left is the start. TF-Net's classifier
and detector, which no command runs alone, are timed on frames in the same way, the classifier with the search for its
rings. The least of the repeats counts. With --write the figures go into the records of the weights
(``models/*.json``), from which ``litemed info``, the cards and the README's table take them. Run it with both cores
free.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from litemed.bundles import find_bundle, importable
from litemed.tools.doctor import processor_name
from litemed.training.weight_record import read_record, write_record
from PIL import Image

MORE = 25
MORE_FRAMES = 500
BUNDLES = ("mininet", "tiu_ocular", "tfnet", "swiftmedsam", "classprompt")
BOX = "200,200,320,330"
CALL = "from litemed.tools.cli import main; main()"
FRAMES = """
import sys
import numpy as np
from PIL import Image
from litemed.bundles import find_bundle, importable
importable(find_bundle("tfnet"))
from tfnet.collab import Networks
call = getattr(Networks(find_bundle("tfnet") / "models", runtime="torch"), sys.argv[1])
frame = np.asarray(Image.open(sys.argv[3]).convert("L"))
for _ in range(int(sys.argv[2])):
    call(frame.copy())
"""
PARTS = {"model_classifier": "classify", "model_detector": "detect"}
"""Weights of the tear-film pipeline's other networks, and what calls them."""


class Used(NamedTuple):
    """Wall seconds and peak memory (MiB, the largest process) of a command."""

    seconds: float
    memory: float


def picture(bundle: str, application: str | None) -> Path:
    """A picture of the bundle's own kind: of its simulated sample, or the built-in nuclei."""
    from importlib import import_module

    from litemed import samples

    importable(find_bundle(bundle))
    if bundle == "tiu_ocular":
        return sorted(import_module("tiu_ocular.simulation").eyes().rglob("*.jpg"))[0]
    if bundle == "tfnet":
        return sorted((import_module("tfnet.simulation").tearfilm() / "crop_full/images/test").iterdir())[0]
    if application == "skin":
        return sorted(import_module("mininet.simulation").lesions().rglob("*.jpg"))[0]
    folder = import_module("mininet.simulation").fundus() if application == "vessels" else samples.nuclei()
    return sorted((folder / "test/images").iterdir())[0]


def options(bundle: str, weights: Path, application: str | None) -> list[str]:
    """What ``litemed segment`` is told so that it uses some weights."""
    if weights.stem == "model":
        return []
    if bundle == "swiftmedsam":
        return ["--variant", weights.stem.removeprefix("model_")]
    other = [] if application in (None, "vessels") else ["--application", str(application)]
    return [*other, "--ckpt_path", str(weights)]


def used(command: list[str]) -> Used:
    """Run a command and account for it.

    Raises:
        RuntimeError: with the end of what it said, when it fails.
    """
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{said.read()[-2000:]}")
    return Used(seconds, usage.ru_maxrss / 1024)


def measure(bundle: str, weights: Path, repeats: int) -> dict[str, Any]:
    """Seconds a picture, of the start, and memory; and what they were measured on."""
    record = read_record(weights) or {}
    application = (record.get("architecture") or {}).get("application")
    file = picture(bundle, application)
    takes_boxes = bundle in ("swiftmedsam", "classprompt")
    part = PARTS.get(weights.stem)
    with Image.open(file) as image, tempfile.TemporaryDirectory() as folder:
        if part:
            more = MORE_FRAMES
            file = sorted((file.parents[3] / "images/test").iterdir())[0]
            start = [sys.executable, "-W", "ignore", "-c", FRAMES, part]
            commands = {count: [*start, str(count), str(file)] for count in (1, 1 + more)}
            with Image.open(file) as frame:
                what = f"a frame of {frame.width}x{frame.height}"
        else:
            more = MORE
            pixels = image.resize((512, 512)) if takes_boxes else image
            what = f"a picture of {pixels.width}x{pixels.height}" + (" and a box" if takes_boxes else "")
            start = [sys.executable, "-W", "ignore", "-c", CALL, "segment"]
            own = ["--bundle", bundle, "--workers", "1", "--out", f"{folder}/out"]
            own += options(bundle, weights, application)
            commands = {count: [*start, f"{folder}/{count}", *own] for count in (1, 1 + more)}
            for count in commands:
                _write_pictures(Path(folder) / f"{count}", np.asarray(pixels), count, takes_boxes)
        runs: dict[int, list[Used]] = {count: [] for count in commands}
        for _ in range(repeats):
            for count, command in commands.items():
                runs[count].append(used(command))
    one, several = (min(each.seconds for each in found) for found in runs.values())
    each = max((several - one) / more, 0.0)
    return {
        "input": what,
        "seconds": round(each, 3 if each < 0.1 else 2),
        "start_seconds": round(one - each, 1),
        "memory_mib": round(max(run.memory for run in runs[1 + more])),
        "processor": processor_name(),
        "runtime": "torch",
    }


def _write_pictures(folder: Path, image: np.ndarray, count: int, takes_boxes: bool) -> None:
    """So many pictures of which no two are the same."""
    folder.mkdir()
    for number in range(count):
        pixels = image.copy()
        pixels[0, 0] = number
        Image.fromarray(pixels).save(folder / f"{number}.png")
        if takes_boxes:
            (folder / f"{number}.json").write_text(f"[[{BOX}]]")


def main() -> None:
    """Measure, print, and write on demand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="*", default=BUNDLES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lacking", action="store_true", help="only weights whose record has no seconds yet")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    for bundle in given.bundles:
        for weights in sorted((find_bundle(bundle) / "models").glob("*.pt")):
            if given.lacking and (read_record(weights) or {}).get("speed"):
                continue
            speed = measure(bundle, weights, given.repeats)
            print(json.dumps({f"{bundle}/{weights.name}": speed}), flush=True)
            if given.write:
                record = read_record(weights) or {}
                kept = [each for each in record.get("speed", []) if each.get("input") != speed["input"]]
                write_record(weights, {**record, "speed": [speed, *kept]})


if __name__ == "__main__":
    main()
