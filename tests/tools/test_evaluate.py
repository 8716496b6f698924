# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scoring folders of masks: pairing, spacing, misses, and files that can't be read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from litemed.tools.evaluate import evaluate, pair_masks
from PIL import Image


def _picture(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(path)


def _square(start: int, value: int = 1) -> np.ndarray:
    """A square of 4x4 pixels in a picture of 16x16."""
    labels = np.zeros((16, 16), np.uint8)
    labels[4:8, start : start + 4] = value
    return labels


def test_scores_of_shifted_and_missed_squares(tmp_path: Path) -> None:
    _picture(tmp_path / "truth/a.png", _square(4))
    _picture(tmp_path / "truth/b.png", _square(4, 255))
    _picture(tmp_path / "pred/a_mask.png", _square(6))
    _picture(tmp_path / "pred/b_mask.png", _square(0, 0))
    scored = evaluate(tmp_path / "pred", tmp_path / "truth", output_dir=tmp_path / "out", workers=1, progress=False)
    a, b = scored.rows
    assert (a["case"], a["label"], a["dice"], a["hd95"]) == ("a", 1, 0.5, 2.0)
    assert (b["dice"], b["nsd"], b["missed"], b["spurious"]) == (0.0, 0.0, True, False)
    assert b["hd95"] == pytest.approx(np.hypot(16, 16))
    assert scored.means["all"]["dice"]["mean"] == 0.25
    assert scored.means["all"]["missed"] == 1
    written = json.loads((tmp_path / "out/scores.json").read_text())
    assert written["definition"] == "monai"
    with (tmp_path / "out/scores.csv").open() as file:
        assert [row["dice"] for row in csv.DictReader(file)] == ["0.5", "0.0"]
    assert "2 cases, 1 missed, 0 spurious" in scored.table()


def test_labels_are_scored_apart_and_processes_agree(tmp_path: Path) -> None:
    for name, shift in (("a", 0), ("b", 2)):
        _picture(tmp_path / f"truth/{name}.png", np.maximum(_square(2, 1), _square(8, 3)))
        _picture(tmp_path / f"pred/{name}.png", np.maximum(_square(2, 1), _square(8 + shift, 3)))
    one = evaluate(tmp_path / "pred", tmp_path / "truth", workers=1, progress=False)
    two = evaluate(tmp_path / "pred", tmp_path / "truth", workers=2, progress=False)
    assert one.rows == two.rows
    assert [(row["case"], row["label"], row["dice"]) for row in one.rows] == [
        ("a", 1, 1.0),
        ("a", 3, 1.0),
        ("b", 1, 1.0),
        ("b", 3, 0.5),
    ]
    assert one.means["label 3"]["dice"]["mean"] == 0.75
    assert one.means["all"]["dice"]["mean"] == 0.875


def test_distances_of_volumes_are_millimetres(tmp_path: Path) -> None:
    truth, pred = np.zeros((2, 12, 12, 6), np.uint8)
    truth[3:6, 3:6, 1:3] = 1
    pred[3:6, 3:6, 2:4] = 1
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    nib.save(nib.Nifti1Image(truth, affine), tmp_path / "truth.nii.gz")
    nib.save(nib.Nifti1Image(pred, affine), tmp_path / "pred.nii.gz")
    (row,) = evaluate(tmp_path / "pred.nii.gz", tmp_path / "truth.nii.gz", progress=False).rows
    assert (row["dice"], row["hd95"]) == (0.5, 5.0)


def test_a_bad_file_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    for name in "abc":
        _picture(tmp_path / f"truth/{name}.png", _square(4))
        _picture(tmp_path / f"pred/{name}.png", _square(4))
    (tmp_path / "pred/b.png").write_bytes(b"no picture")
    _picture(tmp_path / "pred/c.png", np.zeros((5, 5)))
    scored = evaluate(tmp_path / "pred", tmp_path / "truth", workers=1, progress=False)
    assert [row["case"] for row in scored.rows] == ["a"]
    assert "cannot read" in scored.failed["b"]
    assert "size (5, 5) differs from (16, 16)" in scored.failed["c"]
    assert "not scored: b" in scored.table()


def test_a_mask_on_another_grid_is_refused(tmp_path: Path) -> None:
    mask = np.ones((4, 4, 4), np.uint8)
    nib.save(nib.Nifti1Image(mask, np.eye(4)), tmp_path / "truth.nii.gz")
    nib.save(nib.Nifti1Image(mask, np.diag([2.0, 1, 1, 1])), tmp_path / "pred.nii.gz")
    failed = evaluate(tmp_path / "pred.nii.gz", tmp_path / "truth.nii.gz", progress=False).failed
    assert "affine differs" in failed["truth"]


def test_pairs_that_lack(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _picture(tmp_path / f"truth/{name}.png", _square(4))
    _picture(tmp_path / "pred/a.png", _square(4))
    with pytest.raises(FileNotFoundError, match=r"no prediction in .*pred for b"):
        pair_masks(tmp_path / "pred", tmp_path / "truth")
    with pytest.raises(FileNotFoundError, match="expected two masks or two folders"):
        pair_masks(tmp_path / "pred/a.png", tmp_path / "truth")
    with pytest.raises(FileNotFoundError, match="no mask or folder at"):
        pair_masks(tmp_path / "nothing", tmp_path / "truth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no mask in"):
        pair_masks(tmp_path / "pred", tmp_path / "empty")
