# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Any folder of images and masks with equal stems."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from litemed.datasets.files import Case, dataset_root, index, pair, wrong_layout
from litemed.datasets.splits import split_cases
from litemed.datasets.validation import LabelValues, check_cases

__all__ = ["PARTS", "paired", "paired_part"]

PARTS = ("training", "validation", "test")


def paired(
    root: str | os.PathLike[str],
    images: str = "images",
    masks: str = "masks",
    split: str | None = None,
    label_values: LabelValues = "any",
    validate: bool = True,
    threshold: float | None = None,
) -> list[Case]:
    """Reads ``root/images`` and ``root/masks``, or the same two folders below ``root/<split>``.

    An image and its mask have the same stem; their formats, of pictures or volumes, may differ and may be mixed.

    Args:
        root: the data set's folder.
        images: name of the folder of images.
        masks: name of the folder of masks.
        split: name of the part's folder, for example ``"training"``, ``"validation"`` or ``"test"``.
        label_values: ``"any"`` whole numbers (classes, instances), or ``"binary"``.
        validate: check sizes and values of all files.
        threshold: mask values above it are foreground, which masks kept as JPEG need; for the check alone.

    Raises:
        FileNotFoundError: when the folders are missing or empty.
        ValueError: names the files that lack a partner, are broken, differ in size or have wrong values.
    """
    base = folder = dataset_root(root)
    if split is not None:
        folder = base / split
    if not (folder / images).is_dir():
        where = f"{split}/" if split else ""
        raise wrong_layout(base, f"{where}{images}/ and {where}{masks}/")
    cases = pair(index(folder / images), label=index(folder / masks))
    if validate:
        check_cases(cases, label_values, threshold)
    return cases


def paired_part(
    root: str | os.PathLike[str], part: str, shares: Sequence[float] = (0.7, 0.15, 0.15), seed: int = 0, **options: Any
) -> list[Case]:
    """One part of a folder of images and masks: ``root/<part>`` as it is, or drawn from ``images`` and ``masks``.

    Args:
        root: the data set's folder.
        part: one of `PARTS`.
        shares: of the three parts where they are drawn, image by image: divide by patients yourself where one has
            several.
        seed: of the drawing.
        options: see `paired`.

    Raises:
        FileNotFoundError, ValueError: as `paired` and `split_cases` do, and for another part.
    """
    if part not in PARTS:
        raise ValueError(f"expected a part of {', '.join(PARTS)}, got {part!r}")
    base = dataset_root(root)
    if not (base / options.get("images", "images")).is_dir():
        return paired(base, split=part, **options)
    cases = paired(base, **options)
    try:
        return split_cases(cases, shares, seed=seed)[PARTS.index(part)]
    except ValueError as error:
        raise ValueError(f"{base}: expected more images to divide into {', '.join(PARTS)}: {error}") from error
