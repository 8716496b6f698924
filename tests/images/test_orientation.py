# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Slices as people look at them, whatever a file's axes."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from litemed.images.nifti import NiftiVolume
from litemed.images.orientation import PlaneView

# a patient's voxels by direction: left to right, back to front, feet to head
PATIENT = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
CODES = [
    tuple(pairs[axis][end] for axis, end in zip(order, ends, strict=True))
    for order in permutations(range(3))
    for ends in product((0, 1), repeat=3)
    for pairs in [("LR", "PA", "IS")]
]


def _stored(tmp_path: Path, codes: tuple[str, ...]) -> NiftiVolume:
    """The patient stored with the given axes."""
    image = nibabel.Nifti1Image(PATIENT, np.diag([0.7, 0.8, 3.0, 1.0]))
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt(("R", "A", "S")), nibabel.orientations.axcodes2ornt(codes)
    )
    path = tmp_path / "volume.nii"
    nibabel.save(image.as_reoriented(turn), path)
    return NiftiVolume(path)


@pytest.mark.parametrize("codes", CODES, ids="".join)
def test_slices_look_alike_whatever_the_axes(tmp_path: Path, codes: tuple[str, ...]) -> None:
    volume = _stored(tmp_path, codes)
    head, back, left = PATIENT[:, :, 4], PATIENT[:, 2, :], PATIENT[3]
    axial, coronal, sagittal = (PlaneView(volume, plane) for plane in ("axial", "coronal", "sagittal"))
    assert axial.shape == (7, 6, 5)
    assert axial.spacing == pytest.approx((0.7, 0.8, 3.0))
    # columns from the patient's right to the left, rows from front to back
    expected = {"axial": head[::-1, ::-1].T, "coronal": back[::-1, ::-1].T, "sagittal": left[::-1, ::-1].T}
    for name, view in (("axial", axial), ("coronal", coronal), ("sagittal", sagittal)):
        found = [np.array_equal(pixels, expected[name]) for pixels in view]
        assert found.count(True) == 1


@pytest.mark.parametrize("codes", CODES[::5], ids="".join)
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal", "stored"])
def test_boxes_and_labels_go_there_and_back(tmp_path: Path, codes: tuple[str, ...], plane: str) -> None:
    volume = _stored(tmp_path, codes)
    view = PlaneView(volume, plane)
    voxels = np.array(nibabel.load(volume.path).dataobj)
    np.testing.assert_array_equal(view.of_file(voxels), np.stack(list(view)))
    x0, y0, z0, x1, y1, z1 = view.to_view(np.array([[1, 0, 2, 3, 2, 4]]))[0].astype(int)
    view.of_file(voxels)[z0 : z1 + 1, y0 : y1 + 1, x0 : x1 + 1] = -1  # drawn in slices, it lies in the file's axes
    assert (voxels[1:4, 0:3, 2:5] == -1).all()
    assert (voxels == -1).sum() == 27


def test_refuses_another_plane(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'oblique'"):
        PlaneView(_stored(tmp_path, ("R", "A", "S")), "oblique")
