# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes with a known affine, written by independent tools in every format that can be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import itk
import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SUFFIXES = {
    "nifti": ".nii",
    "nifti-gzip": ".nii.gz",
    "nrrd": ".nrrd",
    "nrrd-gzip": ".nrrd",
    "nrrd-detached": ".nhdr",
    "nrrd-detached-gzip": ".nhdr",
    "npz": ".npz",
    "npz-deflate": ".npz",
    "dicom": "",
}

Writer = Callable[..., Path]


def oblique_affine() -> np.ndarray:
    """Rotated about all three axes, spacing 0.7 x 1.25 x 4 mm."""
    result = np.eye(4)
    for axis, degrees in enumerate((25, -40, 65)):
        rotation = np.eye(4)
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        first, second = [other for other in range(3) if other != axis]
        rotation[[first, first, second, second], [first, second, first, second]] = cosine, -sine, sine, cosine
        result = result @ rotation
    result = result @ np.diag([0.7, 1.25, 4.0, 1.0])
    result[:3, 3] = -31.5, 12.25, 700.125
    return result


@pytest.fixture
def affine() -> np.ndarray:
    return oblique_affine()


@pytest.fixture
def voxels() -> np.ndarray:
    return np.random.default_rng(7).integers(-1000, 3000, (5, 6, 7), dtype=np.int16)


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """``write(kind, voxels, affine, name="volume", **details)``: the path of a new file or folder."""

    def write(kind: str, voxels: np.ndarray, affine: np.ndarray, name: str = "volume", **details: object) -> Path:
        path = tmp_path / (name + SUFFIXES[kind])
        family = kind.split("-")[0]
        if family == "nifti":
            nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
        elif family == "nrrd":
            write_with_itk(path, voxels, affine, compressed=kind.endswith("gzip"))
        elif family == "npz":
            save = np.savez_compressed if kind == "npz-deflate" else np.savez
            arrays = {"imgs": np.ascontiguousarray(voxels.T), "spacing": np.linalg.norm(affine[:3, :3], axis=0)}
            save(path, **{**arrays, **details})
        else:
            write_series(path, voxels, affine, **details)
        return path

    return write


def write_with_itk(path: Path, voxels: np.ndarray, affine: np.ndarray, compressed: bool) -> None:
    lps = RAS_TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(voxels.T))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    itk.imwrite(image, str(path), compression=compressed)


def write_series(
    folder: Path,
    voxels: np.ndarray,
    affine: np.ndarray,
    slopes: tuple[float, ...] = (1.0,),
    intercept: float = 0.0,
    **tags: object,
) -> None:
    """One file a slice, named so that the order of names is not that of positions; slope k applies to slice k."""
    folder.mkdir(exist_ok=True)
    lps = RAS_TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    directions = (lps[:3, :3] / spacing).T
    series = generate_uid(entropy_srcs=["series"])
    for k in range(voxels.shape[2]):
        slice_ = pydicom.Dataset()
        slice_.file_meta = FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = CTImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = generate_uid(
            entropy_srcs=["slice", str(k)]
        )
        slice_.Modality, slice_.SeriesInstanceUID = "CT", series
        slice_.ImagePositionPatient = [f"{value:.9g}" for value in lps[:3, 3] + k * lps[:3, 2]]
        slice_.ImageOrientationPatient = [f"{value:.9g}" for value in directions[:2].ravel()]
        slice_.PixelSpacing = [f"{spacing[1]:.9g}", f"{spacing[0]:.9g}"]
        slice_.Columns, slice_.Rows = voxels.shape[:2]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.RescaleSlope, slice_.RescaleIntercept = slopes[k % len(slopes)], intercept
        slice_.PixelData = np.ascontiguousarray(voxels[:, :, k].T, dtype="<i2").tobytes()
        for tag, value in tags.items():
            setattr(slice_, tag, value)
        slice_.save_as(folder / f"{(k * 5 + 3) % 97:03d}.dcm", enforce_file_format=True)
