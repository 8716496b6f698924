# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The bundle's configurations, run as ``monai.bundle run`` does, from an unrelated folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import run as run_bundle
from PIL import Image
from tiu_ocular import BUNDLE_ROOT, build_network

CONFIGS = Path(BUNDLE_ROOT) / "configs"
SMALL = {"reader": "paired", "spatial_size": [48, 32], "kernel_sizes": [4, 8], "batch_size": 4}
QUICK = {**SMALL, "max_epochs": 2, "val_interval": 1}


def _run(*configs: str, **overrides: Any) -> None:
    run_bundle(config_file=[str(CONFIGS / f"{name}.json") for name in configs], **overrides)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(build_network().state_dict(), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def _load(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{name}.json").read_text())


def test_pictures_are_prepared_alike_in_training_and_inference() -> None:
    train, inference = _load("train"), _load("inference")
    shared = set(train) & set(inference) - {"imports", "sample", "dataset_dir", "output_dir", "run", "least_presence"}
    assert {
        "image_transforms",
        "intensity_transforms",
        "network_def",
        "spatial_size",
        "architecture",
        "ckpt_path",
    } <= shared
    assert {key: train[key] for key in shared} == {key: inference[key] for key in shared}
    assert train["validate"]["inferer"]["_target_"] == inference["inferer"]["_target_"]


@pytest.mark.parametrize(
    ("architecture", "pixel_loss", "tiu"), [("unet", "ce", True), ("fcn", "dice", True), ("unetr", "dice", False)]
)
def test_training(architecture: str, pixel_loss: str, tiu: bool, eyes: Path, tmp_path: Path) -> None:
    options = {"architecture": architecture, "pixel_loss": pixel_loss, "tiu": tiu}
    _run("train", **QUICK, **options, dataset_dir=str(eyes), output_dir=str(tmp_path / "run"))
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2]
    assert all(0 <= float(row["dice"]) <= 1 and float(row["loss"]) > 0 for row in rows)
    state = torch.load(tmp_path / "run" / "model.pt", weights_only=True)
    build_network(architecture, size=(48, 32)).load_state_dict(state, strict=True)
    assert not list(Path.cwd().iterdir())


def test_training_learns(eyes: Path, tmp_path: Path) -> None:
    options = {**SMALL, "dataset_dir": str(eyes), "output_dir": str(tmp_path / "run"), "photometry": 0.3}
    options |= {"zoom": [0.9, 1.1], "learning_rate": 0.01, "val_interval": 5}
    _run("train", **options, max_epochs=10)
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == list(range(1, 11))
    assert float(rows[-1]["loss"]) < 0.8 * float(rows[0]["loss"])


def test_a_fraction_is_trained_on(eyes: Path, tmp_path: Path) -> None:
    _run("train", **{**QUICK, "batch_size": 1}, fraction=0.25, dataset_dir=str(eyes), output_dir=str(tmp_path / "run"))
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert checkpoint["iteration"] == 2 * 2  # two of the eight pictures, two epochs


def test_evaluation_scores_regions_anatomy_and_ratios(eyes: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores"
    (tmp_path / "subjects.csv").write_text("case,subject\ntest0,a\ntest1,a\ntest2,b\n")
    options = {"ckpt_path": str(weights), "subjects": str(tmp_path / "subjects.csv"), "flips": True}
    _run("train", "evaluate", **SMALL, **options, dataset_dir=str(eyes), output_dir=str(out))
    result = json.loads((out / "scores.json").read_text())
    assert result["cases"] == 3
    scores = result["scores"]
    regions = ("sclera", "iris", "pupil", "caruncle")
    expected = {f"{region}_{score}" for region in regions for score in ("dice", "hd95", "betti_error")}
    assert {"dice", "hd95", "anatomy_violated_cases", "ratio_error_mean", *expected} <= set(scores)
    assert scores["dice"]["mean"] == pytest.approx(np.mean([scores[f"{name}_dice"]["mean"] for name in regions]))
    assert scores["label_violated_cases"]["mean"] == 0
    picture = Image.open(out / "pictures" / "test0_overlay.png")
    assert picture.size == (2 * 96, 64)


def test_regions_that_a_data_set_does_not_label_are_left_out(eyes: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores"
    regions = {"scored_regions": ["sclera", "iris"], "merge": {"caruncle": "sclera", "pupil": "iris"}}
    options = {"ckpt_path": str(weights), "part": "all", "dataset_dir": str(eyes), "output_dir": str(out)}
    _run("train", "evaluate", **SMALL, **options, **regions)
    result = json.loads((out / "scores.json").read_text())
    assert result["cases"] == 13
    assert "pupil_dice" not in result["scores"]


@pytest.mark.parametrize(
    ("mode", "size", "suffix"),
    [("RGB", (61, 43), "png"), ("RGBA", (64, 64), "png"), ("L", (33, 80), "bmp"), ("RGB", (300, 9), "tif")],
)
def test_inference_on_a_picture_of_any_kind(
    mode: str, size: tuple[int, int], suffix: str, tmp_path: Path, weights: Path
) -> None:
    grey = np.random.default_rng(0).integers(0, 256, size[::-1], dtype=np.uint8)
    Image.fromarray(grey).convert(mode).save(tmp_path / f"eye.{suffix}")
    out = tmp_path / "out"
    options = {"dataset_dir": str(tmp_path / f"eye.{suffix}"), "ckpt_path": str(weights), "spatial_size": [48, 32]}
    _run("inference", **options, output_dir=str(out), probability="probability")
    regions = [f"eye_{region}.png" for region in ("sclera", "iris", "pupil", "caruncle")]
    mask = f"eye_mask.{'tif' if suffix == 'tif' else 'png'}"
    pictures = sorted([*regions, mask, "eye_overlay.png"])
    assert sorted(file.name for file in out.iterdir()) == sorted([*pictures, "measurements.csv", "measurements.json"])
    assert {Image.open(out / name).size for name in pictures} == {size}
    assert set(np.unique(np.asarray(Image.open(out / mask)))) <= set(range(5))


def test_inference_measures_and_compares_two_eyes(
    tmp_path: Path, weights: Path, write_eye: Callable[..., np.ndarray]
) -> None:
    for name in ("anna_left", "anna_right", "ben"):
        write_eye(tmp_path, name)
    out = tmp_path / "out"
    options = {
        "dataset_dir": str(tmp_path / "images"),
        "ckpt_path": str(weights),
        "spatial_size": [48, 32],
        "spacing": 0.1,
    }
    _run("inference", **options, output_dir=str(out))
    content = json.loads((out / "measurements.json").read_text())
    assert [row["picture"] for row in content["pictures"]] == ["anna_left.png", "anna_right.png", "ben.png"]
    assert [(row["left"], row["right"]) for row in content["comparison"]] == [("anna_left.png", "anna_right.png")]
    ben = content["pictures"][2]
    assert ben["unit"] == "mm"
    with (out / "measurements.csv").open() as file:
        assert [row["picture"] for row in csv.DictReader(file)] == ["anna_left.png", "anna_right.png", "ben.png"]
    with (out / "comparison.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1


def test_a_broken_picture_is_named_and_nothing_is_measured(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(RuntimeError) as caught:
        _run("inference", dataset_dir=str(tmp_path), ckpt_path=str(weights), output_dir=str(tmp_path / "out"))
    causes, error = [], caught.value
    while error is not None:
        causes.append(str(error))
        error = error.__cause__
    assert any("can't be read as a picture" in cause and "broken.png" in cause for cause in causes)
    assert not (tmp_path / "out").exists()
