# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Cases a second of `litemed evaluate` and of the conversion to archives: by a pool of processes, and by Ray.

Run: python ci/bench_scale.py [--cases 400] [--side 512] [--workers 2] [--rounds 3]

Both engines get the same files and the same number of workers, run in turn, and the best of several rounds counts. How
long the workers take to start is timed apart and before. The run fails when the two engines' results differ.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from litemed.datasets.challenge_conversion import convert
from litemed.parallel import ENGINES, Engine, in_parallel
from litemed.tools.evaluate import evaluate
from PIL import Image
from scipy.ndimage import gaussian_filter

Work = Callable[[Path, Engine, int], str]


def write_cases(folder: Path, cases: int, side: int) -> None:
    """Pictures with masks of some blobs, and predictions that are a little off."""
    rng = np.random.default_rng(0)
    fields = [gaussian_filter(rng.standard_normal((side, side)), side / 20) for _ in range(8)]
    for name in ("images", "masks", "predictions"):
        (folder / name).mkdir(parents=True)
    for number in range(cases):
        field, noise = fields[number % 8], fields[(number + 3) % 8]
        field = np.roll(field, number, axis=0)
        mask, off = (values > np.quantile(values, 0.8) for values in (field, field + 0.2 * noise))
        grey = (128 + 100 * field / np.abs(field).max()).astype(np.uint8)
        for name, pixels in (("images", grey), ("masks", mask), ("predictions", off)):
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number:05d}.png")


def score(folder: Path, engine: Engine, workers: int) -> str:
    """Evaluate, and give a digest of the scores."""
    found = evaluate(folder / "predictions", folder / "masks", engine=engine, workers=workers, progress=False)
    return hashlib.sha256(repr(found.as_dict()).encode()).hexdigest()


def pack(folder: Path, engine: Engine, workers: int) -> str:
    """Convert, and give a digest of the archives."""
    with tempfile.TemporaryDirectory() as target:
        files = convert(folder / "images", folder / "masks", target, "US", engine=engine, workers=workers)
        return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


def time_start(engine: Engine, workers: int) -> list[float]:
    """Seconds until each worker could work, the first ones from nothing."""
    seconds: list[float] = []
    options: dict[str, Any] = {"engine": engine, "workers": workers, "started": seconds.append}
    naps = in_parallel(time.sleep, [0.01] * 10_000, preload=(evaluate.__module__, convert.__module__), **options)
    while len(seconds) < workers:
        next(naps)
    naps.close()  # type: ignore[attr-defined]
    return seconds


def measure(work: Work, folder: Path, workers: int, rounds: int) -> dict[Engine, float]:
    """Seconds of each engine, the start of its workers included; fails when the results differ."""
    times = dict.fromkeys(ENGINES, float("inf"))
    results = set()
    for _ in range(rounds):
        for engine in ENGINES:
            begun = time.perf_counter()
            results.add(work(folder, engine, workers))
            times[engine] = min(times[engine], time.perf_counter() - begun)
    if len(results) != 1:
        sys.exit(f"FAILED: the engines' results of {work.__name__} differ")
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--side", type=int, default=512, help="of the pictures, in pixels")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.cases} cases of {options.side} x {options.side} pixels, {options.workers} workers")
    print("| engine | seconds until the first worker can work | until the last can |\n|---|---|---|")
    for engine in ENGINES:
        seconds = time_start(engine, options.workers)
        print(f"| {engine} | {min(seconds):.2f} | {max(seconds):.2f} |")
    print("\n| work | engine | seconds | cases a second | ratio to processes |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cases(folder, options.cases, options.side)
        for work in (score, pack):
            rates: list[float] = []
            for engine, whole in measure(work, folder, options.workers, options.rounds).items():
                rates.append(options.cases / whole)
                figures = f"{whole:.1f} | {rates[-1]:.1f} | {rates[-1] / rates[0]:.2f}"
                print(f"| {work.__name__} | {engine} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
