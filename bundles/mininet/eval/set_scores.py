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
from litemed.metrics.instances import instance_scores
from litemed.metrics.overlap import OverlapScores, overlap_scores
from litemed.metrics.roc import roc_auc
from litemed.metrics.surface import surface_scores
from litemed.training.checkpoints import load_checkpoint
from mininet import BUNDLE_ROOT
from mininet.data import cases_of_sets, load_cases, patient_of, pooled_sets, reader_of
from mininet.splitting import split_instances
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
    depth: float = 0.5,
) -> None:
    """Score weights on each set below a folder, at the fixed threshold 0.5 and the pictures' own size.

    Each set gives a row for every combination of flips, and of the field of view as it is labelled (where the set
    labels it), as it is found, and the full frame. Scores are means over pictures with bootstrap 95 % intervals over
    patients; F1 and MCC also of the pixels of all pictures together ("pooled").

    With ``instances`` two more are added: HD95 in pixels, the larger of the two directed 95th percentiles of the
    distances between the outlines, the picture's diagonal where one of the masks is empty; and the F1 of single objects
    at an IoU of one half (`litemed.metrics.instance_scores`). For it predicted masks are divided by
    `mininet.splitting.split_instances`, and true masks of one value where they don't touch.

    Args:
        dataset_dir: folder with a folder for each set, see `mininet.data.pooled_sets`.
        output_path: JSON file of all rows, with every picture's F1.
        ckpt_path: the weights.
        sets: names of sets, any but the four of `mininet.data.POOLED` too; by default all that are pooled
            and have such a part.
        part: as in `mininet.load_cases`; ``"all"`` for a set that training has left out.
        config: configurations of the network; by default ``train.json`` alone.
        flips: whether to average over flips and turns: False, True, or both in turn (the default).
        instances: score outlines and single objects.
        depth: of `mininet.splitting.split_instances`, in pixels.
    """
    parser = ConfigParser()
    parser.read_config(config or [f"{BUNDLE_ROOT}/configs/train.json"])
    network = parser.get_parsed_content("network_def")
    load_checkpoint(network, ckpt_path)
    network.eval()
    folders = {path.name.lower(): path for path in Path(dataset_dir).expanduser().iterdir() if path.is_dir()}
    missing = [name for name in sets or () if name not in folders]
    if missing:
        raise FileNotFoundError(f"no folder {', '.join(missing)} in {dataset_dir}")
    if sets:
        of_sets = {name: load_cases(reader_of(name), folders[name], part) for name in sets}
    else:
        of_sets = cases_of_sets(pooled_sets(dataset_dir), part)
    rows: list[dict[str, Any]] = []
    for name, cases in of_sets.items():
        reader = reader_of(name)
        for flipped in [False, True] if flips is None else flips:
            scored = list(_scored(parser, network, cases, flipped, depth if instances else None))
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
    parser: ConfigParser, network: torch.nn.Module, cases: list[dict[str, str]], flips: bool, depth: float | None
) -> Iterator[_Scored]:
    """The scores of every case in every region; of single objects, divided at that depth, unless it is None."""
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
        objects = {} if depth is None else _of_objects(values[0] > 0, Path(case["label"]), truth[0], depth)
        for name, region in regions.items():
            counts = overlap_scores(values > 0, truth, region=region)
            others = {"auc": roc_auc(values, truth, region=region), **objects}
            yield _Scored(case["case"], name, counts, others)


def _of_objects(mask: np.ndarray, label: Path, truth: np.ndarray, depth: float) -> dict[str, float]:
    with Image.open(label) as picture:
        stored = np.asarray(picture).T
    single = stored if stored.ndim == 2 and len(np.unique(stored)) > 2 else ndimage.label(truth)[0]
    surface = surface_scores(mask, truth)
    return {"hd95": surface.hd95, "instance_f1": instance_scores(split_instances(mask, depth), single).f1}


def _summary(chosen: list[_Scored], patient: Callable[[str], str] | None) -> dict[str, Any]:
    total = OverlapScores(0, 0, 0, 0)
    for each in chosen:
        total = total + each.counts
    patients = [patient(each.case) for each in chosen] if patient else None
    values = {"f1": [each.counts.dice for each in chosen]}
    values |= {name: [getattr(each.counts, name) for each in chosen] for name in NAMES}
    values |= {name: [each.others[name] for each in chosen] for name in chosen[0].others}
    return {
        "pictures": len(chosen),
        "f1_pooled": total.dice,
        "mcc_pooled": _defined(total.mcc),
        **{key: value for name in values for key, value in _interval(name, values[name], patients).items()},
        "f1_by_picture": {each.case: each.counts.dice for each in chosen},
    }


def _interval(name: str, values: list[float], patients: list[str] | None) -> dict[str, float | None]:
    """Mean of the values that are defined, and its interval; None where there is none."""
    if not any(math.isfinite(value) for value in values):
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    found = bootstrap_mean(values, groups=patients)
    return {name: found.mean, f"{name}_low": _defined(found.low), f"{name}_high": _defined(found.high)}


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
