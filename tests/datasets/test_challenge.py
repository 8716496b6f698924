# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Archives of the challenge, and image folders made into them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from litemed.datasets.challenge import read_challenge, write_challenge
from litemed.datasets.challenge_conversion import convert
from litemed.images.volumes import open_volume
from PIL import Image


@pytest.mark.parametrize(
    ("name", "shape", "boxes", "is_volume", "sides"),
    [
        ("2D_US_a.npz", (20, 30), [[1, 2, 9, 9]], False, (30, 20)),
        ("2D_CT_a.npz", (20, 30, 3), [[1, 2, 9, 9]], False, (30, 20)),
        ("3D_CT_a.npz", (5, 20, 30), [[1, 2, 0, 9, 9, 4]], True, (30, 20, 5)),
        ("3D_CT_a.npz", (5, 20, 30, 3), [[1, 2, 0, 9, 9, 4]], True, (30, 20, 5)),
        ("odd.npz", (5, 20, 3), [[0, 2, 0, 2, 9, 4]], True, (3, 20, 5)),
        ("3D_odd.npz", (5, 20, 3), None, True, (3, 20, 5)),
        ("odd.npz", (5, 20, 3), None, False, (20, 5)),
    ],
)
def test_tells_pictures_from_volumes(
    tmp_path: Path, name: str, shape: tuple[int, ...], boxes: Any, is_volume: bool, sides: tuple[int, ...]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = np.zeros(sides[::-1], np.uint8)
    given = None if boxes is None else np.array(boxes)
    write_challenge(tmp_path / name, images, boxes=given, spacing=(0.5, 0.6, 3.0), labels=labels)
    case = read_challenge(tmp_path / name)
    assert (case.is_volume, case.sides, case.spacing) == (is_volume, sides, (0.5, 0.6, 3.0))
    np.testing.assert_array_equal(case.images, images)
    assert (case.boxes is None) == (boxes is None)
    assert case.boxes is None or case.boxes.tolist() == boxes


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/nowhere/unpickled"),))


def test_pickles_are_refused_and_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", imgs=np.array([_Bomb()], dtype=object))
    with pytest.raises(ValueError, match=r"a.npz can't be read: it holds pickled objects, which are never loaded"):
        read_challenge(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(pickle.dumps({"imgs": 1}))
    with pytest.raises(ValueError, match=r"b.npz: not an npz archive"):
        read_challenge(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"gts": np.zeros((4, 4))}, "expected an array 'imgs', got gts"),
        ({"imgs": np.zeros(4)}, r"expected numbers .* \(4,\)"),
        ({"imgs": np.zeros((2, 4, 4, 2))}, "3 channels last"),
        ({"imgs": np.zeros((2, 2, 4, 4, 3))}, r"expected numbers"),
        ({"imgs": np.full((4, 4), np.nan)}, "NaN"),
        ({"imgs": np.zeros((4, 4)), "boxes": [[1, 1, 0, 2, 2, 1]]}, "boxes of 6 numbers don't fit"),
        ({"imgs": np.zeros((4, 4)), "boxes": np.zeros((1, 5))}, r"\(1, 5\)"),
        ({"imgs": np.zeros((4, 4)), "boxes": [[5, 1, 9, 2]]}, r"inside 4x4.*box 1 of case.npz"),
        ({"imgs": np.zeros((4, 4)), "gts": np.zeros((4, 5))}, "'gts' has shape"),
        ({"imgs": np.zeros((4, 4)), "spacing": [1, 0, 1]}, "positive spacings"),
    ],
)
def test_wrong_archives_are_named(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "case.npz", **arrays)
    with pytest.raises(ValueError, match=message) as error:
        read_challenge(tmp_path / "case.npz")
    assert "case.npz" in str(error.value)


def test_truncated_and_missing_archives_are_named(tmp_path: Path) -> None:
    path = write_challenge(tmp_path / "a.npz", np.random.default_rng(0).integers(0, 9, (64, 64), dtype=np.uint8))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.npz"):
        read_challenge(path)
    path.write_bytes(content[:500])
    with pytest.raises(ValueError, match=r"a.npz"):
        read_challenge(path)
    with pytest.raises(FileNotFoundError, match=r"b.npz"):
        read_challenge(tmp_path / "b.npz")


def test_converts_pictures(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    mask = np.zeros((20, 30), np.uint8)
    mask[2:6, 3:10], mask[10:15, 20:25], mask[18, 28] = 128, 255, 255
    Image.fromarray(picture).save(tmp_path / "images" / "a.bmp")
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    (path,) = convert(tmp_path / "images", tmp_path / "masks", tmp_path / "out", "US")
    assert Path(path).name == "2D_US_a.npz"
    case = read_challenge(path)
    np.testing.assert_array_equal(case.images, np.repeat(picture[..., None], 3, axis=2))
    np.testing.assert_array_equal(case.labels, np.select([mask == 128, mask == 255], [1, 2]))
    assert case.boxes is not None
    assert case.boxes.tolist() == [[3, 2, 9, 5], [20, 10, 28, 18]]
    (path,) = convert(tmp_path / "images", tmp_path / "masks", tmp_path / "out", "US", components=True, min_size=2)
    case = read_challenge(path)
    assert case.boxes is not None
    assert case.boxes.tolist() == [[3, 2, 9, 5], [20, 10, 24, 14]]


@pytest.mark.parametrize("affine", [np.diag([0.7, 0.8, 3, 1]), np.diag([-0.7, -0.8, 3, 1])], ids=["RAS", "LPS"])
def test_converts_volumes_to_lps_with_spacing_x_y_z(tmp_path: Path, affine: np.ndarray) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    values = np.random.default_rng(0).integers(-1200, 1200, (6, 7, 5), dtype=np.int16)
    mask = np.zeros((6, 7, 5), np.uint8)
    mask[1:3, 2:6, 1:4] = 4
    # the same patient either way: RAS axes run against LPS ones
    turned = slice(None, None, -1) if affine[0, 0] > 0 else slice(None)
    nibabel.save(nibabel.Nifti1Image(values[turned, turned], affine), tmp_path / "images" / "a.nii.gz")
    nibabel.save(nibabel.Nifti1Image(mask[turned, turned], affine), tmp_path / "masks" / "a.nii")
    (path,) = convert(tmp_path / "images", tmp_path / "masks", tmp_path / "out", "CT", window=(0, 2000))
    assert Path(path).name == "3D_CT_a.npz"
    case = read_challenge(path)
    assert case.spacing == pytest.approx((0.7, 0.8, 3))
    expected = np.rint((np.clip(values, -1000, 1000) + 1000.0) / 2000 * 255)
    assert np.abs(case.images.transpose(2, 1, 0) - expected).max() <= 1
    np.testing.assert_array_equal(case.labels, (mask > 0).transpose(2, 1, 0))
    assert case.boxes is not None
    assert case.boxes.tolist() == [[1, 2, 1, 2, 5, 3]]
    volume = open_volume(path)
    assert volume.spacing == pytest.approx((0.7, 0.8, 3))
    np.testing.assert_array_equal(volume.read_slice(2, 2), case.images[2].T)


def test_conversion_names_what_is_wrong(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        Image.new("L", (9, 9)).save(tmp_path / name / "a.png")
    folders = (tmp_path / "images", tmp_path / "masks", tmp_path / "out")
    with pytest.raises(ValueError, match=r"a.png: no object of at least 1 pixels"):
        convert(*folders, "US")
    with pytest.raises(ValueError, match="modality"):
        convert(*folders, "my_CT")
    Image.new("L", (9, 8), 1).save(tmp_path / "masks" / "a.png")
    with pytest.raises(ValueError, match=r"masks/a.png is 9x8"):
        convert(*folders, "US")
    Image.new("L", (9, 9), 1).save(tmp_path / "masks" / "b.png")
    with pytest.raises(ValueError, match=r"1 image.*: b"):
        convert(*folders, "US")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_only_the_mask_values_named_are_objects(tmp_path: Path) -> None:
    mask = np.full((8, 10), 64, np.uint8)
    mask[1:3, 1:5], mask[4:7, 6:9] = 192, 255
    for folder, pixels in (("images", np.zeros((8, 10), np.uint8)), ("masks", mask)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    (path,) = convert(tmp_path / "images", tmp_path / "masks", tmp_path / "npz", "Mammography", labels=[192, 255])
    case = read_challenge(path)
    assert case.boxes is not None
    assert case.boxes.tolist() == [[1, 1, 4, 2], [6, 4, 8, 6]]
    np.testing.assert_array_equal(case.labels, np.where(mask == 192, 1, np.where(mask == 255, 2, 0)))
    (path,) = convert(tmp_path / "images", tmp_path / "masks", tmp_path / "npz", "Mammography", labels=255)  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_challenge(path).labels, mask == 255)
    with pytest.raises(ValueError, match=r"a\.png: no object of at least 1 pixels among the values 7, 9"):
        convert(tmp_path / "images", tmp_path / "masks", tmp_path / "npz", "Mammography", labels=[7, 9])
