# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Slices stacked back lie where the volume lay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import itk
import nibabel
import numpy as np
import pytest
import torch
from litemed.images.volumes import open_volume
from litemed.images.writing import write_volume
from litemed.slices.dataset import SliceDataset
from litemed.slices.stacking import stack_slices
from monai.data import DataLoader, MetaTensor, decollate_batch
from monai.transforms import Compose, Flipd, Invertd, Resized

KINDS = ["nifti", "nifti-gzip", "nrrd", "npz", "dicom"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_round_trip(
    kind: str, axis: int, write: Callable, tmp_path: Path, voxels: np.ndarray, affine: np.ndarray
) -> None:
    path = write(kind, voxels, affine)
    dataset = SliceDataset([{"image": str(path)}], interval=1, axis=axis)
    order = np.random.default_rng(axis).permutation(len(dataset)).tolist()
    volume, stacked_affine = stack_slices(dataset[number]["image"] for number in order)
    np.testing.assert_array_equal(volume, voxels)
    source = open_volume(path)
    np.testing.assert_array_equal(stacked_affine, source.affine)

    written = nibabel.load(write_volume(tmp_path / "pred.nii.gz", volume, stacked_affine))
    np.testing.assert_array_equal(np.asarray(written.dataobj), voxels)
    np.testing.assert_allclose(written.affine, source.affine, atol=1e-4)
    assert written.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("kind", ["nifti", "nrrd"])
def test_itk_sees_the_geometry_of_the_source(
    kind: str, write: Callable, tmp_path: Path, voxels: np.ndarray, affine: np.ndarray
) -> None:
    path = write(kind, voxels, affine)
    volume, stacked_affine = stack_slices(item["image"] for item in SliceDataset([{"image": str(path)}], interval=1))
    written = itk.imread(str(write_volume(tmp_path / "pred.nii", volume, stacked_affine)))
    source = itk.imread(str(path))
    for corner in [[0, 0, 0], [4, 0, 0], [0, 5, 0], [4, 5, 6]]:
        np.testing.assert_allclose(
            list(written.TransformIndexToPhysicalPoint(corner)),
            list(source.TransformIndexToPhysicalPoint(corner)),
            atol=1e-3,
        )
    np.testing.assert_array_equal(itk.array_from_image(written), itk.array_from_image(source))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_predictions_through_loader_network_and_inverted_transforms(
    axis: int, write: Callable, affine: np.ndarray
) -> None:
    """Blocks of 2 x 2 x 2 voxels survive doubling by nearest neighbours and its inverse exactly."""
    blocks = np.random.default_rng(8).integers(0, 2, (4, 5, 3))
    voxels = blocks.repeat(2, 0).repeat(2, 1).repeat(2, 2).astype(np.float32)
    size = np.delete(voxels.shape, axis)
    transform = Compose([Resized("image", (2 * size).tolist(), mode="nearest"), Flipd("image", spatial_axis=0)])
    dataset = SliceDataset([{"image": str(write("nifti", voxels, affine))}], transform, 1, axis)
    network = torch.nn.Conv2d(1, 1, 1, bias=False)
    torch.nn.init.constant_(network.weight, -1.0)
    invert = Invertd("pred", transform, "image", nearest_interp=True)

    preds = []
    for batch in DataLoader(dataset, batch_size=4):
        batch["pred"] = network(batch["image"]) < -0.5
        preds += [invert(item)["pred"] for item in decollate_batch(batch)]
    volume, _ = stack_slices(preds)
    np.testing.assert_array_equal(volume, voxels)


def test_missing_slices(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    slices = [item["image"] for item in SliceDataset([{"image": str(write("nifti", voxels, affine))}], interval=3)]
    with pytest.raises(ValueError, match=r"volume.nii: 4 slices of axis 2 are missing, the first 1"):
        stack_slices(slices)
    volume, _ = stack_slices(slices, missing="zero")
    expected = np.zeros_like(voxels)
    expected[:, :, ::3] = voxels[:, :, ::3]
    np.testing.assert_array_equal(volume, expected)


def test_what_cannot_be_stacked(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    data = [{"image": str(write("nifti", voxels, affine, name=name))} for name in ("a", "b")]
    dataset, other_axis = SliceDataset(data, interval=4), SliceDataset(data, interval=4, axis=1)
    first, second, of_b = dataset[0]["image"], dataset[1]["image"], dataset[2]["image"]
    flipped = Flipd("image", spatial_axis=1)({"image": second})["image"]
    cases = [
        ([], ValueError, "no slices to stack"),
        ([first, of_b], ValueError, r"expected slices of .*a.nii along axis 2, got one of .*b.nii along 2"),
        ([first, other_axis[0]["image"]], ValueError, r"a.nii along axis 2, got one of .*a.nii along 1"),
        ([first, second, first], ValueError, r"a.nii: slice 0 is given twice"),
        (
            [first, second[:, 1:]],
            ValueError,
            r"slice 4: expected shape \(1, 5, 6\) .*, got \(1, 4, 6\)",
        ),
        ([first, second.repeat(2, 1, 1)], ValueError, r"slice 4: expected shape \(1, 5, 6\)"),
        ([first, flipped], ValueError, "slice 4 was flipped, rotated, shifted or resampled: apply Invertd"),
        ([first.as_tensor()], TypeError, "expected slices with the metadata of a SliceDataset, got Tensor"),
        ([MetaTensor(first.as_tensor())], TypeError, "expected slices with the metadata of a SliceDataset"),
    ]
    for slices, error, message in cases:
        with pytest.raises(error, match=message):
            stack_slices(slices, missing="zero")
    with pytest.raises(ValueError, match='expected missing="error" or "zero", got \'none\''):
        stack_slices([first], missing="none")
