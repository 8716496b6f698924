# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""3D to 2D: lazily read slices of NIfTI, NRRD, npz and DICOM volumes, and predictions back into volumes."""

from __future__ import annotations

from litemed.slices.dataset import SliceDataset
from litemed.slices.dicom import DicomVolume
from litemed.slices.formats import open_volume
from litemed.slices.nifti import NiftiVolume
from litemed.slices.npz import NpzVolume
from litemed.slices.nrrd import ItkVolume, NrrdVolume, open_nrrd
from litemed.slices.sampling import label_slices, sample_slices
from litemed.slices.stacking import stack_slices, write_nifti
from litemed.slices.volume import Volume, check_same_grid, slice_affine

__all__ = [
    "DicomVolume",
    "ItkVolume",
    "NiftiVolume",
    "NpzVolume",
    "NrrdVolume",
    "SliceDataset",
    "Volume",
    "check_same_grid",
    "label_slices",
    "open_nrrd",
    "open_volume",
    "sample_slices",
    "slice_affine",
    "stack_slices",
    "write_nifti",
]
