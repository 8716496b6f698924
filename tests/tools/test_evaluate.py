# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scoring folders of masks: pairing, spacing, misses, and files that can't be read."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import tifffile
from litemed.files import only_writer
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
    assert scored.table.scores["dice"]["mean"] == 0.25
    assert scored.table.counts == {"missed": 1, "spurious": 0}
    written = json.loads((tmp_path / "out/scores.json").read_text())
    assert written["definition"] == "monai"
    with (tmp_path / "out/scores.csv").open() as file:
        assert [row["dice"] for row in csv.DictReader(file)] == ["0.5", "0.0"]
    assert "2 cases, 1 missed, 0 spurious" in scored.text()
    assert "distances of what is missed or spurious are the diagonal of the image" in scored.text()


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
    assert one.table.groups["label 3"].scores["dice"]["mean"] == 0.75
    assert one.table.scores["dice"]["mean"] == 0.875


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
    assert scored.failed["b"] == f"{tmp_path}/pred/b.png can't be read as a picture: it has no known format"
    assert "size (5, 5) differs from (16, 16)" in scored.failed["c"]
    assert "not scored: b" in scored.text()


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


def _discs() -> dict[str, np.ndarray]:
    y, x = np.mgrid[:64, :64]
    return {name: ((x - c) ** 2 + (y - 32) ** 2 < 15**2).astype(np.uint8) for name, c in (("pred", 30), ("true", 33))}


# by MONAI 1.6's compute_hausdorff_distance, compute_average_surface_distance and compute_surface_dice of the pictures
DISCS = {"dice": 0.8752, "hd95": 3.0, "assd": 1.7643, "nsd": 0.2857}


@pytest.mark.parametrize(("pred", "true"), [("png", "png"), ("nii.gz", "nii.gz"), ("nii.gz", "png"), ("png", "nrrd")])
def test_a_plane_is_scored_as_a_plane(tmp_path: Path, pred: str, true: str) -> None:
    for name, mask in _discs().items():
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
        image = SimpleITK.GetImageFromArray(mask[None])
        for suffix in ("nii.gz", "nrrd"):
            SimpleITK.WriteImage(image, str(tmp_path / f"{name}.{suffix}"))
    scored = evaluate(tmp_path / f"pred.{pred}", tmp_path / f"true.{true}", progress=False)
    assert {key: round(scored.rows[0][key], 4) for key in DISCS} == DISCS
    assert ("the true mask has no spacing, distances are in pixels" in scored.notes) == (true == "png")


@pytest.mark.parametrize(("byteorder", "kind"), [("<", np.uint16), (">", np.uint16), (">", np.float32)])
def test_labels_are_scored_exactly(tmp_path: Path, byteorder: str, kind: type) -> None:
    truth = np.zeros((64, 64), kind)
    truth[:20], truth[20:40], truth[40:50] = 300, 1, 700
    pred = truth.copy()
    pred[truth == 300], pred[truth == 700] = 700, 300
    for name, labels in (("pred", pred), ("true", truth)):
        tifffile.imwrite(tmp_path / f"{name}.tif", labels, byteorder=byteorder)
    rows = evaluate(tmp_path / "pred.tif", tmp_path / "true.tif", progress=False).rows
    assert {row["label"]: row["dice"] for row in rows} == {1: 1.0, 300: 0.0, 700: 0.0}


@pytest.mark.parametrize("ending", ["", "_mask", "_labels", "_seg", "_trans"])
def test_names_that_programs_give(tmp_path: Path, ending: str) -> None:
    for name in ("scan.1", "scan.2"):
        _picture(tmp_path / f"truth/{name}_gt.png", _square(4))
        _picture(tmp_path / f"pred/{name}{ending}.png", _square(4))
    _picture(tmp_path / "pred/scan.1_overlay.png", _square(0))
    assert [(case, pred.name) for case, pred, _ in pair_masks(tmp_path / "pred", tmp_path / "truth")] == [
        ("scan.1_gt", f"scan.1{ending}.png"),
        ("scan.2_gt", f"scan.2{ending}.png"),
    ]


@pytest.mark.parametrize("second", ["a.tif", "a_mask.png", "a_labels.nii.gz"])
def test_two_masks_of_one_name_are_refused(tmp_path: Path, second: str) -> None:
    for folder in ("pred", "truth"):
        _picture(tmp_path / folder / "a.png", _square(4))
    (tmp_path / "pred" / second).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"truth/a.png has 2 predictions, .*pred/{second}: keep one"):
        pair_masks(tmp_path / "pred", tmp_path / "truth")
    with pytest.raises(ValueError, match=r"have the same prediction, .*truth/a.png: keep one"):
        pair_masks(tmp_path / "truth", tmp_path / "pred")


def test_what_is_taken_for_granted_is_told(tmp_path: Path) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[4:8, 4:8, 0] = 255
    _picture(tmp_path / "truth/a.png", _square(4))
    _picture(tmp_path / "pred/a.png", red)
    _picture(tmp_path / "truth/b.png", _square(4, 255))
    _picture(tmp_path / "pred/b.png", _square(4))
    _picture(tmp_path / "truth/c.png", _square(4, 0))
    _picture(tmp_path / "pred/c.png", _square(4, 0))
    scored = evaluate(tmp_path / "pred", tmp_path / "truth", workers=1, output_dir=tmp_path, progress=False)
    assert [(row["case"], row["dice"]) for row in scored.rows] == [("a", 1.0), ("b", 1.0)]
    assert scored.notes == {
        "0 and 255 are read as background and label 1": 1,
        "black and the colour (255, 0, 0) are read as background and label 1": 1,
        "neither mask has a label, so there is nothing to score": 1,
        "the true mask has no spacing, distances are in pixels": 3,
    }
    assert "the true mask has no spacing, distances are in pixels (3 cases)" in scored.text()
    assert json.loads((tmp_path / "scores.json").read_text())["notes"] == scored.notes


def test_a_picture_too_large_is_listed_with_size_and_limit(tmp_path: Path) -> None:
    for folder in ("pred", "truth"):
        _picture(tmp_path / folder / "small.png", _square(4))
        Image.new("1", (20000, 20000), 1).save(tmp_path / folder / "slide.png")
    scored = evaluate(tmp_path / "pred", tmp_path / "truth", workers=1, progress=False)
    assert [row["case"] for row in scored.rows] == ["small"]
    assert "slide.png" in scored.failed["slide"]
    assert "400000000 pixels" in scored.failed["slide"]
    assert str(2 * Image.MAX_IMAGE_PIXELS) in scored.failed["slide"]


def test_an_error_of_any_kind_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("12 GiB")

    for name in ("a", "b"):
        for folder in ("pred", "truth"):
            _picture(tmp_path / folder / f"{name}.png", _square(4))
    monkeypatch.setattr("litemed.tools.evaluate.surface_scores", fail)
    failed = evaluate(tmp_path / "pred", tmp_path / "truth", workers=1, progress=False).failed
    assert failed == {name: f"{tmp_path}/pred/{name}.png: MemoryError('12 GiB')" for name in ("a", "b")}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"definition": "itk"}, "definition must be one of monai, medpy, deepmind"),
        ({"tolerance": -1}, "tolerance must be finite and not negative"),
        ({"tolerance": "wide"}, "expected tolerance to be a number, got 'wide'"),
        ({"threshold": "127"}, "expected threshold to be a number"),
        ({"workers": 0}, "at least 1 worker"),
        ({"engine": "spark"}, "expected engine to be one of local, ray"),
    ],
)
def test_options_are_checked_before_the_work(
    tmp_path: Path, options: dict, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _picture(tmp_path / "a.png", _square(4))
    monkeypatch.setattr("litemed.tools.evaluate.read_mask", None)
    with pytest.raises(ValueError, match=told):
        evaluate(tmp_path / "a.png", tmp_path / "a.png", progress=False, **options)
    with pytest.raises(ValueError, match=r"expected a folder for the scores, but .*a.png is a file"):
        evaluate(tmp_path / "a.png", tmp_path / "a.png", output_dir=tmp_path / "a.png")


def test_jpeg_masks_need_a_threshold_which_is_told(tmp_path: Path) -> None:
    mask = np.kron(_square(4, 255), np.ones((8, 8), np.uint8))
    for folder in ("pred", "truth"):
        _picture(tmp_path / folder / "a.jpg", mask)
    assert "give a threshold" in evaluate(tmp_path / "pred", tmp_path / "truth", progress=False).failed["a"]
    scored = evaluate(tmp_path / "pred", tmp_path / "truth", threshold=127, progress=False)
    assert [row["dice"] for row in scored.rows] == [1.0]
    assert "values above 127 are read as label 1" in scored.notes


def test_pictures_are_scored_without_torch_and_readers_of_volumes(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png", _square(4))
    code = f"""
import sys
from litemed.tools.evaluate import evaluate
print(evaluate({str(tmp_path / "a.png")!r}, {str(tmp_path / "a.png")!r}, progress=False).rows[0]["dice"])
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{"ignite", "itk", "monai", "nibabel", "torch"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n\n", "")


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    _picture(tmp_path / "truth/a.png", _square(4))
    _picture(tmp_path / "pred/a.png", _square(6))
    options = {"output_dir": tmp_path / "out", "workers": 1, "progress": False}
    with only_writer(tmp_path / "out"), pytest.raises(BlockingIOError, match="out is being written by process"):
        evaluate(tmp_path / "pred", tmp_path / "truth", **options)
    evaluate(tmp_path / "pred", tmp_path / "truth", **options)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scores.csv", "scores.json"]
