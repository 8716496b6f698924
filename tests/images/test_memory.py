# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a slice costs does not depend on how many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from litemed.images.volumes import open_volume

PLANE = 64 * 64 * 2


def peak_of_reading(path: object, axis: int) -> int:
    """Bytes at the second reading, when what modules keep for themselves is there."""
    measure(path, axis)
    return measure(path, axis)


def measure(path: object, axis: int) -> int:
    tracemalloc.start()
    try:
        volume = open_volume(path)
        for index in range(0, volume.shape[axis], 31):
            volume.read_slice(axis, index)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["nifti", "nrrd", "nrrd-detached", "npz"])
def test_peak_does_not_grow_with_depth(kind: str, write: Callable, affine: np.ndarray) -> None:
    shallow, deep = (
        peak_of_reading(write(kind, np.ones((64, 64, depth), np.int16), affine, name=f"depth{depth}"), 2)
        for depth in (32, 512)
    )
    assert deep < shallow + PLANE < 512 * PLANE / 4


@pytest.mark.parametrize("kind", ["nifti-gzip", "nrrd-gzip", "npz-deflate"])
def test_compressed_volumes_are_streamed(kind: str, write: Callable, affine: np.ndarray) -> None:
    """Chunks of 64 and 256 kB and one resumable place a megabyte of the 8 MB, far from the whole."""
    voxels = np.arange(64 * 64 * 1024, dtype=np.int16).reshape(64, 64, 1024) % 7
    path = write(kind, voxels, affine)
    assert peak_of_reading(path, 2) < 2.5e6 < voxels.nbytes / 3


def test_cross_sections_hold_a_plane_and_the_slice(write: Callable, affine: np.ndarray) -> None:
    path = write("nifti", np.ones((64, 64, 512), np.int16), affine)
    section = 64 * 512 * 2
    for axis in (0, 1):
        assert peak_of_reading(path, axis) < 6 * section + 100_000 < 512 * PLANE / 8
