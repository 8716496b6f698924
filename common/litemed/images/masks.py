# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps from files of every format, by one set of rules: exact labels, or refused with the reason.

Labels are whole numbers from 0, the background. Palettes count as their indices, floats only where they are whole.
NaN, negative and fractional values are refused, colours too, and what JPEG blurs: a threshold turns it into a mask.
"""

from __future__ import annotations

import os
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from litemed.images.names import is_archive, is_picture
from litemed.images.pictures import is_lossy, read_picture
from litemed.images.volume import Volume

__all__ = ["Mask", "binary_as_one", "read_labels", "read_mask", "whole_labels"]

_GREY_ENOUGH = 16  # levels that JPEG moves the channels of a grey picture apart by
_ARRAYS = ("segs", "gts")  # of the challenge's archives: results, and the truth


class Mask(NamedTuple):
    """A label map as it was read.

    Attributes:
        labels: whole numbers from 0; ``(H, W)`` of a picture and of a volume of one slice, ``(X, Y, Z)`` of a volume.
        spacing: between elements along each axis of ``labels``, in mm; None where the file doesn't tell.
        volume: what it was read from, for its place; None for pictures and archives.
        notes: what was taken for granted.
    """

    labels: np.ndarray
    spacing: tuple[float, ...] | None = None
    volume: Volume | None = None
    notes: tuple[str, ...] = ()


def read_mask(
    path: str | os.PathLike[str], threshold: float | None = None, regions: Mapping[str, int] | None = None
) -> Mask:
    """Read a label map.

    Args:
        path: a picture, which is read upright (`read_picture`); a volume or the folder of a DICOM series
            (`open_volume`); an archive of the MedSAM challenge, its ``segs`` or else its ``gts``; or LabelMe outlines.
        threshold: values above it become 1, others 0. Needed for pictures whose compression is lossy.
        regions: label of each region by its name in LabelMe outlines, see `labelme_map`.

    Returns:
        the mask. A volume with one slice is a plane, with rows and columns as a picture has them.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: names the file and what is wrong with it.
    """
    path = Path(path)
    if path.suffix.lower() == ".json" and regions is not None:
        from litemed.images.labelme import labelme_map

        return Mask(labelme_map(path, regions))
    if path.is_file() and is_picture(path):
        return _read_picture(path, threshold)
    if is_archive(path):
        return _read_archive(path, threshold)
    return _read_volume(path, threshold)


def read_labels(
    path: str | os.PathLike[str], threshold: float | None = None, regions: Mapping[str, int] | None = None
) -> np.ndarray:
    """The labels of `read_mask`, with a warning of what was taken for granted."""
    mask = read_mask(path, threshold, regions)
    for note in mask.notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return mask.labels


def whole_labels(values: np.ndarray, source: object, threshold: float | None = None) -> np.ndarray:
    """The rules for values: whole numbers from 0, or what a threshold makes of any.

    Args:
        values: of one channel, any shape.
        source: what they are of, for messages.
        threshold: see `read_mask`.

    Returns:
        the values, of an integer type.

    Raises:
        ValueError: for values that are no labels.
    """
    kind = values.dtype.kind
    if kind not in "buif":
        raise ValueError(f"{source}: expected numbers as labels, got {values.dtype}")
    if kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{source}: expected labels, got NaN or infinite values")
    if threshold is not None:
        return (values > threshold).astype(np.uint8)
    if kind == "f" and (wrong := values != np.trunc(values)).any():
        raise ValueError(f"{source}: expected whole numbers as labels, got {values[wrong][0]:g}; or give a threshold")
    if kind in "if" and values.min(initial=0) < 0:
        raise ValueError(f"{source}: expected labels from 0, got {values.min():g}")
    return values.astype({"b": np.uint8, "f": np.int64}.get(kind, values.dtype), copy=False)


def binary_as_one(mask: Mask) -> Mask:
    """The mask, with 1 for the 255 of a mask that holds 0 and 255 alone, which it notes."""
    if mask.labels.max(initial=0) != 255 or np.any((mask.labels != 0) & (mask.labels != 255)):
        return mask
    labels = (mask.labels != 0).astype(np.uint8)
    return mask._replace(labels=labels, notes=(*mask.notes, "0 and 255 are read as background and label 1"))


def _read_picture(path: Path, threshold: float | None) -> Mask:
    if threshold is None and is_lossy(path):
        raise ValueError(f"{path}: lossy compression blurs the labels of a mask: give a threshold, such as 127")
    pixels = read_picture(path, stored=True)
    if pixels.ndim == 2:
        return Mask(whole_labels(pixels, path, threshold))
    spread = int(np.ptp(pixels, axis=2).max(initial=0))
    if threshold is not None and spread <= _GREY_ENOUGH:
        return Mask(whole_labels(pixels.mean(axis=2), path, threshold))
    if not spread:
        return Mask(whole_labels(pixels[..., 0], path, threshold))
    codes = pixels.astype(np.uint64) @ (np.uint64(1) << np.array([32, 16, 0], dtype=np.uint64))
    colours = np.unique(codes)
    if len(colours) == 2 and colours[0] == 0 and threshold is None:
        shown = ", ".join(str(value) for value in pixels[codes != 0][0].tolist())
        note = f"black and the colour ({shown}) are read as background and label 1"
        return Mask((codes != 0).astype(np.uint8), notes=(note,))
    raise ValueError(f"{path}: a mask must be grey, but its colour channels differ ({len(colours)} colours)")


def _read_archive(path: Path, threshold: float | None) -> Mask:
    try:
        with np.load(path, allow_pickle=False) as archive:
            key = next((name for name in _ARRAYS if name in archive), None)
            if key is None:
                raise ValueError(f"expected an array 'segs' or 'gts', got {archive.files}")
            labels = whole_labels(archive[key], path, threshold)
            steps = np.asarray(archive["spacing"], float).ravel().tolist() if "spacing" in archive else None
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise error if str(path) in str(error) else ValueError(f"{path} can't be read: {error}") from error
    if labels.ndim not in (2, 3):
        raise ValueError(f"{path}: expected labels (H, W) or (D, H, W), got shape {labels.shape}")
    if steps is not None and (len(steps) < labels.ndim or not all(0 < step < np.inf for step in steps)):
        raise ValueError(f"{path}: expected positive spacings x, y, z in mm, got {steps}")
    if labels.ndim == 3 and len(labels) == 1:
        labels = labels[0]
    if labels.ndim == 3:  # slices, rows, columns
        return Mask(labels.T, None if steps is None else tuple(steps[:3]))
    return Mask(labels, None if steps is None else (steps[1], steps[0]))


def _read_volume(path: Path, threshold: float | None) -> Mask:
    from litemed.images.volumes import open_volume

    volume = open_volume(path, is_label=True)
    axis = volume.slowest_axis
    slices = [volume.read_slice(axis, index) for index in range(volume.shape[axis])]
    if slices[0].ndim != 2:
        raise ValueError(f"{path}: expected labels of one channel, got {slices[0].shape[-1]} channels")
    labels = whole_labels(np.stack(slices, axis), path, threshold)
    spacing: tuple[float, ...] = volume.spacing
    if 1 in labels.shape:
        across = max(axis for axis in range(3) if labels.shape[axis] == 1)
        labels = np.take(labels, 0, across).T
        spacing = tuple(step for axis, step in enumerate(spacing) if axis != across)[::-1]
    axes = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    is_sheared = np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3
    notes = ("the axes aren't at right angles, distances are measured as if they were",) if is_sheared else ()
    return Mask(labels, spacing if volume.has_spacing else None, volume, notes)
