# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From scanner values to the 8-bit range of the MedSAM challenge: CT windows, and percentiles for the rest."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

__all__ = ["CT_WINDOWS", "IntensityRange", "ScaleModalityd", "ct_range", "intensity_range", "percentile_range"]

CT_WINDOWS = {
    "soft_tissue": (40.0, 400.0),
    "lung": (-600.0, 1500.0),
    "mediastinum": (50.0, 350.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
}
"""Level and width in Hounsfield units; ``soft_tissue`` is the challenge's."""

AIR = -500.0
"""Integers that go below it are taken for Hounsfield units when no modality is given."""

_KEPT = 4_000_000

Window = str | tuple[float, float]


@dataclass(frozen=True)
class IntensityRange:
    """The values that become 0 and 255.

    Attributes:
        low: becomes 0.
        high: becomes 255.
        keeps_zero: stored zeros, the empty surround of an MR or PET image, stay 0.
        name: what it is, for reports.
    """

    low: float
    high: float
    keeps_zero: bool = False
    name: str = ""

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Clip and scale to 0 to 255.

        Returns:
            float32 of the same shape.
        """
        scaled = np.clip(image, self.low, self.high).astype(np.float32, copy=False)
        scaled -= self.low
        scaled /= max(self.high - self.low, 1e-8)
        scaled *= 255
        if self.keeps_zero:
            scaled[image == 0] = 0
        return scaled


def ct_range(window: Window = "soft_tissue") -> IntensityRange:
    """A CT window.

    Args:
        window: a name of `CT_WINDOWS`, or level and width in Hounsfield units.

    Raises:
        ValueError: for another name, anything but two numbers, or a width that isn't positive.
    """
    if isinstance(window, str) and window in CT_WINDOWS:
        (level, width), name = CT_WINDOWS[window], window
    else:
        try:
            level, width = (float(value) for value in (window.split(",") if isinstance(window, str) else window))
        except (TypeError, ValueError):
            expected = f"expected a CT window of {', '.join(CT_WINDOWS)}, or level and width such as '40,400'"
            raise ValueError(f"{expected}, got {window!r}") from None
        name = f"{level:g}/{width:g}"
        if not (width > 0 and np.isfinite([level, width]).all()):
            raise ValueError(f"expected a CT window as level and positive width, got {tuple(window)}")
    return IntensityRange(level - width / 2, level + width / 2, name=f"CT window {name}")


def percentile_range(slices: Iterable[np.ndarray], lower: float = 0.5, upper: float = 99.5) -> IntensityRange:
    """Percentiles of the non-zero values of an image, as the challenge scales MR and all but CT.

    Args:
        slices: the image in parts, read one after the other. Of more than four million values every k-th counts.
        lower: percentile that becomes 0.
        upper: percentile that becomes 255.
    """
    return _percentiles(_survey(slices).values, lower, upper)


def intensity_range(
    slices: Iterable[np.ndarray], modality: str | None = None, window: Window = "soft_tissue"
) -> IntensityRange:
    """The range that fits an image.

    Args:
        slices: the image in parts, read one after the other.
        modality: ``"CT"`` takes ``window``, any other the percentiles. Without it, 8-bit images are left as they are,
            and others are taken for CT when their values go below -500.
        window: see `ct_range`.
    """
    if modality is not None:
        return ct_range(window) if modality.upper() == "CT" else percentile_range(slices)
    survey = _survey(slices)
    if survey.is_byte:
        return IntensityRange(0.0, 255.0, name="8 bit, as stored")
    return ct_range(window) if survey.lowest < AIR else _percentiles(survey.values)


class _Survey(NamedTuple):
    values: np.ndarray
    lowest: float
    is_byte: bool


def _survey(slices: Iterable[np.ndarray]) -> _Survey:
    """One pass over an image, in bounded memory: non-zero values, evenly thinned; the lowest; whether all are bytes."""
    kept: list[np.ndarray] = []
    stride, count, lowest, is_byte = 1, 0, np.inf, True
    for part in slices:
        lowest = min(lowest, float(part.min()))
        is_byte = is_byte and part.dtype == np.uint8
        kept.append(part[part != 0][::stride].astype(np.float32))
        count += kept[-1].size
        while count > _KEPT:
            kept, stride = [values[::2] for values in kept], stride * 2
            count = sum(values.size for values in kept)
    return _Survey(np.concatenate(kept) if kept else np.zeros(0, dtype=np.float32), lowest, is_byte)


def _percentiles(values: np.ndarray, lower: float = 0.5, upper: float = 99.5) -> IntensityRange:
    low, high = np.percentile(values, (lower, upper)).tolist() if values.size else (0.0, 1.0)
    return IntensityRange(low, high, True, f"percentiles {lower:g} to {upper:g}")


class ScaleModalityd(MapTransform):
    """Scale volumes from scanner values to 0 to 255 by `intensity_range`, whose name goes into the metadata.

    Pictures ``(C, W, H)`` are left as they are: networks scale them by their minimum and maximum, whatever their depth.

    Args:
        keys: keys of the images, channel first. What ``stored_dtype`` says in the metadata of a volume ``(C, X, Y, Z)``
            tells whether it is of 8 bit; without it whole numbers from 0 to 255 do.
        modality: ``"CT"``, another one, or None to judge by the values.
        window: CT window.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        modality: str | None = None,
        window: Window = "soft_tissue",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.modality = modality
        self.window = window

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            image = items[key]
            array = np.asarray(image)
            if array.ndim == 3 or (self.modality is None and _is_byte(image, array)):
                continue
            scale = intensity_range(np.moveaxis(array, -1, 0), self.modality, self.window)
            scaled = torch.from_numpy(scale.apply(array))
            if isinstance(image, MetaTensor):
                items[key] = MetaTensor(scaled, meta={**image.meta, "intensity": scale.name})
            else:
                items[key] = scaled
        return items


def _is_byte(image: Any, array: np.ndarray) -> bool:
    stored = image.meta.get("stored_dtype") if isinstance(image, MetaTensor) else None
    if stored is not None:
        return stored == "uint8"
    return array.min() >= 0 and array.max() <= 255 and bool((array == np.rint(array)).all())
