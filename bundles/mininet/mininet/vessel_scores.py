# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of one set of weights on several sets of fundus photographs, by the protocols in use.

Run ``python -m mininet.vessel_scores --help`` for its use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.files import replacing
from litemed.metrics.bootstrap import bootstrap_mean
from litemed.metrics.overlap import OverlapScores, overlap_scores
from litemed.metrics.roc import roc_auc
from litemed.training.checkpoints import load_checkpoint
from monai.bundle import ConfigParser
from tqdm import tqdm

from mininet import BUNDLE_ROOT
from mininet.data import load_cases, patient_of, pooled_sets

__all__ = ["score_vessels"]

NAMES = ("mcc", "sensitivity", "specificity", "accuracy")


def score_vessels(
    dataset_dir: str,
    output_path: str,
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    sets: list[str] | None = None,
    part: str = "test",
    config: list[str] | None = None,
    flips: list[bool] | None = None,
) -> None:
    """Score weights on each set below a folder, at the fixed threshold 0.5 and the pictures' own size.

    Each set gives a row for every combination of flips, and of the field of view as it is labelled (where the set
    labels it), as it is found, and the full frame. F1 and MCC are given as means over pictures, F1 with its bootstrap
    95 % interval over patients, and of the pixels of all pictures together ("pooled").

    Args:
        dataset_dir: folder with a folder for each set, named as its reader is.
        output_path: JSON file of all rows, with every picture's F1.
        ckpt_path: the weights.
        sets: names of sets; by default all of `mininet.data.POOLED` that are there.
        part: as in `mininet.load_cases`; ``"all"`` for a set that training has left out.
        config: configurations of the network; by default ``train.json`` alone.
        flips: whether to average over flips and turns: False, True, or both in turn (the default).
    """
    parser = ConfigParser()
    parser.read_config(config or [f"{BUNDLE_ROOT}/configs/train.json"])
    network = parser.get_parsed_content("network_def")
    load_checkpoint(network, ckpt_path)
    network.eval()
    folders = {path.name.lower(): path for path in Path(dataset_dir).expanduser().iterdir() if path.is_dir()}
    names = sets or list(pooled_sets(dataset_dir))
    missing = [name for name in names if name not in folders]
    if missing:
        raise FileNotFoundError(f"no folder {', '.join(missing)} in {dataset_dir}")
    rows: list[dict[str, Any]] = []
    for name in names:
        cases = load_cases(name, folders[name], part)
        for flipped in [False, True] if flips is None else flips:
            scored = list(_scored(parser, network, cases, flipped))
            for region in dict.fromkeys(region for _, region, _, _ in scored):
                chosen = [(case, counts, auc) for case, each, counts, auc in scored if each == region]
                rows.append({"set": name, "flips": flipped, "region": region, **_summary(chosen, patient_of(name))})
                print(_line(rows[-1]), flush=True)
    with replacing(Path(output_path)) as temporary:
        temporary.write_text(json.dumps({"weights": str(ckpt_path), "part": part, "rows": rows}, indent=1) + "\n")


def _scored(
    parser: ConfigParser, network: torch.nn.Module, cases: list[dict[str, str]], flips: bool
) -> Iterator[tuple[str, str, OverlapScores, float]]:
    """Name of the case, name of the region, counts and area under the curve."""
    transform = parser.get_parsed_content("validate#preprocessing")
    inferer = parser.get_parsed_content("validate#inferer")
    inferer.flips = flips
    for case in tqdm(cases, desc=f"scoring {'with' if flips else 'without'} flips", disable=None):
        item = transform(case)
        with torch.no_grad():
            logits = inferer(item["image"].as_tensor()[None], network)[0]
        truth, values = np.asarray(item["label"]) > 0, logits.numpy()
        regions = {"found": np.asarray(item["fov"]) > 0, "frame": np.ones_like(truth)}
        if "region" in case:
            regions = {"labelled": np.asarray(item["region"]) > 0, **regions}
        for name, region in regions.items():
            counts = overlap_scores(values > 0, truth, region=region)
            yield case["case"], name, counts, roc_auc(values, truth, region=region)


def _summary(chosen: list[tuple[str, OverlapScores, float]], patient: Any) -> dict[str, Any]:
    total = OverlapScores(0, 0, 0, 0)
    for _, counts, _ in chosen:
        total = total + counts
    cases = [case for case, _, _ in chosen]
    f1 = bootstrap_mean(
        [counts.dice for _, counts, _ in chosen], groups=[patient(c) for c in cases] if patient else None
    )
    return {
        "pictures": len(chosen),
        "f1": f1.mean,
        "f1_low": f1.low,
        "f1_high": f1.high,
        "f1_pooled": total.dice,
        "mcc_pooled": total.mcc,
        **{name: float(np.nanmean([getattr(counts, name) for _, counts, _ in chosen])) for name in NAMES},
        "auc": float(np.nanmean([auc for _, _, auc in chosen])),
        "f1_by_picture": {case: counts.dice for case, counts, _ in chosen},
    }


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['set']:<9} {row['pictures']:>3} pictures  {'flips' if row['flips'] else 'plain':<5} {row['region']:<8}"
        f"  F1 {row['f1']:.4f} [{row['f1_low']:.3f}, {row['f1_high']:.3f}] pooled {row['f1_pooled']:.4f}"
        f"  MCC {row['mcc']:.4f} pooled {row['mcc_pooled']:.4f}"
        f"  Se {row['sensitivity']:.4f} Sp {row['specificity']:.4f}  Acc {row['accuracy']:.4f}  AUC {row['auc']:.4f}"
    )


if __name__ == "__main__":
    run_command(score_vessels, "mininet.vessel_scores")
