# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Seconds and memory of each bundle's default weights on this computer, as a user meets them.

Run: python ci/bench_bundles.py [BUNDLE ...] [--write] [--repeats 3]

``litemed segment`` is run on the bundle's sample pictures, once with one picture and once with several, in processes of
their own. A picture takes the difference, divided by the pictures more; what is left is the start. The least of the
repeats counts. With --write the figures go into the records of the weights (``models/model.json``), from which
``litemed info``, the cards and the README's table take them. Run it with both cores free.
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

MORE = 5
BUNDLES = ("mininet", "tiu_ocular", "tfnet", "swiftmedsam", "classprompt")
BOX = "200,200,320,330"
CALL = "from litemed.tools.cli import main; main()"


class Used(NamedTuple):
    """Wall seconds and peak memory (MiB, the largest process) of a command."""

    seconds: float
    memory: float


def picture(bundle: str) -> Image.Image:
    """A picture of the bundle's own kind: of its simulated sample, or the built-in nuclei for boxes."""
    from importlib import import_module

    from litemed import samples

    importable(find_bundle(bundle))
    if bundle == "mininet":
        file = sorted((import_module("mininet.simulation").fundus() / "test/images").iterdir())[0]
    elif bundle == "tiu_ocular":
        file = sorted(import_module("tiu_ocular.simulation").eyes().rglob("*.jpg"))[0]
    elif bundle == "tfnet":
        file = sorted((import_module("tfnet.simulation").tearfilm() / "crop_full/images/test").iterdir())[0]
    else:
        file = sorted((samples.nuclei() / "test/images").iterdir())[0]
    image = Image.open(file)
    return image.resize((512, 512)) if bundle in ("swiftmedsam", "classprompt") else image


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


def measure(bundle: str, repeats: int) -> dict[str, Any]:
    """Seconds a picture, of the start, and memory; and what they were measured on."""
    image = picture(bundle)
    takes_boxes = bundle in ("swiftmedsam", "classprompt")
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[int, list[Used]] = {1: [], 1 + MORE: []}
        for count in runs:
            source = Path(folder) / f"{count}"
            source.mkdir()
            for number in range(count):
                pixels = np.asarray(image).copy()
                pixels[0, 0] = number  # no two pictures are the same
                Image.fromarray(pixels).save(source / f"{number}.png")
                if takes_boxes:
                    (source / f"{number}.json").write_text(f"[[{BOX}]]")
        for _ in range(repeats):
            for count, found in runs.items():
                command = [sys.executable, "-W", "ignore", "-c", CALL, "segment", f"{folder}/{count}"]
                found.append(used([*command, "--bundle", bundle, "--workers", "1", "--out", f"{folder}/out"]))
    one, several = (min(each.seconds for each in found) for found in runs.values())
    each = max((several - one) / MORE, 0.0)
    what = f"a picture of {image.width}x{image.height}" + (" and a box" if takes_boxes else "")
    return {
        "input": what,
        "seconds": round(each, 2),
        "start_seconds": round(one - each, 1),
        "memory_mib": round(max(run.memory for run in runs[1 + MORE])),
        "processor": processor_name(),
        "runtime": "torch",
    }


def main() -> None:
    """Measure, print, and write on demand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="*", default=BUNDLES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    for bundle in given.bundles:
        speed = measure(bundle, given.repeats)
        print(json.dumps({bundle: speed}), flush=True)
        if given.write:
            weights = find_bundle(bundle) / "models/model.pt"
            record = read_record(weights) or {}
            kept = [each for each in record.get("speed", []) if each.get("input") != speed["input"]]
            write_record(weights, {**record, "speed": [speed, *kept]})


if __name__ == "__main__":
    main()
