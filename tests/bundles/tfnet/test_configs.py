# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net's configurations, run as ``monai.bundle run`` does, from an unrelated folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle import run as run_bundle
from PIL import Image
from tfnet import BUNDLE_ROOT, FrameClassifier, RingDetector, TFNet

CONFIGS = Path(BUNDLE_ROOT) / "configs"
SIZE = (96, 72)
FRAMES = ["clear", "closed", "broken", "blur", "clear", "broken"]
QUICK = {"max_epochs": 2, "batch_size": 3, "spatial_size": [32, 32]}
MODELS = {
    "train": (TFNet(), ["mean_dice", "val_loss"]),
    "train_classifier": (FrameClassifier(in_channels=1), ["accuracy", "recall_closed"]),
    "train_detector": (RingDetector(in_channels=1), ["iou", "ring_outside", "ring_presence"]),
}


def _run(*configs: str, **overrides: Any) -> None:
    run_bundle(config_file=[str(CONFIGS / f"{name}.json") for name in configs], **overrides)


def _load(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{name}.json").read_text())


def _causes(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__
    return "\n".join(texts)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def _save(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def tfm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames a part in the layout of TFM: noise of the class's brightness, a break-up as a bright block."""
    root = tmp_path_factory.mktemp("tfm")
    rng = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        rows = []
        for number, name in enumerate(FRAMES):
            stem = f"{part}{number % 2}_{number:04d}"
            frame = rng.integers(0, 60, SIZE[::-1]) + 30 * FRAMES.index(name)
            mask = np.zeros(SIZE[::-1])
            if name == "broken":
                mask[30:44, 40:60] = 255
                frame[mask > 0] = 220
            _save(frame, root / "images" / part / f"{stem}.png")
            rows.append(f"{stem}.png {name}")
            if name == "closed":
                continue
            boxes = [f"{index} 0.5 0.5 {side} {side}" for index, side in enumerate((0.1, 0.2, 0.5))]
            labels = root / "labels" / "detection" / part / f"{stem}.txt"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text("\n".join(boxes))
            folder = root / ("crop_broken_only" if name == "broken" else "crop_non_broken")
            _save(frame[10:60, 20:80], folder / "images" / part / f"{stem}.png")
            _save(mask[10:60, 20:80], folder / "masks" / part / f"{stem}.png")
        lists = root / "labels" / "classification"
        lists.mkdir(parents=True, exist_ok=True)
        (lists / f"{part}_cls.txt").write_text("\n".join(rows))
    return root


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(TFNet().state_dict(), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def test_pictures_are_prepared_alike_in_training_and_inference() -> None:
    train, inference = _load("train"), _load("inference")
    shared = set(train) & set(inference) - {"imports", "dataset_dir", "output_dir", "run", "spatial_size"}
    assert {"image_transforms", "network_def", "threshold", "ckpt_path", "variant"} <= shared
    assert {key: train[key] for key in shared} == {key: inference[key] for key in shared}
    assert inference["inferer"] == train["validate"]["inferer"]
    # the size of the shipped weights, which isn't the paper's
    assert inference["spatial_size"] == _load("evaluate")["spatial_size"] == _load("collab")["crop_size"]


def test_the_papers_protocol() -> None:
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "train.json"))
    parser["loss"] = {"_target_": "torch.nn.CrossEntropyLoss"}
    optimizer = parser.get_parsed_content("optimizer")
    assert type(optimizer) is torch.optim.SGD
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.01, 0.937, 0.0005)
    scheduler = parser.get_parsed_content("lr_scheduler")
    assert (scheduler.factor, scheduler.patience, scheduler.mode) == (0.5, 3, "min")
    assert (parser["max_epochs"], parser["spatial_size"], parser["augmentation"]) == (50, [512, 512], False)
    assert parser["weighted"]
    assert parser.get_parsed_content("output_dir") == f"{BUNDLE_ROOT}/runs/segmentation"


@pytest.mark.parametrize("name", [name for name in MODELS if name != "train"])
def test_training(name: str, tmp_path: Path, tfm_dir: Path) -> None:
    network, columns = MODELS[name]
    _run(name, **QUICK, dataset_dir=str(tfm_dir), output_dir=str(tmp_path / "run"))
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2]
    assert all(float(row[column]) >= 0 for row in rows for column in ["loss", *columns])
    network.load_state_dict(torch.load(tmp_path / "run" / "model.pt", weights_only=True), strict=True)
    assert Image.open(tmp_path / "run" / "history.png").format == "PNG"
    assert not list(Path.cwd().iterdir())


def test_training_on_devices(tmp_path: Path, tfm_dir: Path) -> None:
    quick = {**QUICK, "max_epochs": 2, "batch_size": 2}
    _run("train", "devices", **quick, dataset_dir=str(tfm_dir), output_dir=str(tmp_path / "run"))
    with (tmp_path / "run" / "history.csv").open() as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    assert len(rates) == 2
    assert rates[-1] == 0  # the schedule is of steps, and ends
    TFNet().load_state_dict(torch.load(tmp_path / "run" / "model.pt", weights_only=True), strict=True)


def test_the_learning_rate_halves_on_a_plateau(tmp_path: Path, tfm_dir: Path) -> None:
    """Nothing improves at a learning rate of 0; with a patience of 1 every second epoch from the third halves it."""
    options = {"learning_rate": 1e-12, "lr_patience": 1, "max_epochs": 5, "ema_momentum": 1e-9}
    parser_options = {**QUICK, **options, "dataset_dir": str(tfm_dir), "output_dir": str(tmp_path)}
    parser_options["lr_scheduler#eps"] = 0.0
    parser_options["lr_scheduler#threshold"] = 0.5
    _run("train", **parser_options)
    with (tmp_path / "history.csv").open() as file:
        rates = [float(row["learning_rate"]) / 1e-12 for row in csv.DictReader(file)]
    assert rates == pytest.approx([1, 1, 0.5, 0.5, 0.25])


@pytest.mark.parametrize(
    "options",
    [{"weighted": False}, {"use_ppm": False, "use_skips": False}, {"as_published": True}, {"variant": "mini1"}],
    ids=lambda options: next(iter(options)),
)
def test_the_papers_variants_train(options: dict[str, Any], tmp_path: Path, tfm_dir: Path) -> None:
    quick = {**QUICK, "max_epochs": 1, "batch_size": 2}
    _run("train", **quick, **options, dataset_dir=str(tfm_dir), output_dir=str(tmp_path))
    assert (tmp_path / "model.pt").exists()


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_one_is_refused_in_a_sentence(name: str, tmp_path: Path, tfm_dir: Path) -> None:
    with pytest.raises(SystemExit, match=r"batch size of 2 or more, got 1.*--batch_size 2"):
        _run(name, **{**QUICK, "batch_size": 1}, dataset_dir=str(tfm_dir), output_dir=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_last_batch_of_one_is_left_out(tmp_path: Path, tfm_dir: Path) -> None:
    quick = {**QUICK, "max_epochs": 1, "batch_size": 3}
    files = [str(CONFIGS / "train.json")]
    workflow = ConfigWorkflow(files, workflow_type="train", **quick, dataset_dir=str(tfm_dir), crops="non_broken")
    workflow.initialize()
    sizes = {3: 1, 2: 1}  # of three clear and blurred frames: one batch of 3; of 2 and the last one: one batch of 2
    for batch_size, batches in sizes.items():
        workflow.parser["batch_size"] = batch_size
        workflow.parser.parse(True)
        assert len(workflow.parser.get_parsed_content("train#dataloader")) == batches


def test_evaluation_scores_every_crop(tmp_path: Path, tfm_dir: Path, weights: Path) -> None:
    options = {"dataset_dir": str(tfm_dir), "ckpt_path": str(weights), "spatial_size": [32, 32]}
    _run("train", "evaluate", **options, output_dir=str(tmp_path / "broken"))
    result = json.loads((tmp_path / "broken" / "scores.json").read_text())
    assert result["cases"] == 2
    scores = result["scores"]
    expected = {"mean_dice", "break_up_mean_iou", "break_up_mean_recall", "published_mean_dice"}
    assert expected | {"monai_hd95", "monai_assd", "medpy_hd95", "medpy_assd"} <= set(scores)
    # every crop shows break-up, so the policies for an absent class agree
    assert scores["published_mean_dice"]["mean"] == pytest.approx(scores["mean_dice"]["mean"])
    assert scores["break_up_false_area"]["mean"] is None
    assert len(list((tmp_path / "broken" / "pictures").glob("*_overlay.png"))) == 2

    _run("train", "evaluate", **options, crops="non_broken", output_dir=str(tmp_path / "others"))
    result = json.loads((tmp_path / "others" / "scores.json").read_text())
    assert result["cases"] == 3
    assert result["scores"]["break_up_false_area"]["undefined"] == 0
    assert result["scores"]["published_dice"]["mean"] == 0


@pytest.mark.parametrize(
    ("model", "expected"),
    [("classifier", {"accuracy", "recall_broken"}), ("detector", {"iou", "ring_inside", "ring_presence"})],
)
def test_evaluation_of_the_other_models(model: str, expected: set[str], tmp_path: Path, tfm_dir: Path) -> None:
    network, _ = MODELS[f"train_{model}"]
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    options = {"dataset_dir": str(tfm_dir), "ckpt_path": str(tmp_path / "weights.pt"), "spatial_size": [32, 32]}
    _run(f"train_{model}", f"evaluate_{model}", **options, output_dir=str(tmp_path / "scores"))
    result = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert result["cases"] == len(FRAMES)
    assert expected <= set(result["scores"])


@pytest.mark.parametrize(
    ("mode", "size", "suffix"),
    [("RGB", (61, 43), "png"), ("RGBA", (64, 64), "png"), ("L", (33, 80), "bmp"), ("I;16", (50, 30), "tif")],
)
def test_inference_on_a_picture_of_any_kind(
    mode: str, size: tuple[int, int], suffix: str, tmp_path: Path, weights: Path
) -> None:
    grey = np.random.default_rng(0).integers(0, 256, size[::-1], dtype=np.uint8)
    picture = Image.fromarray(grey.astype(np.uint16) * 256) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    picture.save(tmp_path / f"picture.{suffix}")
    _run(
        "inference",
        dataset_dir=str(tmp_path / f"picture.{suffix}"),
        ckpt_path=str(weights),
        output_dir=str(tmp_path / "out"),
        spatial_size=[64, 64],
    )
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    mask = f"picture_mask.{'tif' if suffix == 'tif' else 'png'}"
    assert names == [mask, "picture_overlay.png", "picture_probability.png"]
    assert {Image.open(tmp_path / "out" / name).size for name in names} == {size}
    assert set(np.unique(np.asarray(Image.open(tmp_path / "out" / mask)))) <= {0, 1}


def test_a_broken_picture_is_named(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(RuntimeError) as caught:
        _run("inference", dataset_dir=str(tmp_path), ckpt_path=str(weights), output_dir=str(tmp_path / "out"))
    assert "broken.png" in _causes(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "names",
    [
        ["train_classifier"],
        ["train_detector"],
        ["train_classifier", "evaluate_classifier"],
        ["train_detector", "evaluate_detector"],
    ],
    ids=lambda names: names[-1],
)
def test_properties_of_the_zoo(names: list[str], tfm_dir: Path) -> None:
    files = [str(CONFIGS / f"{name}.json") for name in names]
    workflow = ConfigWorkflow(files, workflow_type="train", dataset_dir=str(tfm_dir))
    workflow.initialize()
    assert workflow.check_properties() == []
