# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From image files and boxes to result files, with a network whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
import pydicom
import pytest
import torch
from litemed.images.overlay import label_overlay
from litemed.prompting.segment import segment_boxes
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


class BrightNetwork:
    """The mask of a box is where the picture is brighter than half, inside the box."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.arange(256.0)
        across = (places >= boxes[:, 0:1] - 2) & (places <= boxes[:, 2:3] + 2)
        down = (places >= boxes[:, 1:2] - 2) & (places <= boxes[:, 3:4] + 2)
        inside = down[:, None, :, None] & across[:, None, None, :]
        return torch.where(inside, (embedding[:, :1] - 0.5) * 8, -4.0), torch.full((len(boxes), 1), 0.75)


NETWORK = BrightNetwork()
BOXES = [[2, 3, 2, 20, 15, 8], [25, 30, 0, 40, 45, 4]]  # in voxels of the stored axes


def _oblique() -> np.ndarray:
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


def _phantom() -> tuple[np.ndarray, np.ndarray]:
    """Hounsfield units of two bricks in air, and their label map."""
    labels = np.zeros((48, 50, 10), np.uint8)
    for label, (x0, y0, z0, x1, y1, z1) in enumerate(BOXES, start=1):
        labels[x0 : x1 + 1, y0 : y1 + 1, z0 : z1 + 1] = label
    return np.where(labels > 0, 100, -1000).astype(np.int16), labels


def _overlap(found: np.ndarray, expected: np.ndarray) -> float:
    return min(
        2 * ((found == k) & (expected == k)).sum() / ((found == k).sum() + (expected == k).sum()) for k in (1, 2)
    )


@pytest.mark.parametrize(("mode", "suffix"), [("L", "png"), ("RGB", "jpg"), ("RGB", "tif"), ("I;16", "png")])
def test_pictures_in_and_label_pictures_out(tmp_path: Path, mode: str, suffix: str) -> None:
    picture = np.zeros((90, 120), np.uint8)
    picture[10:40, 20:60], picture[50:80, 70:100] = 220, 180
    array = picture.astype(np.uint16) * 200 if mode == "I;16" else picture
    Image.fromarray(array).convert(mode if mode == "RGB" else None).save(tmp_path / f"case.{suffix}")
    report = segment_boxes(
        tmp_path / f"case.{suffix}", "20,10,59,39; 70,50,99.5,79", NETWORK, tmp_path / "out", pixel_spacing=(0.5, 0.2)
    )
    out = Image.open(report["labels"])
    assert Path(report["labels"]).name == ("case_labels.tif" if suffix == "tif" else "case_labels.png")
    labels = np.asarray(out)
    assert labels.shape == picture.shape
    expected = np.zeros_like(picture)
    expected[10:40, 20:60], expected[50:80, 70:100] = 1, 2
    assert _overlap(labels, expected) > 0.97
    first, second = report["objects"]
    assert first["pixels"] == (labels == 1).sum()
    assert first["area_mm2"] == pytest.approx(first["pixels"] * 0.1)
    assert (second["label"], second["predicted_iou"], second["box"]) == (2, 0.75, [70, 50, 99.5, 79])
    assert json.loads((tmp_path / "out" / "case_objects.json").read_text()) == report
    assert np.asarray(Image.open(report["overlay"])).shape == (90, 120, 3)
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_areas_are_in_pixels_where_no_spacing_is_known(tmp_path: Path) -> None:
    Image.fromarray(np.eye(40, dtype=np.uint8) * 255).save(tmp_path / "a.png")
    report = segment_boxes(tmp_path / "a.png", [1, 1, 30, 30], NETWORK, tmp_path / "out")
    assert report["spacing_mm"] is None
    assert "area_mm2" not in report["objects"][0]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("codes", ["RAS", "LPS", "SPL", "AIR"])
def test_nifti_in_and_out_in_any_orientation(tmp_path: Path, suffix: str, codes: str) -> None:
    values, expected = _phantom()
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(_oblique()), nibabel.orientations.axcodes2ornt(codes)
    )
    image = nibabel.Nifti1Image(values, _oblique()).as_reoriented(turn)
    truth = nibabel.Nifti1Image(expected, _oblique()).as_reoriented(turn)
    image.header["descrip"] = b"kept"
    nibabel.save(image, tmp_path / f"scan{suffix}")
    nibabel.save(truth, tmp_path / "mask.nii")
    report = segment_boxes(tmp_path / f"scan{suffix}", tmp_path / "mask.nii", NETWORK, tmp_path / "out")
    written = nibabel.load(report["labels"])
    assert report["labels"].endswith(f"scan_labels{suffix}")
    np.testing.assert_array_equal(written.affine, nibabel.load(tmp_path / f"scan{suffix}").affine)
    assert written.header["descrip"].item() == b"kept"
    assert written.get_data_dtype() == np.uint8
    labels = np.asanyarray(written.dataobj)
    assert _overlap(labels, np.asanyarray(truth.dataobj)) > 0.9
    assert report["intensity"] == "CT window soft_tissue"
    first = report["objects"][0]
    assert first["voxels"] == (labels == 1).sum()
    assert first["volume_mm3"] == pytest.approx(first["voxels"] * 0.7 * 0.8 * 4, rel=1e-5)
    assert np.asarray(Image.open(report["overlay"])).ndim == 3


def test_boxes_are_in_the_files_own_voxels(tmp_path: Path) -> None:
    values, expected = _phantom()
    nibabel.save(nibabel.Nifti1Image(values, np.diag([0.7, 0.8, 4, 1])), tmp_path / "scan.nii")
    report = segment_boxes(tmp_path / "scan.nii", BOXES, NETWORK, tmp_path / "out", modality="CT", window=(0, 2000))
    assert _overlap(np.asanyarray(nibabel.load(report["labels"]).dataobj), expected) > 0.95
    assert report["encodings"] == 9  # slices 0 to 8
    compat = segment_boxes(tmp_path / "scan.nii", BOXES, NETWORK, tmp_path / "compat", challenge_compat=True)
    assert _overlap(np.asanyarray(nibabel.load(compat["labels"]).dataobj), expected) > 0.95


def test_nrrd_in_and_out(tmp_path: Path) -> None:
    values, expected = _phantom()
    lps = np.diag([-1.0, -1, 1, 1]) @ _oblique()
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(values.T))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    itk.imwrite(image, str(tmp_path / "scan.nrrd"))
    report = segment_boxes(tmp_path / "scan.nrrd", BOXES, NETWORK, tmp_path / "out")
    written = itk.imread(report["labels"])
    assert _overlap(itk.array_from_image(written).T, expected) > 0.9
    np.testing.assert_allclose(written.GetSpacing(), spacing, rtol=1e-9)
    np.testing.assert_allclose(written.GetOrigin(), lps[:3, 3], rtol=1e-9)
    np.testing.assert_allclose(itk.array_from_matrix(written.GetDirection()), lps[:3, :3] / spacing, atol=1e-9)


def test_dicom_series_give_nifti(tmp_path: Path) -> None:
    values, expected = _phantom()
    (tmp_path / "series").mkdir()
    series = generate_uid(entropy_srcs=["a"])
    for k in range(values.shape[2]):
        item = pydicom.Dataset()
        item.file_meta = FileMetaDataset()
        item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID = CTImageStorage
        item.file_meta.MediaStorageSOPInstanceUID = item.SOPInstanceUID = generate_uid(entropy_srcs=[str(k)])
        item.Modality, item.SeriesInstanceUID = "CT", series
        item.ImagePositionPatient, item.ImageOrientationPatient = [0, 0, 4.0 * k], [1, 0, 0, 0, 1, 0]
        item.PixelSpacing, (item.Columns, item.Rows) = [0.8, 0.7], values.shape[:2]
        item.SamplesPerPixel, item.PhotometricInterpretation, item.PixelRepresentation = 1, "MONOCHROME2", 1
        item.BitsAllocated, item.BitsStored, item.HighBit = 16, 16, 15
        item.RescaleSlope, item.RescaleIntercept = 1, 0
        item.PixelData = np.ascontiguousarray(values[:, :, k].T, dtype="<i2").tobytes()
        item.save_as(tmp_path / "series" / f"{k}.dcm", enforce_file_format=True)
    report = segment_boxes(tmp_path / "series", BOXES, NETWORK, tmp_path / "out")
    written = nibabel.load(report["labels"])
    assert report["labels"].endswith("series_labels.nii.gz")
    np.testing.assert_allclose(written.affine, np.diag([-0.7, -0.8, 4, 1]), atol=1e-6)
    assert _overlap(np.asanyarray(written.dataobj), expected) > 0.9


def test_archives_give_segs_under_the_same_name(tmp_path: Path) -> None:
    values, expected = _phantom()
    images = np.where(values.T > 0, 200, 0).astype(np.uint8)
    np.savez(tmp_path / "3D_CT_a.npz", imgs=images, boxes=np.array(BOXES), spacing=[0.7, 0.8, 4])
    report = segment_boxes(tmp_path / "3D_CT_a.npz", None, NETWORK, tmp_path / "out", challenge_compat=True)
    with np.load(tmp_path / "out" / "3D_CT_a.npz") as archive:
        assert _overlap(archive["segs"], expected.T) > 0.9
    assert report["objects"][0]["volume_mm3"] == pytest.approx(report["objects"][0]["voxels"] * 2.24)
    with pytest.raises(ValueError, match="choose another output_dir"):
        segment_boxes(tmp_path / "3D_CT_a.npz", None, NETWORK, tmp_path)


def test_grey_pictures_and_colour_slices_of_archives(tmp_path: Path) -> None:
    values, expected = _phantom()
    images = np.where(values.T > 0, 200, 0).astype(np.uint8)
    np.savez(tmp_path / "2D_US_a.npz", imgs=images[3], boxes=np.array(BOXES)[:, [0, 1, 3, 4]])
    segment_boxes(tmp_path / "2D_US_a.npz", None, NETWORK, tmp_path / "out", challenge_compat=True)
    with np.load(tmp_path / "out" / "2D_US_a.npz") as archive:
        assert _overlap(archive["segs"], expected.T[3]) > 0.9
    np.savez(tmp_path / "3D_MR_a.npz", imgs=np.repeat(images[..., None], 3, axis=3), boxes=np.array(BOXES))
    with pytest.warns(UserWarning, match="no spacing: sizes are in voxels"):
        report = segment_boxes(tmp_path / "3D_MR_a.npz", None, NETWORK, tmp_path / "out")
    with np.load(tmp_path / "out" / "3D_MR_a.npz") as archive:
        assert _overlap(archive["segs"], expected.T) > 0.9
    assert "volume_mm3" not in report["objects"][0]


def test_a_tilted_gantry_has_the_volume_of_its_determinant(tmp_path: Path) -> None:
    values, _ = _phantom()
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    affine[1, 2] = 5 * np.tan(np.radians(25))
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "scan.nii.gz")
    with pytest.warns(UserWarning, match=r"scan.nii.gz has axes at other than right angles"):
        report = segment_boxes(tmp_path / "scan.nii.gz", BOXES, NETWORK, tmp_path / "out")
    first = report["objects"][0]
    assert first["volume_mm3"] == pytest.approx(first["voxels"] * 5.0)


def test_nifti_without_voxel_sizes_is_measured_in_voxels(tmp_path: Path) -> None:
    values, expected = _phantom()
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii")
    stored = bytearray((tmp_path / "scan.nii").read_bytes())
    stored[80:92] = bytes(12)  # sizes of the voxels
    stored[252:256] = bytes(4)  # codes of qform and sform: no affine
    (tmp_path / "scan.nii").write_bytes(stored)
    with pytest.warns(UserWarning, match=r"scan.nii has no spacing: sizes are in voxels"):
        report = segment_boxes(tmp_path / "scan.nii", BOXES, NETWORK, tmp_path / "out", plane="stored")
    assert report["spacing_mm"] is None
    assert "volume_mm3" not in report["objects"][0]
    assert _overlap(np.asanyarray(nibabel.load(report["labels"]).dataobj), expected) > 0.9


def test_clips_boxes_that_leave_the_image_and_says_so(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 50), 9, np.uint8)).save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match=r"box 1 of .* leaves the image of 50x40"):
        report = segment_boxes(tmp_path / "a.png", [-3, 4, 60, 30], NETWORK, tmp_path / "out")
    assert report["objects"][0]["box"] == [0, 4, 50, 30]
    assert len(report["notices"]) == 1


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([60, 1, 70, 9], r"inside 50x40 .*got \[60.0, 1.0, 70.0, 9.0\] \(box 1 of the prompt for a.png\)"),
        ([9, 1, 9, 9], "ends lie beyond"),
        ("9,1,nan,9", "finite numbers"),
        ([1, 1, 1, 9, 9, 9], "4 numbers"),
        (None, r"a.png brings no boxes"),
        ([], "expected"),
    ],
)
def test_bad_boxes_write_nothing(tmp_path: Path, boxes: Any, message: str) -> None:
    Image.fromarray(np.full((40, 50), 9, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=message):
        segment_boxes(tmp_path / "a.png", boxes, NETWORK, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("shape", "message"), [((4, 5, 6, 7), r"expected a 3D volume, got shape \(4, 5, 6, 7\)"), ((4,), "3D volume")]
)
def test_nifti_of_other_rank_is_refused(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match=message) as error:
        segment_boxes(tmp_path / "a.nii", [0, 0, 0, 2, 2, 2], NETWORK, tmp_path / "out")
    assert "a.nii" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_other_bad_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none.png"):
        segment_boxes(tmp_path / "none.png", [0, 0, 2, 2], NETWORK, tmp_path / "out")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"cut.png can't be read"):
        segment_boxes(tmp_path / "cut.png", [0, 0, 2, 2], NETWORK, tmp_path / "out")
    frames = [Image.new("L", (9, 9), k) for k in range(3)]
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=r"stack.tif: expected a picture of one frame, got 3"):
        segment_boxes(tmp_path / "stack.tif", [0, 0, 2, 2], NETWORK, tmp_path / "out")
    np.savez(tmp_path / "a.npz", imgs=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"a.npz can't be read: it holds pickled objects"):
        segment_boxes(tmp_path / "a.npz", [0, 0, 2, 2], NETWORK, tmp_path / "out")
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="pixel spacing"):
        segment_boxes(tmp_path / "a.png", [0, 0, 2, 2], NETWORK, tmp_path / "out", pixel_spacing=-1)
    assert not (tmp_path / "out").exists()


def test_a_mask_on_another_grid_is_refused(tmp_path: Path) -> None:
    values, labels = _phantom()
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii")
    nibabel.save(nibabel.Nifti1Image(labels[::-1], np.diag([-1, 1, 1, 1])), tmp_path / "mask.nii")
    with pytest.raises(ValueError, match=r"mask.nii: affine differs"):
        segment_boxes(tmp_path / "scan.nii", tmp_path / "mask.nii", NETWORK, tmp_path / "out")


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.full((40, 50), 9, np.uint8)).save(tmp_path / "a.png")

    def fail(*args: Any, **kwargs: Any) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(json, "dumps", fail)
    with pytest.raises(OSError, match="disk full"):
        segment_boxes(tmp_path / "a.png", [1, 1, 9, 9], NETWORK, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_overlay_colours_objects_and_keeps_the_rest() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[0, 0] = 255
    labels = np.zeros((100, 100), np.uint8)
    labels[20:60, 20:60], labels[70:90, 70:90] = 1, 9
    picture = label_overlay(image, labels, np.array([[20, 20, 59, 59.0]]), np.array([1]))
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[95, 5].tolist() == [0, 0, 0]
    assert picture[50, 50].any()
    assert picture[80, 80].any()
    assert picture[50, 50].tolist() != picture[80, 80].tolist()
