# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from litemed.images.orientation import PlaneView
from litemed.images.volumes import open_volume
from litemed.slices.stacking import stack_slices


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal", "stored"])
def test_a_view_of_any_plane(plane, write, voxels, affine):
    view = PlaneView(open_volume(write("nifti-gzip", voxels, affine)), plane)
    np.testing.assert_array_equal(stack_slices(view), np.stack([view[index] for index in range(len(view))]))
    halved = stack_slices(view, lambda pixels: (pixels / 2).astype(np.float32))
    assert halved.dtype == np.float32
    np.testing.assert_array_equal(halved, stack_slices(view) / np.float32(2))


def test_what_does_not_stack():
    with pytest.raises(ValueError, match="no slices to stack"):
        stack_slices([])
    with pytest.raises(ValueError, match=r"slices of shape \(2, 3\), got \(3, 2\) \(slice 1\)"):
        stack_slices([np.zeros((2, 3)), np.zeros((3, 2))])
