# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From a path to the volume that can read it."""

from __future__ import annotations

import os
from pathlib import Path

from litemed.images.dicom import DicomVolume
from litemed.images.metaimage import open_metaimage
from litemed.images.nifti import NiftiVolume
from litemed.images.npz import NpzVolume
from litemed.images.nrrd import open_nrrd
from litemed.images.volume import Volume

__all__ = ["open_volume"]


def open_volume(path: str | os.PathLike[str], *, is_label: bool = False) -> Volume:
    """Open a volume: only its header is read.

    Args:
        path: a NIfTI file (``.nii``, ``.nii.gz``), a NRRD file (``.nrrd``, ``.nhdr``), a MetaImage file (``.mha``,
            ``.mhd``), an archive of the MedSAM challenge (``.npz``) or the folder of a DICOM series.
        is_label: read the labels (``gts``) of an archive instead of its images (``imgs``).

    Returns:
        The volume, axes and affine alike for every format.

    Raises:
        FileNotFoundError: when nothing lies at the path.
        ValueError: for another kind of file, or one that is damaged or isn't a 3D volume.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    name = path.name.lower()
    if path.is_dir():
        return DicomVolume(path)
    if name.endswith((".nii", ".nii.gz")):
        return NiftiVolume(path)
    if name.endswith((".nrrd", ".nhdr")):
        return open_nrrd(path)
    if name.endswith((".mha", ".mhd")):
        return open_metaimage(path)
    if name.endswith(".npz"):
        return NpzVolume(path, "gts" if is_label else "imgs")
    raise ValueError(f"{path}: expected .nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd, .npz or the folder of a DICOM series")
