# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From a path to the volume that can read it."""

from __future__ import annotations

import os
from pathlib import Path

from litemed.images.dicom import DicomVolume
from litemed.images.metaimage import open_metaimage
from litemed.images.names import ARCHIVE_SUFFIXES, VOLUME_SUFFIXES, image_suffix, is_dicom
from litemed.images.nifti import NiftiVolume
from litemed.images.npz import NpzVolume
from litemed.images.nrrd import open_nrrd
from litemed.images.volume import Volume, damage_named

__all__ = ["open_volume"]


def open_volume(path: str | os.PathLike[str], *, is_label: bool = False, series: str | int | None = None) -> Volume:
    """Open a volume: only its header is read.

    Args:
        path: a NIfTI file (``.nii``, ``.nii.gz``), a NRRD file (``.nrrd``, ``.nhdr``), a MetaImage file (``.mha``,
            ``.mhd``), an archive of the MedSAM challenge (``.npz``), a DICOM file of any name, or the folder of a
            series or a study of them.
        is_label: read the labels (``gts``) of an archive instead of its images (``imgs``).
        series: which one of a DICOM study, by its UID or number, see `litemed.images.list_series`.

    Returns:
        The volume, axes and affine alike for every format.

    Raises:
        FileNotFoundError: when nothing lies at the path.
        ImportError: for DICOM, when pydicom isn't installed.
        ValueError: for another kind of file, one that is damaged or isn't a 3D volume, or a folder of several series of
            which none is chosen.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    with damage_named(path):
        return _opened(path, is_label, series)


def _opened(path: Path, is_label: bool, series: str | int | None) -> Volume:
    suffix = "" if path.is_dir() else image_suffix(path).lower()
    if path.is_dir() or is_dicom(path):
        return DicomVolume(path, series)
    if series is not None:
        raise ValueError(f"{path}: a series is chosen among those of a DICOM study, got {series!r} for another file")
    if suffix in (".nii", ".nii.gz"):
        return NiftiVolume(path)
    if suffix in (".nrrd", ".nhdr"):
        return open_nrrd(path)
    if suffix in (".mha", ".mhd"):
        return open_metaimage(path)
    if suffix == ".npz":
        return NpzVolume(path, "gts" if is_label else "imgs")
    raise ValueError(f"{path}: expected {', '.join((*VOLUME_SUFFIXES, *ARCHIVE_SUFFIXES))} or a folder of DICOM files")
