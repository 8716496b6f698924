# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of one set of weights on several sets of pictures, by the protocols in use.

Run ``python bundles/mininet/eval/set_scores.py --help`` for its use.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.files import replacing
from litemed.metrics.bootstrap import bootstrap_mean
from litemed.metrics.overlap import OverlapScores, overlap_scores
from litemed.metrics.roc import roc_auc
from litemed.metrics.surface import surface_scores
from litemed.training.checkpoints import load_checkpoint
from mininet import BUNDLE_ROOT
from mininet.data import load_cases, patient_of, pooled_sets, reader_of
from mininet.instances import instance_f1, split_instances
from monai.bundle import ConfigParser
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

__all__ = ["score_sets"]

NAMES = ("iou", "mcc", "sensitivity", "specificity", "accuracy")


def score_sets(
    dataset_dir: str,
    output_path: str,
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    sets: list[str] | None = None,
    part: str = "test",
    config: list[str] | None = None,
    flips: list[bool] | None = None,
    instances: bool = False,
) -> None:
    """Score weights on each set below a folder, at the fixed threshold 0.5 and the pictures' own size.

    Each set gives a row for every combination of flips, and of the field of view as it is labelled (where the set
    labels it), as it is found, and the full frame. F1 and MCC are given as means over pictures, F1 with its bootstrap
    95 % interval over patients, and of the pixels of all pictures together ("pooled").

    With ``instances`` HD95 in pixels and the F1 of single objects at an IoU of one half are added: predicted masks are
    divided by `mininet.instances.split_instances`, true masks of one value are taken apart where they don't touch.

    Args:
        dataset_dir: folder with a folder for each set, see `mininet.data.pooled_sets`.
        output_path: JSON file of all rows, with every picture's F1.
        ckpt_path: the weights.
        sets: names of sets, any but the four of `mininet.data.POOLED` too; by default all that are pooled.
        part: as in `mininet.load_cases`; ``"all"`` for a set that training has left out.
        config: configurations of the network; by default ``train.json`` alone.
        flips: whether to average over flips and turns: False, True, or both in turn (the default).
        instances: score single objects.
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
        reader = reader_of(name)
        cases = load_cases(reader, folders[name], part)
        for flipped in [False, True] if flips is None else flips:
            scored = list(_scored(parser, network, cases, flipped, instances))
            for region in dict.fromkeys(each.region for each in scored):
                chosen = [each for each in scored if each.region == region]
                rows.append({"set": name, "flips": flipped, "region": region, **_summary(chosen, patient_of(reader))})
                print(_line(rows[-1]), flush=True)
    with replacing(Path(output_path)) as temporary:
        temporary.write_text(json.dumps({"weights": str(ckpt_path), "part": part, "rows": rows}, indent=1) + "\n")


class _Scored(NamedTuple):
    case: str
    region: str
    counts: OverlapScores
    others: dict[str, float]


def _scored(
    parser: ConfigParser, network: torch.nn.Module, cases: list[dict[str, str]], flips: bool, instances: bool
) -> Iterator[_Scored]:
    """The scores of every case in every region."""
    transform = parser.get_parsed_content("validate#preprocessing")
    inferer = parser.get_parsed_content("validate#inferer")
    inferer.flips = flips
    for case in tqdm(cases, desc=f"scoring {'with' if flips else 'without'} flips", disable=None):
        item = transform(case)
        with torch.no_grad():
            logits = inferer(item["image"].as_tensor()[None], network)[0]
        truth, values = np.asarray(item["label"]) > 0, logits.numpy()
        regions = {"frame": np.ones_like(truth)}
        if parser["region"] == "fundus":
            regions = {"found": np.asarray(item["fov"]) > 0, **regions}
        if "region" in case:
            regions = {"labelled": np.asarray(item["region"]) > 0, **regions}
        objects = _of_objects(values[0] > 0, Path(case["label"]), truth[0]) if instances else {}
        for name, region in regions.items():
            counts = overlap_scores(values > 0, truth, region=region)
            others = {"auc": roc_auc(values, truth, region=region), **objects}
            yield _Scored(case["case"], name, counts, others)


def _of_objects(mask: np.ndarray, label: Path, truth: np.ndarray) -> dict[str, float]:
    with Image.open(label) as picture:
        stored = np.asarray(picture).T
    single = stored if stored.ndim == 2 and len(np.unique(stored)) > 2 else ndimage.label(truth)[0]
    surface = surface_scores(mask, truth)
    return {"hd95": surface.hd95, "instance_f1": instance_f1(split_instances(mask), single)}


def _summary(chosen: list[_Scored], patient: Callable[[str], str] | None) -> dict[str, Any]:
    total = OverlapScores(0, 0, 0, 0)
    for each in chosen:
        total = total + each.counts
    patients = [patient(each.case) for each in chosen] if patient else None
    f1 = bootstrap_mean([each.counts.dice for each in chosen], groups=patients)
    return {
        "pictures": len(chosen),
        "f1": f1.mean,
        "f1_low": _mean([f1.low]),
        "f1_high": _mean([f1.high]),
        "f1_pooled": total.dice,
        "mcc_pooled": _mean([total.mcc]),
        **{name: _mean([getattr(each.counts, name) for each in chosen]) for name in NAMES},
        **{name: _mean([each.others[name] for each in chosen]) for name in chosen[0].others},
        "f1_by_picture": {each.case: each.counts.dice for each in chosen},
    }


def _mean(values: list[float]) -> float | None:
    """Mean of the values that are defined and finite; None where there is none."""
    defined = [value for value in values if math.isfinite(value)]
    return sum(defined) / len(defined) if defined else None


def _line(row: dict[str, Any]) -> str:
    names = {"mcc": "MCC", "mcc_pooled": "pooled", "sensitivity": "Se", "specificity": "Sp", "accuracy": "Acc"}
    names |= {"auc": "AUC", "iou": "Jaccard", "hd95": "HD95", "instance_f1": "instance F1"}
    others = "  ".join(f"{short} {row[name]:.4f}" for name, short in names.items() if row.get(name) is not None)
    interval = "" if row["f1_low"] is None else f" [{row['f1_low']:.3f}, {row['f1_high']:.3f}]"
    return (
        f"{row['set']:<9} {row['pictures']:>3} pictures  {'flips' if row['flips'] else 'plain':<5} {row['region']:<8}"
        f"  F1 {row['f1']:.4f}{interval} pooled {row['f1_pooled']:.4f}  {others}"
    )


if __name__ == "__main__":
    run_command(score_sets, "set_scores")
