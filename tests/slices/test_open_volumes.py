# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One open volume a file."""

from __future__ import annotations

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from litemed.datasets.challenge import write_challenge
from litemed.datasets.challenge_cases import list_slices
from litemed.slices.open_volumes import OpenVolumes
from litemed.transforms.challenge import LoadChallenged


@pytest.fixture
def opened(monkeypatch):
    """The paths that were opened, in their order."""
    from litemed.slices import open_volumes

    paths, original = [], open_volumes.open_volume
    monkeypatch.setattr(
        open_volumes, "open_volume", lambda path, **rest: paths.append((str(path), rest)) or original(path, **rest)
    )
    return paths


@pytest.mark.parametrize("kind", ["nifti", "nifti-gzip", "nrrd-gzip", "npz-deflate", "dicom"])
def test_slices_in_any_order_from_one_volume(kind, write, voxels, affine, opened):
    path = write(kind, voxels, affine)
    volumes = OpenVolumes()
    for axis in range(3):
        for index in np.random.default_rng(axis).permutation(voxels.shape[axis]).tolist():
            np.testing.assert_array_equal(volumes.read_slice(path, index, axis), np.take(voxels, index, axis))
    assert len(opened) == 1


def test_the_one_used_longest_ago_makes_room(write, voxels, affine, opened):
    a, b, c = (write("nifti", voxels + k, affine, name=name) for k, name in enumerate("abc"))
    volumes = OpenVolumes(most=2)
    for path in (a, b, a, c, a, b):
        volumes.open(path)
    assert [os.path.basename(path) for path, _ in opened] == ["a.nii", "b.nii", "c.nii", "b.nii"]
    with pytest.raises(ValueError, match="at least one open volume, got 0"):
        OpenVolumes(most=0)


def test_a_file_that_changed_is_read_anew(write, voxels, affine):
    volumes = OpenVolumes()
    path = write("nifti-gzip", voxels, affine)
    volumes.read_slice(path, 6)
    path.unlink()
    write("nifti-gzip", voxels[:, :, ::-1] - 5, affine)
    np.testing.assert_array_equal(volumes.read_slice(path, 1), voxels[:, :, 5] - 5)


def test_copies_begin_empty_and_threads_share(write, voxels, affine, opened):
    path = write("npz-deflate", voxels, affine)
    volumes = OpenVolumes(most=3)
    volumes.open(path)
    for other in (pickle.loads(pickle.dumps(volumes)), copy.deepcopy(volumes)):
        np.testing.assert_array_equal(other.read_slice(path, 3), voxels[:, :, 3])
    assert len(opened) == 3
    places = np.random.default_rng(0).integers(0, 7, 200).tolist()
    with ThreadPoolExecutor(4) as pool:
        for place, pixels in zip(places, pool.map(lambda k: volumes.read_slice(path, k), places), strict=True):
            np.testing.assert_array_equal(pixels, voxels[:, :, place])


def test_training_opens_an_archive_once_for_all_its_slices(tmp_path, opened):
    images = np.random.default_rng(0).integers(0, 255, (9, 8, 7), dtype=np.uint8)
    labels = np.zeros_like(images)
    labels[:, 2:5, 3:6] = 1
    path = write_challenge(tmp_path / "3D_CT_a.npz", images, spacing=(1, 1, 1), labels=labels)
    items = list_slices([{"image": str(path), "modality": "CT"}], interval=2)
    load = LoadChallenged()
    for item in [*items, *items[::-1]]:
        loaded = load(item)
        np.testing.assert_array_equal(loaded["image"][1], images[item["slice"]].T)
        assert loaded["boxes"].tolist() == [[3, 2, 5, 4]]
    assert opened == [(str(path), {"is_label": False}), (str(path), {"is_label": True})]
