# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps to files: in the geometry and the format of the image that they are of."""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

from litemed.files import replacing
from litemed.images.names import image_suffix, is_archive, is_picture, result_name
from litemed.images.volume import LPS_TO_RAS
from litemed.images.volumes import open_volume

__all__ = ["write_labels", "write_volume"]

_META_TYPES = {
    "i1": "CHAR",
    "u1": "UCHAR",
    "i2": "SHORT",
    "u2": "USHORT",
    "i4": "INT",
    "u4": "UINT",
    "i8": "LONG_LONG",
    "u8": "ULONG_LONG",
    "f4": "FLOAT",
    "f8": "DOUBLE",
}
_NRRD_TYPES = {"f4": "float", "f8": "double"}


def write_labels(
    output_dir: str | os.PathLike[str],
    labels: np.ndarray,
    source: str | os.PathLike[str],
    part: str = "",
    affine: np.ndarray | None = None,
) -> Path:
    """Write the label map of an image as `litemed.images.names.result_name` calls it, whole or not at all.

    A picture gives PNG, or TIFF for TIFF; NIfTI gives NIfTI with the same header; NRRD and MetaImage give their own
    format and DICOM gives NIfTI, with the affine of the volume; an archive of the challenge gives one with ``segs``.
    The type is the smallest that holds the labels.

    Args:
        output_dir: folder of the file, made when it isn't there.
        labels: whole numbers ``(W, H)`` or ``(X, Y, Z)``, with the axes of the file as `read_picture` and `open_volume`
            have them.
        source: the image.
        part: of a picture of several pages or a study of several series, see `litemed.images.names.image_part`.
        affine: of the volume, 4x4, RAS in mm; None reads it from the source.

    Returns:
        the file.

    Raises:
        ValueError: for labels below 0, more than a picture can hold, or of another shape than the volume.
    """
    source = Path(source)
    target = Path(output_dir) / result_name(source, part=part)
    if labels.dtype.kind not in "bui" or labels.min(initial=0) < 0:
        raise ValueError(f"{source}: expected whole numbers from 0 as labels, got {labels.dtype} from {labels.min()}")
    narrow = labels.astype(np.min_scalar_type(int(labels.max(initial=0))))
    if source.is_dir() or not (is_archive(source) or is_picture(source)):
        place = open_volume(source).affine if affine is None else affine
        return write_volume(target, narrow, place, like=source)
    with replacing(target) as path:
        if is_archive(source):
            with path.open("wb") as file:
                np.savez_compressed(file, segs=narrow.T)
            return target
        if narrow.dtype.itemsize > 2:
            raise ValueError(f"{source}: a picture holds at most 65535 objects, got {int(labels.max())}")
        is_tiff = target.suffix.lower() in (".tif", ".tiff")
        Image.fromarray(narrow.T).save(path, compression="tiff_deflate" if is_tiff else None)
    return target


def write_volume(
    path: str | os.PathLike[str], voxels: np.ndarray, affine: np.ndarray, like: str | os.PathLike[str] | None = None
) -> Path:
    """Write a volume, whole or not at all.

    Args:
        path: a ``.nii``, ``.nii.gz``, ``.nrrd`` or ``.mha`` file.
        voxels: ``(X, Y, Z)`` numbers. Boolean ones are written as uint8, float16 as float32; NIfTI has whole numbers in
            the first of uint8, int16, int32 and int64 that holds them, and float32.
        affine: 4x4, RAS in mm.
        like: a file; where it is NIfTI and the path too, its header is kept.

    Returns:
        The path.

    Raises:
        ValueError: for another suffix, or voxels of another shape than the file's.
    """
    path = Path(path)
    suffix = image_suffix(path).lower()
    if suffix not in (".nii", ".nii.gz", ".nrrd", ".mha"):
        raise ValueError(f"{path}: expected a name that ends in .nii, .nii.gz, .nrrd or .mha")
    if np.shape(affine) != (4, 4):
        raise ValueError(f"{path}: expected a 4x4 affine, got shape {np.shape(affine)}")
    voxels = voxels.astype({"?": np.uint8, "e": np.float32}.get(voxels.dtype.char, voxels.dtype), copy=False)
    with replacing(path) as temporary, temporary.open("wb") as file:
        if suffix == ".nrrd":
            _write_nrrd(file, voxels, affine)
        elif suffix == ".mha":
            _write_metaimage(file, voxels, affine)
        else:
            image = _nifti(voxels, affine, None if like is None else Path(like))
            with _gzip(file) if suffix == ".nii.gz" else nullcontext(file) as stream:
                image.to_stream(stream)
    return path


def _nifti(voxels: np.ndarray, affine: np.ndarray, like: Path | None) -> Any:
    if like is not None and like.is_file() and image_suffix(like).lower() in (".nii", ".nii.gz"):
        source: Any = nibabel.load(like)
        if np.prod(source.shape) != voxels.size or source.shape[:3] != voxels.shape[: len(source.shape)]:
            raise ValueError(f"{like}: labels of shape {voxels.shape} differ from its shape {source.shape}")
        header = source.header.copy()
        header.set_data_dtype(voxels.dtype)
        header.set_slope_inter(1, 0)
        header["cal_min"] = header["cal_max"] = 0
        if header.get_xyzt_units()[0] == "unknown":  # which counts as millimetres
            header.set_xyzt_units("mm", header.get_xyzt_units()[1])
        return type(source)(voxels.reshape(source.shape), source.affine, header)
    dtype: np.dtype = np.dtype(np.float32)
    if voxels.dtype.kind != "f":
        low, high = int(voxels.min()), int(voxels.max())
        kinds: list[np.dtype] = [np.dtype(name) for name in ("uint8", "int16", "int32", "int64")]
        dtype = next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    image = nibabel.Nifti1Image(voxels.astype(dtype), affine, dtype=dtype)
    image.header.set_xyzt_units("mm")
    return image


def _write_nrrd(file: Any, voxels: np.ndarray, affine: np.ndarray) -> None:
    lps = LPS_TO_RAS @ affine

    def vector(values: np.ndarray) -> str:
        return "(" + ",".join(repr(float(value)) for value in values) + ")"

    fields = [
        "NRRD0005",
        f"type: {_NRRD_TYPES.get(voxels.dtype.str[1:], voxels.dtype.name)}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, voxels.shape))}",
        f"space directions: {' '.join(vector(lps[:3, axis]) for axis in range(3))}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: {vector(lps[:3, 3])}",
    ]
    file.write(("\n".join(fields) + "\n\n").encode("ascii"))
    with _gzip(file) as stream:
        stream.write(_little_endian(voxels))


def _write_metaimage(file: Any, voxels: np.ndarray, affine: np.ndarray) -> None:
    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    data = zlib.compress(_little_endian(voxels))

    def numbers(values: np.ndarray) -> str:
        return " ".join(repr(float(value)) for value in values.ravel())

    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(len(data)),
        "TransformMatrix": numbers((lps[:3, :3] / spacing).T),
        "Offset": numbers(lps[:3, 3]),
        "ElementSpacing": numbers(spacing),
        "DimSize": " ".join(map(str, voxels.shape)),
        "ElementType": f"MET_{_META_TYPES[voxels.dtype.str[1:]]}",
        "ElementDataFile": "LOCAL",
    }
    file.write("".join(f"{name} = {value}\n" for name, value in fields.items()).encode("ascii"))
    file.write(data)


def _little_endian(voxels: np.ndarray) -> bytes:
    return voxels.astype(voxels.dtype.newbyteorder("<")).tobytes(order="F")


def _gzip(file: Any) -> gzip.GzipFile:
    """A stream without name and time, so that equal volumes give equal files."""
    return gzip.GzipFile("", "wb", fileobj=file, mtime=0)
