# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Loading archives of the challenge."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.transforms.challenge import LoadChallenged, LoadSquared, RandLabelledSliced
from PIL import Image


def _archive(path: Path, shape: tuple[int, ...], **arrays: np.ndarray) -> dict[str, object]:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_challenge(path, images, spacing=(0.5, 0.75, 3.0), **arrays)
    return {"image": str(path)}


def test_a_slice_is_loaded_as_its_volume_has_it(tmp_path: Path) -> None:
    labels = np.zeros((3, 6, 8), np.uint8)
    labels[1, 2:4, 1:5], labels[1, 5, 6:8] = 7, 3
    case = _archive(tmp_path / "3D_CT_a.npz", labels.shape, labels=labels)
    whole, single = LoadChallenged()(case), LoadChallenged()({**case, "slice": 1})
    assert whole["image"].shape == (1, 8, 6, 3)
    assert single["image"].shape == (3, 8, 6)
    assert torch.equal(single["image"][0], whole["image"][0, :, :, 1])
    assert torch.equal(single["label"], whole["label"][..., 1])
    assert single["label"][0, 1, 2] == 2  # 7 comes after 3
    assert single["label"][0, 6, 5] == 1
    assert single["boxes"].tolist() == [[6, 4.5, 7, 5.5], [1, 2, 4, 3]]
    assert whole["boxes"][:, [2, 5]].tolist() == [[1, 1], [1, 1]]
    assert whole["spacing"].tolist() == [0.5, 0.75, 3.0]


def test_archives_without_labels_are_refused(tmp_path: Path) -> None:
    case = _archive(tmp_path / "2D_US_a.npz", (4, 5))
    with pytest.raises(ValueError, match=r"2D_US_a\.npz has no labels"):
        LoadChallenged()(case)
    np.savez(tmp_path / "2D_US_p.npz", imgs=np.array([{}], dtype=object), gts=np.ones(1))
    with pytest.raises(ValueError, match="pickled objects, which are never loaded"):
        LoadChallenged()({"image": str(tmp_path / "2D_US_p.npz")})


def test_a_volume_and_its_label_file_are_loaded_as_radiologists_see_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    voxels, labels = rng.integers(0, 255, (4, 5, 3)), np.zeros((4, 5, 3), np.uint8)
    labels[0, 1:3, 2], labels[3, 4, 0] = 9, 2
    affine = np.diag([0.5, 0.75, 3.0, 1.0])  # RAS: x and y run against LPS
    for name, array in (("image", voxels.astype(np.uint8)), ("label", labels)):
        nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / f"{name}.nii.gz")
    item = {key: str(tmp_path / f"{key}.nii.gz") for key in ("image", "label")}
    loaded = LoadChallenged()(item)
    np.testing.assert_array_equal(loaded["image"][0], voxels[::-1, ::-1])
    np.testing.assert_array_equal(loaded["label"][0], np.select([labels == 9, labels == 2], [2, 1])[::-1, ::-1])
    assert loaded["boxes"].shape == (2, 6)
    assert loaded["boxes"][:, 2].tolist() == [0, 2]
    assert loaded["spacing"].tolist() == [0.5, 0.75, 3.0]


@pytest.mark.parametrize("suffix", [".png", ".nii.gz"])
def test_a_picture_and_its_label_file_are_loaded(suffix: str, tmp_path: Path) -> None:
    pixels, labels = np.arange(24, dtype=np.uint8).reshape(4, 6), np.zeros((4, 6), np.uint8)
    labels[1:3, 4] = 5
    Image.fromarray(pixels).save(tmp_path / "image.png")
    if suffix == ".png":
        Image.fromarray(labels).save(tmp_path / "label.png")
    else:  # as 3D Slicer saves it
        nibabel.save(nibabel.Nifti1Image(labels.T[..., None], np.diag([-1, -1, 1, 1])), tmp_path / "label.nii.gz")
    loaded = LoadChallenged()({"image": str(tmp_path / "image.png"), "label": str(tmp_path / f"label{suffix}")})
    np.testing.assert_array_equal(loaded["image"], np.stack([pixels.T] * 3))
    np.testing.assert_array_equal(loaded["label"][0], labels.T > 0)
    assert loaded["spacing"].tolist() == [1, 1]


def test_a_label_file_of_another_size_is_refused(tmp_path: Path) -> None:
    for name, size in (("image", (4, 6)), ("label", (4, 5))):
        Image.fromarray(np.ones(size, np.uint8)).save(tmp_path / f"{name}.png")
    with pytest.raises(ValueError, match=r"label\.png is of 5x4 pixels, its image .*image\.png of 6x4"):
        LoadChallenged()({key: str(tmp_path / f"{key}.png") for key in ("image", "label")})


def test_only_labelled_slices_are_drawn() -> None:
    image = torch.arange(2 * 3 * 5.0).reshape(1, 2, 3, 5)
    label = torch.zeros(1, 2, 3, 5)
    label[0, 1, 1, 1] = label[0, 0, 2, 3] = 1
    transform = RandLabelledSliced().set_random_state(0)
    drawn = [transform({"image": image, "label": label}) for _ in range(20)]
    for item in drawn:
        assert item["image"].shape == (3, 2, 3)
        assert item["label"].shape == (1, 2, 3)
    assert {int(item["image"][2, 0, 0]) for item in drawn} == {1, 3}
    single = {"image": image[..., 0], "label": label[..., 0]}
    assert transform(single)["image"] is single["image"]


def test_pictures_are_squared_with_and_without_labels(tmp_path: Path) -> None:
    case = _archive(tmp_path / "2D_CT_a.npz", (20, 30))
    plain, flipped = LoadSquared()(case)["image"], LoadSquared(1.0)(case)["image"]
    assert plain.shape == (3, 256, 256)
    assert plain[0, 171:].eq(0).all()  # 20 of 30 rows: 170.7
    torch.testing.assert_close(flipped[:, :171], plain[:, :171].flip(1, 2))
    with pytest.raises(ValueError, match="is a volume"):
        LoadSquared()(_archive(tmp_path / "3D_CT_b.npz", (4, 20, 30)))
