# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""inference.json, run as ``monai.bundle run`` does, from an unrelated folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from litemed.samples.prompted import sample_pictures
from monai.bundle import ConfigParser
from monai.bundle import run as run_bundle
from PIL import Image
from swiftmedsam import BUNDLE_ROOT

CONFIG = f"{BUNDLE_ROOT}/configs/inference.json"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def _segment(tmp_path: Path, weights: str, image: Path | None = None, **overrides: Any) -> Path:
    given = {} if image is None else {"dataset_dir": str(image)}
    run_bundle(config_file=CONFIG, ckpt_path=weights, output_dir=str(tmp_path / "out"), **given, **overrides)
    return tmp_path / "out"


def _causes(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _dice(found: np.ndarray, expected: np.ndarray, label: int) -> float:
    a, b = found == label, expected == label
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def _picture(path: Path) -> np.ndarray:
    labels = np.zeros((60, 90), np.uint8)
    labels[5:25, 10:40], labels[35:55, 50:80] = 1, 2
    Image.fromarray(np.where(labels > 0, 220, 20).astype(np.uint8)).save(path)
    return labels


BOXES = [[10, 5, 39, 24], [50, 35, 79, 54]]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_boxes_on_a_picture(tmp_path: Path, weights: str, suffix: str) -> None:
    expected = _picture(tmp_path / f"case.{suffix}")
    out = _segment(tmp_path, weights, tmp_path / f"case.{suffix}", boxes=BOXES)
    mask = f"case_mask.{'tif' if suffix == 'tif' else 'png'}"
    assert sorted(file.name for file in out.iterdir()) == sorted([mask, "case_overlay.png", "case_objects.json"])
    found = np.asarray(Image.open(out / mask))
    assert found.dtype == np.uint8
    assert min(_dice(found, expected, label) for label in (1, 2)) > 0.95
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SPL"])
def test_boxes_on_a_volume_in_any_orientation(tmp_path: Path, weights: str, codes: str) -> None:
    labels = np.zeros((40, 48, 9), np.uint8)
    labels[5:20, 8:30, 2:6], labels[25:38, 20:44, 0:4] = 1, 2
    affine = np.array([[0.7, 0.1, 0, -20], [-0.1, 0.8, 0.2, 5], [0, -0.3, 4.0, 70], [0, 0, 0, 1]])
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(codes))
    values = np.where(labels > 0, 150, -1000).astype(np.int16)
    for name, array in (("scan", values), ("mask", labels)):
        nibabel.save(nibabel.Nifti1Image(array, affine).as_reoriented(turn), tmp_path / f"{name}.nii.gz")
    out = _segment(tmp_path, weights, tmp_path / "scan.nii.gz", boxes=str(tmp_path / "mask.nii.gz"))
    names = ["scan_mask.ctbl", "scan_mask.label", "scan_mask.nii.gz", "scan_objects.json", "scan_overlay.png"]
    assert sorted(file.name for file in out.iterdir()) == names
    written, truth = nibabel.load(out / "scan_mask.nii.gz"), nibabel.load(tmp_path / "mask.nii.gz")
    np.testing.assert_allclose(written.affine, truth.affine, atol=1e-5)
    assert written.get_data_dtype() == np.uint8
    found, expected = np.asanyarray(written.dataobj), np.asanyarray(truth.dataobj)
    assert min(_dice(found, expected, label) for label in (1, 2)) > 0.95


def test_the_sample_brings_its_boxes(tmp_path: Path, weights: str) -> None:
    out = _segment(tmp_path, weights)
    for picture in sample_pictures().glob("*.png"):
        boxes = json.loads(picture.with_suffix(".json").read_text())["boxes"]
        labels = np.asarray(Image.open(out / f"{picture.stem}_mask.png"))
        assert labels.shape == (96, 128)
        assert 0 < labels.max() <= len(boxes)


def test_more_than_255_objects(tmp_path: Path, weights: str) -> None:
    picture = np.full((136, 136), 20, np.uint8)
    boxes = [[x, y, x + 4, y + 4] for y in range(0, 136, 8) for x in range(0, 136, 8)]
    for x0, y0, x1, y1 in boxes:
        picture[y0 : y1 + 1, x0 : x1 + 1] = 220
    Image.fromarray(picture).save(tmp_path / "many.png")
    out = _segment(tmp_path, weights, tmp_path / "many.png", boxes=boxes)
    labels = np.asarray(Image.open(out / "many_mask.png"))
    assert labels.max() == len(boxes) == 289
    assert labels[-6, -6] == 289


@pytest.mark.parametrize(
    ("boxes", "text"),
    [
        ([[700, 10, 720, 40]], "expected a box inside 90x60"),
        ([[30, 10, 20, 40]], "expected a box whose ends lie beyond its starts"),
        ([[10, 10, 20]], "expected boxes of 4 numbers"),
        ([[10, 10, float("nan"), 40]], "expected a box of finite numbers"),
    ],
)
def test_bad_boxes_are_refused(tmp_path: Path, weights: str, boxes: list, text: str) -> None:
    _picture(tmp_path / "case.png")
    with pytest.raises(RuntimeError) as caught:
        _segment(tmp_path, weights, tmp_path / "case.png", boxes=boxes)
    assert text in _causes(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_variant_is_refused(tmp_path: Path, weights: str) -> None:
    _picture(tmp_path / "case.png")
    with pytest.raises(RuntimeError) as caught:
        _segment(tmp_path, weights, tmp_path / "case.png", boxes=BOXES, variant="v2")
    assert "variant is fast, not v2" in _causes(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("prompt", [{"roi": [10, 39, 5, 24]}, {"boxes": [10, 5, 39, 24]}])
def test_prompts_of_monai_label(tmp_path: Path, bright: type, prompt: dict[str, Any]) -> None:
    expected = _picture(tmp_path / "case.png")
    parser = ConfigParser()
    parser.read_config(CONFIG)
    item = parser.get_parsed_content("preprocessing")({"image": str(tmp_path / "case.png"), **prompt})
    assert item["image"].shape == (4, 90, 60)
    network = parser.get_parsed_content("network_def").eval()
    labels = parser.get_parsed_content("inferer")(torch.stack([item["image"]]), network)[0]
    assert _dice(np.asarray(labels)[0].T, expected == 1, 1) > 0.95
