# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From image files and boxes to result files, by a network whose answers are known: the same from every entrance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
import pydicom
import pytest
import torch
from litemed.prompting import segment_objects
from litemed.tools.segment import segment
from monai.bundle import ConfigParser
from monai.bundle import run as run_bundle
from PIL import Image
from swiftmedsam import BUNDLE_ROOT

CONFIG = f"{BUNDLE_ROOT}/configs/inference.json"
BOXES = [[2, 3, 2, 20, 15, 8], [25, 30, 0, 40, 45, 4]]
"""In voxels of the phantom's stored axes."""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, weights: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run(image, boxes, **options)``: the object table, with the paths of its files; notices as the command has them.

    The test's folder is another one than that of the image.
    """
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def run(image: Path, boxes: Any = None, out: str = "out", **options: Any) -> dict[str, Any]:
        options = {"ckpt_path": weights, **options}
        done = segment(image, "swiftmedsam", tmp_path / out, boxes=boxes, workers=1, overrides=options, progress=False)
        if done.failed:
            raise ValueError(*done.failed.values())
        (names,) = done.results.values()
        (table,) = (name for name in names if name.endswith("_objects.json"))
        report = json.loads((tmp_path / out / table).read_text())
        named = {name for name in names if name.endswith((".ctbl", ".label", "_segments.dcm"))}
        assert sorted(set(names) - named) == sorted([table, report["labels"], report["overlay"]])
        assert (len(named) > 1) == (Path(report["labels"]).suffix in (".gz", ".nii", ".nrrd", ".mha"))
        assert not list(Path.cwd().iterdir())
        paths = {kind: tmp_path / out / report[kind] for kind in ("labels", "overlay")}
        return {**report, **paths, "notices": [each for notices in done.notices.values() for each in notices]}

    return run


def oblique() -> np.ndarray:
    turn = np.eye(4)
    for axis, degrees in enumerate((10, -20, 15)):
        step = np.eye(4)
        first, second = [other for other in range(3) if other != axis]
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        step[[first, first, second, second], [first, second, first, second]] = cosine, -sine, sine, cosine
        turn = turn @ step
    affine = turn @ np.diag([0.7, 0.8, 4.0, 1.0])
    affine[:3, 3] = -31.5, 12.25, 700.125
    return affine


def phantom() -> tuple[np.ndarray, np.ndarray]:
    """Hounsfield units of two bricks in air, and their label map."""
    labels = np.zeros((48, 50, 10), np.uint8)
    for label, (x0, y0, z0, x1, y1, z1) in enumerate(BOXES, start=1):
        labels[x0 : x1 + 1, y0 : y1 + 1, z0 : z1 + 1] = label
    return np.where(labels > 0, 100, -1000).astype(np.int16), labels


def overlap(found: np.ndarray, expected: np.ndarray) -> float:
    return min(
        2 * ((found == k) & (expected == k)).sum() / ((found == k).sum() + (expected == k).sum()) for k in (1, 2)
    )


def read(path: Path) -> np.ndarray:
    """Labels with the axes of their file."""
    if path.suffix in (".png", ".tif"):
        return np.asarray(Image.open(path)).T
    return np.asanyarray(nibabel.load(path).dataobj)


def test_every_entrance_gives_the_same(tmp_path: Path, run: Run, weights: str, bright: type) -> None:
    """Fractions and overlaps count in the command, a run of MONAI and a call with arrays alike."""
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (61, 83), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    boxes = [[10.3, 5.7, 39.45, 24.2], [30.5, 12.5, 60.5, 50.25], [30.5, 12.5, 60.5, 50.25]]
    command = read(run(tmp_path / "a.png", boxes)["labels"])
    run_bundle(
        config_file=CONFIG, ckpt_path=weights, dataset_dir=str(tmp_path / "a.png"), output_dir=str(tmp_path / "run"),
        boxes=boxes,
    )  # fmt: skip
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, box)) for box in boxes))
    beside = read(run(tmp_path / "a.png", out="beside")["labels"])
    called = segment_objects(pixels, boxes, bright("fast").eval()).labels
    for found in (read(tmp_path / "run/a_mask.png"), beside, called.T):
        np.testing.assert_array_equal(found, command)
    rounded = segment_objects(pixels, np.rint(boxes), bright("fast").eval()).labels
    assert (command != rounded.T).any()


@pytest.mark.parametrize(("mode", "suffix"), [("L", "png"), ("RGB", "jpg"), ("RGB", "tif"), ("I;16", "png")])
def test_pictures_in_and_label_pictures_out(tmp_path: Path, run: Run, mode: str, suffix: str) -> None:
    picture = np.zeros((90, 120), np.uint8)
    picture[10:40, 20:60], picture[50:80, 70:100] = 220, 180
    array = picture.astype(np.uint16) * 200 if mode == "I;16" else picture
    Image.fromarray(array).convert(mode if mode == "RGB" else None).save(tmp_path / f"case.{suffix}")
    report = run(tmp_path / f"case.{suffix}", "20,10,59,39; 70,50,99.5,79", pixel_spacing=(0.5, 0.2))
    assert report["labels"].name == ("case_mask.tif" if suffix == "tif" else "case_mask.png")
    labels = read(report["labels"]).T
    expected = np.zeros_like(picture)
    expected[10:40, 20:60], expected[50:80, 70:100] = 1, 2
    assert overlap(labels, expected) > 0.97
    first, second = report["objects"]
    assert first["pixels"] == (labels == 1).sum()
    assert first["area_mm2"] == pytest.approx(first["pixels"] * 0.1)
    assert (second["label"], second["predicted_iou"], second["box"]) == (2, 0.75, [70, 50, 99.5, 79])
    assert np.asarray(Image.open(report["overlay"])).shape == (90, 120, 3)


def test_areas_are_in_pixels_where_no_spacing_is_known(tmp_path: Path, run: Run) -> None:
    Image.fromarray(np.eye(40, dtype=np.uint8) * 255).save(tmp_path / "a.png")
    report = run(tmp_path / "a.png", [1, 1, 30, 30])
    assert report["spacing_mm"] is None
    assert "area_mm2" not in report["objects"][0]


@pytest.mark.parametrize(
    ("codes", "suffix", "plane"),
    [
        ("RAS", ".nii", "axial"),
        ("LPS", ".nii.gz", "coronal"),
        ("SPL", ".nii", "sagittal"),
        ("AIR", ".nii.gz", "axial"),
        ("AIR", ".nii", "stored"),
    ],
)
def test_nifti_in_and_out_in_any_orientation(tmp_path: Path, run: Run, suffix: str, codes: str, plane: str) -> None:
    values, expected = phantom()
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(oblique()), nibabel.orientations.axcodes2ornt(codes)
    )
    image = nibabel.Nifti1Image(values, oblique()).as_reoriented(turn)
    truth = nibabel.Nifti1Image(expected, oblique()).as_reoriented(turn)
    image.header["descrip"] = b"kept"
    nibabel.save(image, tmp_path / f"scan{suffix}")
    nibabel.save(truth, tmp_path / "mask.nii")
    report = run(tmp_path / f"scan{suffix}", tmp_path / "mask.nii", plane=plane)
    written = nibabel.load(report["labels"])
    assert report["labels"].name == f"scan_mask{suffix}"
    np.testing.assert_array_equal(written.affine, nibabel.load(tmp_path / f"scan{suffix}").affine)
    assert written.header["descrip"].item() == b"kept"
    assert written.get_data_dtype() == np.uint8
    labels = np.asanyarray(written.dataobj)
    assert overlap(labels, np.asanyarray(truth.dataobj)) > 0.9
    assert report["intensity"] == "CT window soft_tissue"
    first = report["objects"][0]
    assert first["voxels"] == (labels == 1).sum()
    assert first["volume_mm3"] == pytest.approx(first["voxels"] * 0.7 * 0.8 * 4, rel=1e-5)
    assert np.asarray(Image.open(report["overlay"])).ndim == 3


def test_slices_are_those_of_the_plane(tmp_path: Path, run: Run) -> None:
    values, expected = phantom()
    nibabel.save(nibabel.Nifti1Image(values, np.diag([0.7, 0.8, 4, 1])), tmp_path / "scan.nii")
    for plane, slices in (("axial", 9), ("coronal", 29), ("sagittal", 35), ("stored", 9)):
        report = run(tmp_path / "scan.nii", BOXES, plane=plane, modality="CT", window=(0, 2000))
        assert report["encodings"] == slices
        assert overlap(read(report["labels"]), expected) > 0.9
        assert [row["box"] for row in report["objects"]] == BOXES
    compat = run(tmp_path / "scan.nii", BOXES, challenge_compat=True)
    assert overlap(read(compat["labels"]), expected) > 0.95


def test_the_direction_that_slices_are_stored_in_changes_nothing(tmp_path: Path, run: Run) -> None:
    random = np.random.default_rng(0)
    values, _ = phantom()
    image = nibabel.Nifti1Image((values + random.integers(0, 900, values.shape)).astype(np.int16), np.eye(4))
    turned = image.as_reoriented(np.array([[0, 1], [1, 1], [2, -1]]))
    nibabel.save(image, tmp_path / "a.nii")
    nibabel.save(turned, tmp_path / "b.nii")
    flipped = [[*box[:2], 9 - box[5], *box[3:5], 9 - box[2]] for box in ([2, 3, 2, 20, 15, 7], [25, 30, 0, 40, 45, 3])]
    first = read(run(tmp_path / "a.nii", [[2, 3, 2, 20, 15, 7], [25, 30, 0, 40, 45, 3]])["labels"])
    second = read(run(tmp_path / "b.nii", flipped)["labels"])
    np.testing.assert_array_equal(second[:, :, ::-1], first)


def test_nrrd_and_metaimage_in_and_out(tmp_path: Path, run: Run) -> None:
    values, expected = phantom()
    lps = np.diag([-1.0, -1, 1, 1]) @ oblique()
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(values.T))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    for suffix in (".nrrd", ".mha"):
        itk.imwrite(image, str(tmp_path / f"scan{suffix}"))
        report = run(tmp_path / f"scan{suffix}", BOXES)
        assert report["labels"].suffix == suffix
        written = itk.imread(report["labels"])
        assert overlap(itk.array_from_image(written).T, expected) > 0.9
        np.testing.assert_allclose(written.GetSpacing(), spacing, rtol=1e-9)
        np.testing.assert_allclose(written.GetOrigin(), lps[:3, 3], rtol=1e-9)
        np.testing.assert_allclose(itk.array_from_matrix(written.GetDirection()), lps[:3, :3] / spacing, atol=1e-9)


def test_dicom_series_give_nifti_of_their_whole_name(tmp_path: Path, run: Run, write: Callable[..., Path]) -> None:
    values, expected = phantom()
    (tmp_path / "study").mkdir()
    for name in ("1.2.840.1", "1.2.840.2"):
        tags = {"SeriesInstanceUID": name, "SeriesNumber": int(name[-1])}
        tags |= {"StudyInstanceUID": "1.2.840.9", "FrameOfReferenceUID": "1.2.840.8"}
        for file in write("dicom", values, np.diag([-0.7, -0.8, 4.0, 1]), f"study/{name}", **tags).iterdir():
            slice_ = pydicom.dcmread(file)
            slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = (
                f"{slice_.SOPInstanceUID[:60]}.{name[-1]}"
            )
            slice_.save_as(file)
        report = run(tmp_path / "study" / name, BOXES)
        written = nibabel.load(report["labels"])
        assert report["labels"].name == f"{name}_mask.nii.gz"
        np.testing.assert_allclose(written.affine, np.diag([-0.7, -0.8, 4, 1]), atol=1e-6)
        assert overlap(np.asanyarray(written.dataobj), expected) > 0.9
        assert report["notices"] == []
    assert len(list((tmp_path / "out").iterdir())) == 13  # and run.json
    for series, name in ((1, "study_series1"), ("1.2.840.2", "study_series2")):
        report = run(tmp_path / "study", BOXES, out="chosen", series=series)
        np.testing.assert_array_equal(read(report["labels"]), np.asanyarray(written.dataobj))
        assert report["labels"].name == f"{name}_mask.nii.gz"
        segmentation = pydicom.dcmread(tmp_path / f"chosen/{name}_segments.dcm")
        assert segmentation.StudyInstanceUID == "1.2.840.9"
        assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == f"1.2.840.{name[-1]}"
        assert [each.SegmentLabel for each in segmentation.SegmentSequence] == ["object 1", "object 2"]
    assert len(list((tmp_path / "chosen").glob("study_series[12]_*"))) == 12


def test_archives_bring_boxes_and_take_segs(tmp_path: Path, run: Run) -> None:
    values, expected = phantom()
    images = np.where(values.T > 0, 200, 0).astype(np.uint8)
    np.savez(tmp_path / "3D_CT_a.npz", imgs=images, boxes=np.array(BOXES), spacing=[0.7, 0.8, 4])
    report = run(tmp_path / "3D_CT_a.npz", challenge_compat=True)
    with np.load(report["labels"]) as archive:
        assert overlap(archive["segs"], expected.T) > 0.9
    assert report["objects"][0]["volume_mm3"] == pytest.approx(report["objects"][0]["voxels"] * 2.24)
    np.savez(tmp_path / "2D_US_a.npz", imgs=images[3], boxes=np.array(BOXES)[:, [0, 1, 3, 4]])
    with np.load(run(tmp_path / "2D_US_a.npz")["labels"]) as archive:
        assert overlap(archive["segs"], expected.T[3]) > 0.9
    np.savez(tmp_path / "3D_MR_a.npz", imgs=np.repeat(images[..., None], 3, axis=3), boxes=np.array(BOXES))
    report = run(tmp_path / "3D_MR_a.npz")
    with np.load(report["labels"]) as archive:
        assert overlap(archive["segs"], expected.T) > 0.9
    assert "volume_mm3" not in report["objects"][0]
    assert report["notices"] == ["3D_MR_a.npz has no spacing: sizes are in voxels"]
    np.savez(tmp_path / "none.npz", imgs=images[3])
    with pytest.raises(ValueError, match=r"none.npz brings no boxes: give some"):
        run(tmp_path / "none.npz")


def test_volumes_are_measured_by_the_determinant_of_their_axes(tmp_path: Path, run: Run) -> None:
    values, _ = phantom()
    sheared = np.array([[0.9, 0, 0, 0], [0, 0.9, 1.2, 0], [0, 0, 3.0, 0], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(values, sheared), tmp_path / "scan.nii")
    report = run(tmp_path / "scan.nii", BOXES)
    assert report["notices"] == ["scan.nii has axes at other than right angles, as of a tilted gantry"]
    first = report["objects"][0]
    assert first["volume_mm3"] == pytest.approx(first["voxels"] * 0.9 * 0.9 * 3.0, rel=1e-5)


def test_nifti_without_voxel_sizes_is_measured_in_voxels(tmp_path: Path, run: Run) -> None:
    values, expected = phantom()
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii")
    stored = bytearray((tmp_path / "scan.nii").read_bytes())
    stored[80:92] = bytes(12)  # sizes of the voxels
    stored[252:256] = bytes(4)  # codes of qform and sform: no affine
    (tmp_path / "scan.nii").write_bytes(stored)
    report = run(tmp_path / "scan.nii", BOXES, plane="stored")
    assert report["notices"] == ["scan.nii has no spacing: sizes are in voxels"]
    assert report["spacing_mm"] is None
    assert "volume_mm3" not in report["objects"][0]
    assert overlap(read(report["labels"]), expected) > 0.9


def test_clips_boxes_that_leave_the_image_and_says_so(tmp_path: Path, run: Run) -> None:
    Image.fromarray(np.full((40, 50), 9, np.uint8)).save(tmp_path / "a.png")
    report = run(tmp_path / "a.png", [-3, 4, 60, 30])
    assert report["objects"][0]["box"] == [0, 4, 50, 30]
    (notice,) = report["notices"]
    assert notice.startswith("box 1 of the prompt for a.png, [-3.0, 4.0, 60.0, 30.0], leaves the image of 50x40")


@pytest.mark.parametrize(
    ("boxes", "options", "message"),
    [
        ([60, 1, 70, 9], {}, r"inside 50x40 .*got \[60.0, 1.0, 70.0, 9.0\] \(box 1 of the prompt for a.png\)"),
        ([9, 1, 9, 9], {}, "ends lie beyond"),
        ("9,1,nan,9", {}, "finite numbers"),
        ([1, 1, 1, 9, 9, 9], {}, "4 numbers"),
        (None, {}, r"a.png has no boxes"),
        ([], {}, "expected at least one box"),
        ("none.json", {}, "none.json doesn't exist"),
        ("1,1,9,9", {"runtime": "tensorrt"}, "family for tensorrt"),
        ("1,1,9,9", {"pixel_spacing": -1}, "expected a positive pixel spacing in mm, got -1"),
        ("1,1,9,9", {"plane": "oblique"}, "expected a plane of axial, coronal, sagittal or stored, got 'oblique'"),
        ("1,1,9,9", {"box_format": "voc"}, "expected a box format"),
        ("0.1,0.2,0.3,0.4", {}, "from 0 to 1 alone"),
        ("grid.png", {}, "grid.png is of 9x9 pixels, .*a.png of 50x40"),
    ],
)
def test_bad_boxes_write_nothing(tmp_path: Path, run: Run, boxes: Any, options: dict, message: str) -> None:
    Image.fromarray(np.full((40, 50), 9, np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / "grid.png")
    if boxes == "grid.png":
        boxes = tmp_path / boxes
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        run(tmp_path / "a.png", boxes, **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("box_format", "row"), [("sizes", "20,10,40,30"), ("yolo", "0,0.33333333,0.27777778,0.33333333,0.33333333")]
)
def test_formats_of_boxes_are_named(tmp_path: Path, run: Run, box_format: str, row: str) -> None:
    Image.fromarray(np.zeros((90, 120), np.uint8)).save(tmp_path / "a.png")
    (box,) = [entry["box"] for entry in run(tmp_path / "a.png", row, box_format=box_format)["objects"]]
    np.testing.assert_allclose(box, [20, 10, 59, 39], atol=0.02)


def test_a_mask_on_another_grid_is_refused(tmp_path: Path, run: Run) -> None:
    values, labels = phantom()
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii")
    nibabel.save(nibabel.Nifti1Image(labels[::-1], np.diag([-1, 1, 1, 1])), tmp_path / "mask.nii")
    with pytest.raises(ValueError, match=r"mask.nii: affine differs"):
        run(tmp_path / "scan.nii", tmp_path / "mask.nii")


def test_the_modality_of_a_picture_leaves_its_values(tmp_path: Path, run: Run) -> None:
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (40, 50), dtype=np.uint8)).save(tmp_path / "a.png")
    plain, told = (run(tmp_path / "a.png", [3, 3, 30, 30], **options) for options in ({}, {"modality": "CT"}))
    assert told == plain


@pytest.mark.parametrize("prompt", [{"boxes": [10, 5, 39, 24]}, {"roi": [10, 39, 5, 24, 0, 0]}])
def test_monai_label_gives_what_the_command_gives(tmp_path: Path, run: Run, bright: type, prompt: dict) -> None:
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (61, 83), dtype=np.uint8)).save(tmp_path / "a.png")
    parser = ConfigParser()
    parser.read_config(CONFIG)
    item = parser.get_parsed_content("preprocessing")({"image": str(tmp_path / "a.png"), **prompt})
    network = parser.get_parsed_content("network_def").eval()
    labels = parser.get_parsed_content("inferer")(torch.stack([item["image"]]), network)[0]
    np.testing.assert_array_equal(np.asarray(labels[0]), read(run(tmp_path / "a.png", [10, 5, 39, 24])["labels"]))
