# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""NIfTI volumes."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError

from litemed.images.inflate import InflatedFile
from litemed.images.storage import ByteSource, PlainFile, StoredArray
from litemed.images.volume import Volume

__all__ = ["NiftiVolume"]

_MM_PER_UNIT = {"meter": 1000.0, "micron": 0.001}


class NiftiVolume(Volume):
    """A ``.nii`` or ``.nii.gz`` file of one 3D image, or of one plane, of numbers or RGB colours.

    ``stored_size`` is where its data end, in decoded bytes.

    Plain files cost one plane of memory whatever their depth. Compressed ones are decoded forward and nothing but the
    slice is kept; a slice of axis 0 or 1 needs all of them decoded.

    Args:
        path: the file.

    Raises:
        ValueError: when it isn't NIfTI, is cut short, or has further axes.
    """

    def __init__(self, path: Path) -> None:
        try:
            image: Any = nibabel.load(path)
            stored = image.dataobj
            unit = image.header.get_xyzt_units()[0]
            has_spacing = _says_spacing(path, type(image.header))
        except (
            ImageFileError,
            nibabel.spatialimages.HeaderDataError,
            OSError,
            EOFError,
            KeyError,
            zlib.error,
        ) as error:
            raise ValueError(f"{path}: not a readable NIfTI file: {error}") from error
        scale = _MM_PER_UNIT.get(unit, 1.0)
        super().__init__(path, image.shape, np.diag([scale, scale, scale, 1.0]) @ image.affine)
        self.has_spacing = has_spacing
        dtype = np.dtype((np.uint8, (3,))) if stored.dtype.names == ("R", "G", "B") else stored.dtype
        end = stored.offset + dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))
        self.stored_size = end
        source: ByteSource = InflatedFile(path, end) if path.suffix.lower() == ".gz" else PlainFile(path)
        self._array = StoredArray(source, stored.offset, dtype, self.shape)
        self._slope, self._intercept = float(stored.slope), float(stored.inter)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        pixels = self._array.read_slice(axis, index)
        if (self._slope, self._intercept) == (1.0, 0.0):
            return pixels
        return (pixels * self._slope + self._intercept).astype(np.float32)


def _says_spacing(path: Path, header: Any) -> bool:
    """Whether the header as it is stored has voxel sizes; the reader puts 1 for those that are 0."""
    with nibabel.openers.ImageOpener(str(path)) as file:
        stored = header.from_fileobj(file, check=False)
    axes = min(int(stored["dim"][0]), 3)
    return bool(stored["sform_code"] > 0 or (stored["pixdim"][1 : 1 + axes] != 0).all())
