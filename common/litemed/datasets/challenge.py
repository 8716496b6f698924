# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Archives of the MedSAM on Laptop challenge (CVPR 2024): images, boxes, spacing and labels in one ``.npz``."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from litemed.files import replacing
from litemed.images.boxes import check_boxes
from litemed.images.masks import whole_labels

__all__ = ["ChallengeCase", "read_challenge", "write_challenge"]


@dataclass(frozen=True)
class ChallengeCase:
    """One archive.

    Attributes:
        path: the file; its name says ``2D`` or ``3D`` and then the modality.
        images: ``imgs``: ``(H, W)``, ``(H, W, 3)``, ``(D, H, W)`` or ``(D, H, W, 3)``, of any numeric type.
        is_volume: whether the first axis of ``images`` counts slices.
        boxes: ``(N, 4)`` x0, y0, x1, y1 or ``(N, 6)`` x0, y0, z0, x1, y1, z1, or None.
        spacing: in mm, in the order x, y, z, that is the reverse of the array's axes; None where it isn't given.
        labels: ``gts``: whole numbers of the images' size, or None.
    """

    path: Path
    images: np.ndarray
    is_volume: bool
    boxes: np.ndarray | None
    spacing: tuple[float, ...] | None
    labels: np.ndarray | None

    @property
    def sides(self) -> tuple[int, ...]:
        """Size along x, y and, for a volume, z."""
        return self.images.shape[: 3 if self.is_volume else 2][::-1]


def read_challenge(path: str | os.PathLike[str]) -> ChallengeCase:
    """Read an archive. Pickled objects are refused, never loaded.

    Whether ``(A, B, 3)`` is a colour picture or a volume of three columns is told by the boxes, else by the file's
    name, else it is a picture.

    Args:
        path: the ``.npz`` file.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it isn't such an archive, is damaged, holds pickled objects, or its arrays don't fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} doesn't exist")
    arrays = _load(path)
    if "imgs" not in arrays:
        raise ValueError(f"{path}: expected an array 'imgs', got {', '.join(sorted(arrays)) or 'none'}")
    images, labels = arrays["imgs"], arrays.get("gts")
    if images.dtype.kind not in "biuf" or not 2 <= images.ndim <= 4 or not images.size:
        raise ValueError(f"{path}: expected numbers (H, W[, 3]) or (D, H, W[, 3]), got {images.dtype} {images.shape}")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise ValueError(f"{path}: 'imgs' holds NaN or infinite values")
    boxes = _boxes(arrays, path)
    is_volume = _is_volume(images, boxes, path)
    size = images.shape[: 3 if is_volume else 2]
    if images.shape[len(size) :] not in ((), (3,)):
        raise ValueError(f"{path}: expected grey images or 3 channels last, got shape {images.shape}")
    if labels is not None and labels.shape != size:
        raise ValueError(f"{path}: 'gts' has shape {labels.shape}, but the images are {size}")
    if labels is not None:
        labels = whole_labels(labels, f"{path}, 'gts'")
    if boxes is not None:
        boxes, _ = check_boxes(boxes, size[::-1], path.name)
    return ChallengeCase(path, images, is_volume, boxes, _spacing(arrays, path), labels)


def write_challenge(
    path: str | os.PathLike[str],
    images: np.ndarray,
    *,
    boxes: np.ndarray | None = None,
    spacing: tuple[float, ...] | None = None,
    labels: np.ndarray | None = None,
) -> Path:
    """Write an archive, whole or not at all.

    Args:
        path: a ``.npz`` file.
        images: as in `ChallengeCase`, uint8 in the challenge.
        boxes: as in `ChallengeCase`; whole boxes are stored as integers.
        spacing: in mm, in the order x, y, z.
        labels: of the images' size.

    Returns:
        The path.
    """
    arrays: dict[str, np.ndarray] = {"imgs": images}
    if labels is not None:
        arrays["gts"] = labels
    if boxes is not None:
        is_whole = np.array_equal(boxes, np.rint(boxes))
        arrays["boxes"] = boxes.astype(np.int32) if is_whole else boxes
    if spacing is not None:
        arrays["spacing"] = np.asarray(spacing, dtype=np.float64)
    return _save(Path(path), arrays)


def _save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    if path.suffix.lower() != ".npz":
        raise ValueError(f"{path}: expected a name that ends in .npz")
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return path


def _load(path: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an npz archive")
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                if name in ("imgs", "gts", "boxes", "spacing"):
                    arrays[name] = np.asarray(archive[name])
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        reason = "it holds pickled objects, which are never loaded" if "pickle" in str(error) else error
        raise ValueError(f"{path} can't be read: {reason}") from error
    return arrays


def _boxes(arrays: dict[str, np.ndarray], path: Path) -> np.ndarray | None:
    boxes = arrays.get("boxes")
    if boxes is None or not boxes.size:
        return None
    boxes = boxes[None] if boxes.ndim == 1 else boxes
    if boxes.ndim != 2 or boxes.shape[1] not in (4, 6):
        raise ValueError(f"{path}: expected boxes (N, 4) or (N, 6), got shape {boxes.shape}")
    return boxes


def _is_volume(images: np.ndarray, boxes: np.ndarray | None, path: Path) -> bool:
    if images.ndim != 3:
        is_volume = images.ndim == 4
    elif boxes is not None:
        is_volume = boxes.shape[1] == 6
    else:
        is_volume = path.name.upper().startswith("3D") or images.shape[2] != 3
    if boxes is not None and (boxes.shape[1] == 6) != is_volume:
        raise ValueError(f"{path}: boxes of {boxes.shape[1]} numbers don't fit images of shape {images.shape}")
    return is_volume


def _spacing(arrays: dict[str, np.ndarray], path: Path) -> tuple[float, ...] | None:
    if "spacing" not in arrays:
        return None
    values = np.asarray(arrays["spacing"], dtype=np.float64).ravel()
    if values.size not in (2, 3) or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"{path}: expected positive spacings x, y, z in mm, got {values.tolist()}")
    return tuple(values.tolist())
