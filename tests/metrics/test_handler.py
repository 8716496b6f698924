# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics inside MONAI's evaluator, from a configuration to MetricsSaver's tables."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from litemed.metrics.handler import ScoreHandler
from litemed.metrics.overlap_metric import OverlapMetric
from litemed.metrics.roc import roc_auc
from litemed.metrics.roc_metric import PixelAUCMetric
from litemed.metrics.surface import surface_scores
from litemed.metrics.surface_metric import SurfaceMetric
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import MetricsSaver, from_engine
from monai.transforms import AsDiscreted, Compose, CopyItemsd

NAMES = ["perfect.png", "moved.png", "missed.png", "nothing.png"]


def cases() -> list[dict]:
    """Four pictures of 30 x 40; the image holds what the network, an identity, is to return."""
    truth = torch.zeros(4, 1, 30, 40)
    truth[:3, :, 10:20, 10:20] = 1
    image = truth * 8 - 4
    image[1] = image[1].roll(2, dims=-1)
    image[2] = -4
    region = torch.ones(4, 1, 30, 40)
    region[1, :, :, 20:] = 0
    return [
        {"image": i, "label": t, "fov": r, "spacing": torch.tensor([2.0, 1.0]), "filename_or_obj": name}
        for i, t, r, name in zip(image, truth, region, NAMES, strict=True)
    ]


def evaluator(key_metric: dict, additional: dict, folder: Path) -> SupervisedEvaluator:
    """An evaluator in batches of two that writes all metrics and details."""
    saver = MetricsSaver(str(folder), metrics="*", metric_details="*", summary_ops=["mean", "notnans"])
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(cases()), batch_size=2),
        network=torch.nn.Identity(),
        postprocessing=Compose([CopyItemsd("pred", names="prob"), AsDiscreted("pred", threshold=0.0)]),
        key_val_metric=key_metric,
        additional_metrics=additional,
        val_handlers=[saver],
    )


def table(path: Path) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in csv.reader(path.read_text().splitlines())}


def test_in_an_evaluator(tmp_path: Path) -> None:
    engine = evaluator(
        {"dice": ScoreHandler(OverlapMetric("dice"), from_engine(["pred", "label"]))},
        {
            "fov": ScoreHandler(
                OverlapMetric(("dice", "sensitivity")), from_engine(["pred", "label"]), from_engine("fov")
            ),
            "surface": ScoreHandler(
                SurfaceMetric(tolerance=2.0), from_engine(["pred", "label"]), from_engine("spacing")
            ),
            "auc": ScoreHandler(PixelAUCMetric(), from_engine(["prob", "label"]), from_engine("fov")),
        },
        tmp_path,
    )
    engine.run()
    metrics = engine.state.metrics

    # 80 of 100 pixels agree in the moved case; in its field of view 80 predicted and 100 true
    assert metrics["dice"] == pytest.approx((1 + 0.8 + 0 + 1) / 4)
    assert engine.state.best_metric == metrics["dice"]
    assert metrics["fov_dice"] == pytest.approx((1 + 160 / 180 + 0 + 1) / 4)
    assert metrics["fov_sensitivity"] == pytest.approx((1 + 0.8 + 0) / 3)
    assert (metrics["fov_dice_undefined"], metrics["fov_sensitivity_undefined"]) == (0, 1)

    diagonal = math.hypot(60, 40)
    inputs = cases()
    moved = surface_scores(inputs[1]["image"][0] > 0, inputs[1]["label"][0], spacing=(2, 1), tolerance=2.0)
    assert metrics["surface_hd95"] == pytest.approx((0 + moved.hd95 + diagonal + 0) / 4)
    assert metrics["surface_nsd"] == pytest.approx((1 + moved.nsd + 0 + 1) / 4)
    assert (metrics["surface_missed"], metrics["surface_spurious"]) == (1, 0)

    auc = roc_auc(inputs[1]["image"], inputs[1]["label"], region=inputs[1]["fov"])
    assert metrics["auc"] == pytest.approx((1 + auc + 0.5) / 3)
    assert metrics["auc_undefined"] == 1

    saved = table(tmp_path / "metrics.csv")
    assert saved.keys() == metrics.keys()
    assert float(saved["dice"][0]) == metrics["dice"]
    assert saved["surface_missed"] == ["1"]
    hd95 = table(tmp_path / "surface_hd95_raw.csv")
    assert [float(hd95[name][0]) for name in NAMES] == pytest.approx([0, moved.hd95, diagonal, 0], abs=1e-4)
    missed = table(tmp_path / "surface_missed_raw.csv")
    assert [float(missed[name][0]) for name in NAMES] == [0, 0, 1, 0]
    assert table(tmp_path / "fov_sensitivity_summary.csv")["class0"][1] == "3.0000"
    assert table(tmp_path / "dice_raw.csv")["moved.png"][0] == "0.8000"


def test_runs_again_from_zero(tmp_path: Path) -> None:
    engine = evaluator(
        {"nsd": ScoreHandler(SurfaceMetric("nsd"), from_engine(["pred", "label"]), save_details=False)}, {}, tmp_path
    )
    engine.run()
    first = dict(engine.state.metrics)
    engine.run()
    assert engine.state.metrics == first
    assert first["nsd_missed"] == 1
    assert not (tmp_path / "nsd_raw.csv").exists()


def test_from_a_configuration() -> None:
    parser = ConfigParser(
        {
            "key_metric": {
                "val_hd95": {
                    "_target_": "litemed.metrics.ScoreHandler",
                    "metric_fn": {"_target_": "litemed.metrics.SurfaceMetric", "scores": "hd95", "percentile": 100},
                    "output_transform": "$monai.handlers.from_engine(['pred', 'label'])",
                }
            }
        }
    )
    handler = parser.get_parsed_content("key_metric")["val_hd95"]
    assert isinstance(handler, ScoreHandler)
    assert handler.metric_fn.percentile == 100


def test_batches_and_reductions(tmp_path: Path) -> None:
    handler = ScoreHandler(
        OverlapMetric("dice", reduction="mean_batch"),
        lambda output: (torch.stack([o["pred"] for o in output]), torch.stack([o["label"] for o in output])),
    )
    engine = evaluator(
        {"auc": ScoreHandler(PixelAUCMetric(), from_engine(["prob", "label"]))}, {"dice": handler}, tmp_path
    )
    engine.run()
    assert engine.state.metrics["dice"] == pytest.approx(0.7)
