# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Time and value of ``litemed.metrics.surface_scores`` beside the tool that each of its definitions follows.

    python ci/bench_metrics.py                          # HD95, ASSD and NSD against three MONAI calls
    python ci/bench_metrics.py --definition medpy       # against MedPy's two
    python ci/bench_metrics.py --definition deepmind    # against DeepMind's surface-distance

Both get the same masks and run in turn on one thread, and the best of several runs counts. Times are of the CPU, so
that other programs on the machine do not enter. Against MONAI the run fails when a case is less than 6 times as fast,
the median less than 10 times, or a value differs by more than 1e-5 (relative above 1).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from litemed.metrics.surface import surface_scores
from scipy.ndimage import gaussian_filter

LEAST_RATIO, LEAST_MEDIAN, LARGEST_DIFFERENCE = 6.0, 10.0, 1e-5
TOLERANCE = 1.0

Scores = dict[str, float]


class Case(NamedTuple):
    """Two masks, and the size of a voxel along each axis."""

    name: str
    pred: np.ndarray
    truth: np.ndarray
    spacing: tuple[float, ...]


def organ(
    shape: tuple[int, ...], radii: tuple[float, ...], centre: tuple[float, ...], ripple: float = 0.0, phase: float = 0.0
) -> np.ndarray:
    """An ellipsoid with a rippled surface; radii and centre in units of half the image's sides."""
    axes = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in shape), indexing="ij", sparse=True)
    level = sum(((x - c) / r) ** 2 for x, c, r in zip(axes, centre, radii, strict=True))
    for x, y in zip(axes, [*axes[1:], axes[0]], strict=True):
        level = level + ripple * np.sin(7 * x + phase) * np.cos(5 * y - phase)
    return level < 1


def blobs(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Many irregular objects that cover 30 % of an image, and a disturbed version of them."""
    rng = np.random.default_rng(seed)
    field, noise = (gaussian_filter(rng.standard_normal(shape), 6) for _ in range(2))
    disturbed = field + 0.35 * noise
    return field > np.quantile(field, 0.7), disturbed > np.quantile(disturbed, 0.7)


def noise(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two masks in which every voxel is drawn on its own."""
    rng = np.random.default_rng(seed)
    return rng.random(shape) < 0.5, rng.random(shape) < 0.5


def cases() -> list[Case]:
    """The ten pairs of masks, the same on every machine."""
    plane, volume, flat, cube = (512, 512), (128, 160, 160), (48, 256, 256), (256, 256, 256)
    small = (
        organ(cube, (0.14, 0.12, 0.13), (0.3, 0.02, -0.4), 0.03, 0.4),
        organ(cube, (0.13, 0.125, 0.13), (0.3, 0.03, -0.4), 0.03, 0.5),
    )
    specked = small[0].copy()
    specked[3:5, 3:5, 3:5] = specked[250, 250, 5] = specked[5, 248, 250:252] = True
    return [
        Case(
            "organ 2D",
            organ(plane, (0.62, 0.5), (0.02, 0), 0.12, 0.4),
            organ(plane, (0.6, 0.52), (0, 0.01), 0.12, 0.5),
            (1, 1),
        ),
        Case("blobs 2D", *blobs(plane, 1), (1, 1)),
        Case(
            "cup 2D",
            organ(plane, (0.13, 0.12), (0.1, 0.3), 0.03, 0.4),
            organ(plane, (0.14, 0.115), (0.11, 0.3), 0.03, 0.2),
            (1, 1),
        ),
        Case(
            "organ 3D",
            organ(volume, (0.6, 0.55, 0.6), (0, 0.02, 0), 0.1, 0.4),
            organ(volume, (0.62, 0.54, 0.58), (0.01, 0, 0), 0.1, 0.5),
            (1, 1, 1),
        ),
        Case(
            "anisotropic 3D",
            organ(flat, (0.6, 0.5, 0.6), (0, 0.02, 0), 0.1, 0.4),
            organ(flat, (0.62, 0.49, 0.58), (0.01, 0, 0), 0.1, 0.5),
            (5, 0.8, 0.8),
        ),
        Case("small organ in 256³", *small, (1, 1, 1)),
        Case("with far specks", specked, small[1], (1, 1, 1)),
        Case(
            "far balls",
            organ(volume, (0.3, 0.24, 0.24), (-0.6, -0.6, -0.6)),
            organ(volume, (0.3, 0.24, 0.24), (0.6, 0.6, 0.6)),
            (1, 1, 1),
        ),
        Case("noise 3D", *noise((64, 64, 64), 0), (1, 1, 1)),
        Case("noise 2D", *noise(plane, 0), (1, 1)),
    ]


def monai_scores(case: Case) -> Scores:
    """MONAI's three calls, on bool tensors that share the masks' memory."""
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    pair = [torch.from_numpy(mask)[None, None] for mask in (case.pred, case.truth)]
    spacing = [float(step) for step in case.spacing]
    hd95 = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=spacing)
    assd = compute_average_surface_distance(*pair, include_background=True, symmetric=True, spacing=spacing)
    nsd = compute_surface_dice(*pair, [TOLERANCE], include_background=True, spacing=spacing)
    return {"hd95": hd95.item(), "assd": assd.item(), "nsd": nsd.item()}


def medpy_scores(case: Case) -> Scores:
    """MedPy's two calls; it has no NSD."""
    from medpy.metric import binary

    return {
        "hd95": float(binary.hd95(case.pred, case.truth, case.spacing)),
        "assd": float(binary.assd(case.pred, case.truth, case.spacing)),
    }


def deepmind_scores(case: Case) -> Scores:
    """DeepMind's distances, once, and the three scores from them."""
    import surface_distance

    distances = surface_distance.compute_surface_distances(case.truth, case.pred, case.spacing)
    return {
        "hd95": float(surface_distance.compute_robust_hausdorff(distances, 95)),
        "assd": float(np.mean(surface_distance.compute_average_surface_distance(distances))),
        "nsd": float(surface_distance.compute_surface_dice_at_tolerance(distances, TOLERANCE)),
    }


TOOLS: dict[str, Callable[[Case], Scores]] = {"monai": monai_scores, "medpy": medpy_scores, "deepmind": deepmind_scores}


def measure(case: Case, definition: str, repeat: int) -> dict[str, Any]:
    """Best times of the tool and of ours in ms, their ratio, and the largest difference in value."""
    tool_ms = ours_ms = float("inf")
    for _ in range(repeat):
        elapsed, expected = timed(lambda: TOOLS[definition](case))
        tool_ms = min(tool_ms, elapsed)
        for _ in range(3):
            elapsed, ours = timed(
                lambda: surface_scores(
                    case.pred, case.truth, spacing=case.spacing, tolerance=TOLERANCE, definition=definition
                )
            )
            ours_ms = min(ours_ms, elapsed)
    return {
        "case": case.name,
        "tool_ms": tool_ms,
        "ours_ms": ours_ms,
        "ratio": tool_ms / ours_ms,
        "difference": max(abs(getattr(ours, name) - value) / max(1.0, value) for name, value in expected.items()),
    }


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU time of one call in ms, and its result."""
    start = time.process_time()
    result = call()
    return 1e3 * (time.process_time() - start), result


def main() -> int:
    """Print the table; return 1 when a target against MONAI is missed or a value differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--definition", choices=list(TOOLS), default="monai")
    parser.add_argument("--repeat", type=int, default=5, help="runs of the tool for each case (default: 5)")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name, value in (("Inf", np.inf), ("NaN", np.nan)):  # names that DeepMind's package uses, gone in NumPy 2
        np.__dict__.setdefault(name, value)

    print(f"| case | {args.definition}, ms | litemed, ms | ratio | largest difference |")
    print("|---|---|---|---|---|")
    rows = []
    for case in cases():
        row = measure(case, args.definition, args.repeat)
        rows.append(row)
        print("| {case} | {tool_ms:.1f} | {ours_ms:.2f} | {ratio:.1f}x | {difference:.0e} |".format(**row), flush=True)
    ratios = [row["ratio"] for row in rows]
    median = statistics.median(ratios)
    print(f"\nleast {min(ratios):.1f}x, median {median:.1f}x")
    if args.json:
        Path(args.json).write_text(json.dumps({"definition": args.definition, "rows": rows}, indent=2) + "\n")

    failures = [
        f"{row['case']}: values differ by {row['difference']}"
        for row in rows
        if not row["difference"] <= LARGEST_DIFFERENCE
    ]
    if args.definition == "monai":
        failures += [f"{row['case']}: below {LEAST_RATIO}x" for row in rows if row["ratio"] < LEAST_RATIO]
        failures += [f"median below {LEAST_MEDIAN}x"] if median < LEAST_MEDIAN else []
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
