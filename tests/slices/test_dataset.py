# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Slices as items of a data set."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from litemed.slices.dataset import SliceDataset
from monai.bundle import ConfigParser
from monai.data import DataLoader, MetaTensor
from monai.transforms import RandFlipd, SaveImaged, Spacingd

LABELLED = [1, 2, 3, 5]


@pytest.fixture
def label(voxels: np.ndarray) -> np.ndarray:
    """Labels 1 and 300 in four slices of axis 2."""
    label = np.zeros(voxels.shape, np.int16)
    label[1:3, 2:4, LABELLED] = 1
    label[2, 3, 5] = 300
    return label


@pytest.fixture
def pair(write: Callable, voxels: np.ndarray, label: np.ndarray, affine: np.ndarray) -> dict[str, str]:
    image, target = write("nifti-gzip", voxels, affine), write("nrrd", label, affine, name="label")
    return {"image": str(image), "label": str(target), "modality": "CT"}


def test_items(pair: dict[str, str], voxels: np.ndarray, label: np.ndarray, affine: np.ndarray) -> None:
    dataset = SliceDataset([pair], interval=3)
    assert len(dataset) == 3
    item = dataset[1]
    assert sorted(item) == ["image", "label", "modality"]
    assert item["modality"] == "CT"
    assert (item["image"].dtype, item["label"].dtype) == (torch.float32, torch.int64)
    np.testing.assert_array_equal(item["image"].numpy(), voxels[None, :, :, 3])
    np.testing.assert_array_equal(item["label"].numpy(), label[None, :, :, 3])
    for key in ("image", "label"):
        meta = item[key].meta
        assert (meta["filename_or_obj"], meta["slice_axis"], meta["slice_index"]) == (pair[key], 2, 3)
        assert tuple(meta["volume_shape"]) == (5, 6, 7)
        assert tuple(meta["spacing"]) == pytest.approx((0.7, 1.25, 4.0))
        np.testing.assert_allclose(meta["volume_affine"], affine, atol=1e-4)
        np.testing.assert_allclose(meta["slice_affine"] @ (4, 5, 0, 1), affine @ (4, 5, 3, 1), atol=1e-3)
        np.testing.assert_allclose(item[key].affine, np.diag([0.7, 1.25, 1.0]), atol=1e-6)


@pytest.mark.parametrize(("interval", "expected"), [(1, [1, 2, 3, 5]), (2, [1, 3]), (5, [1])])
def test_label_only(interval: int, expected: list[int], pair: dict[str, str]) -> None:
    dataset = SliceDataset([pair], interval=interval, label_only=True)
    assert [item["image"].meta["slice_index"] for item in dataset] == expected
    assert all(item["label"].any() for item in dataset)


def test_several_volumes_and_formats(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    kinds = ["nifti", "nrrd-gzip", "npz", "dicom"]
    data = [{"image": str(write(kind, voxels + k, affine, name=f"case{k}"))} for k, kind in enumerate(kinds)]
    dataset = SliceDataset(data, interval=4, axis=1)
    assert len(dataset) == 8
    for number, item in enumerate(dataset):
        case, index = divmod(number, 2)
        np.testing.assert_array_equal(item["image"][0].numpy(), (voxels + case)[:, 4 * index])


def test_colour_archive_with_its_own_labels(write: Callable, affine: np.ndarray) -> None:
    colours = np.random.default_rng(4).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    labels = np.random.default_rng(5).integers(0, 3, (4, 5, 6), dtype=np.uint8)
    path = str(write("npz", labels, affine, imgs=colours, gts=labels))
    item = SliceDataset([{"image": path, "label": path}], interval=1)[2]
    np.testing.assert_array_equal(item["image"].numpy(), colours[2].transpose(2, 1, 0))
    np.testing.assert_array_equal(item["label"].numpy(), labels[2].T[None])


def test_in_a_monai_configuration(pair: dict[str, str]) -> None:
    parser = ConfigParser(
        {
            "train_list": [pair],
            "dataset": {
                "_target_": "litemed.slices.SliceDataset",
                "data": "@train_list",
                "interval": 2,
                "label_only": True,
                "transform": {"_target_": "EnsureTyped", "keys": ["image", "label"], "dtype": "$torch.float16"},
            },
            "imports": ["$import torch"],
        }
    )
    dataset = parser.get_parsed_content("dataset")
    assert isinstance(dataset, SliceDataset)
    assert [item["image"].dtype for item in dataset] == [torch.float16] * 2


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["nifti", "nifti-gzip", "nrrd-gzip", "npz-deflate", "dicom"])
def test_loader_workers(workers: int, kind: str, write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    path = str(write(kind, voxels, affine))
    flip = RandFlipd("image", prob=0.0)
    dataset = SliceDataset([{"image": path}], flip, interval=1)
    dataset[3]  # the parent has read before workers start
    loader = DataLoader(dataset, batch_size=2, shuffle=True, num_workers=workers)
    found = {}
    for batch in loader:
        for image, index in zip(batch["image"], batch["image"].meta["slice_index"], strict=True):
            found[int(index)] = image.numpy()
    assert sorted(found) == list(range(7))
    for index, image in found.items():
        np.testing.assert_array_equal(image[0], voxels[:, :, index])


def test_a_pickled_data_set_reads_on(pair: dict[str, str], voxels: np.ndarray) -> None:
    dataset = SliceDataset([pair], interval=2)
    dataset[2]
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[1]["image"][0].numpy(), voxels[:, :, 2])


@pytest.mark.parametrize(("axis", "shape"), [(0, (12, 9)), (1, (12, 9)), (2, (12, 12))])
def test_two_dimensional_transforms_know_the_pixel_size(
    axis: int, shape: tuple[int, int], write: Callable, affine: np.ndarray
) -> None:
    """At pixdim 2, n pixels of size s become (n - 1) s / 2 + 1."""
    spacing = np.array([2.0, 2.0, 4.0])
    affine[:3, :3] *= spacing / np.linalg.norm(affine[:3, :3], axis=0)
    path = str(write("nifti", np.ones((12, 12, 5), np.float32), affine))
    dataset = SliceDataset([{"image": path}], Spacingd("image", pixdim=(2.0, 2.0)), axis=axis)
    assert tuple(dataset[0]["image"].shape) == (1, *shape)


def test_decimals_as_labels(write: Callable, affine: np.ndarray) -> None:
    whole = np.zeros((4, 5, 6), np.float64)
    whole[2, 2, 2] = 3.0
    broken = whole.copy()
    broken[1, 1, 1] = 0.5
    image = str(write("nifti", whole, affine))
    item = SliceDataset([{"image": image, "label": image}], interval=2)[1]
    assert item["label"][0, 2, 2] == 3
    assert item["label"].dtype == torch.int64
    dataset = SliceDataset([{"image": image, "label": str(write("nifti", broken, affine, name="label"))}], interval=1)
    with pytest.raises(ValueError, match=r"label.nii: expected whole numbers of one channel as labels \(slice 1\)"):
        dataset[1]


def test_bad_data(write: Callable, tmp_path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    image = str(write("nifti", voxels, affine))
    shifted = affine.copy()
    shifted[:3, 3] += 3
    cases = [
        ([], {}, ValueError, "no slices to take from 0 volumes"),
        ([{"img": image}], {}, ValueError, r"expected an entry 'image' in every item, got \['img'\] \(item 0\)"),
        ([{"image": image}], {"label_only": True}, ValueError, "label_only needs an entry 'label' in every item"),
        ([{"image": image}], {"interval": 0}, ValueError, "expected an interval of at least 1, got 0"),
        ([{"image": image}], {"axis": 3}, ValueError, "expected axis 0, 1 or 2, got 3"),
        ([{"image": str(tmp_path / "no.nii")}], {}, FileNotFoundError, "no.nii does not exist"),
        (
            [{"image": image, "label": str(write("nifti", voxels[1:], affine, name="small"))}],
            {},
            ValueError,
            r"small.nii: shape \(4, 6, 7\) differs from \(5, 6, 7\) of .*volume.nii",
        ),
        (
            [{"image": image, "label": str(write("nrrd", voxels, shifted, name="shifted"))}],
            {},
            ValueError,
            r"shifted.nrrd: affine differs from that of .*volume.nii by up to \d",
        ),
        (
            [{"image": image, "label": str(write("nifti", voxels * 0, affine, name="empty"))}],
            {"label_only": True},
            ValueError,
            "no slices to take from 1 volumes",
        ),
    ]
    for data, arguments, error, message in cases:
        with pytest.raises(error, match=message):
            SliceDataset(data, **arguments)


def test_saving_names_a_file_for_each_slice(pair: dict[str, str], tmp_path: Path, voxels: np.ndarray) -> None:
    save = SaveImaged(
        "image", output_dir=tmp_path / "out", output_postfix="pred", separate_folder=False, print_log=False
    )
    for item in SliceDataset([pair], interval=4):
        save(item)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "volume_pred_0.nii.gz",
        "volume_pred_4.nii.gz",
    ]
    saved = nibabel.load(tmp_path / "out" / "volume_pred_4.nii.gz").get_fdata()
    np.testing.assert_array_equal(np.squeeze(saved), voxels[:, :, 4])


def test_metadata_survive_a_network(pair: dict[str, str]) -> None:
    network = torch.nn.Conv2d(1, 2, 3, padding=1)
    batch = next(iter(DataLoader(SliceDataset([pair], interval=2), batch_size=3)))
    pred = network(batch["image"])
    assert isinstance(pred, MetaTensor)
    assert [int(index) for index in pred.meta["slice_index"]] == [0, 2, 4]
