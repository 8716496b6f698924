# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Cases with the modality that their file's name says."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from litemed.networks.class_prompt import MODALITIES, modality_index
from monai.transforms import RandomizableTransform, Transform

from classprompt.network import UNKNOWN, UNTOLD

__all__ = ["RandUntoldClassd", "UnknownClassd", "classes_of", "modality_name", "with_classes"]


def with_classes(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the class of each case to it.

    Args:
        cases: of `litemed.datasets.challenge_cases`, whose ``modality`` is the one in the name of the file.

    Returns:
        The cases with ``class_id``, an index into `litemed.networks.MODALITIES`, int64.

    Raises:
        ValueError: for a name that says none of the eleven modalities.
    """
    classed = []
    for case in cases:
        try:
            index = modality_index(case["modality"])
        except ValueError as error:
            raise ValueError(f"{case['image']}: {error} in the file's name") from None
        classed.append({**case, "class_id": torch.tensor(index)})
    return classed


class UnknownClassd(Transform):
    """Give items without ``class_id``, such as a MONAI Label server's, that of an unknown class."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        return {"class_id": torch.tensor(UNKNOWN), **data}


class RandUntoldClassd(RandomizableTransform):
    """Give some items the class that isn't told, so that a network also learns to do without.

    Args:
        prob: of each item.
    """

    def __init__(self, prob: float = 0.1) -> None:
        super().__init__(prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        self.randomize(None)
        return {**data, "class_id": torch.tensor(UNTOLD)} if self._do_transform else dict(data)


def modality_name(name: str) -> str:
    """A modality as `litemed.networks.MODALITIES` writes it."""
    return MODALITIES[modality_index(name)]


def classes_of(items: Sequence[dict[str, Any]]) -> list[int]:
    """Class of each item, that of an unknown one where it isn't given."""
    return [int(item.get("class_id", UNKNOWN)) for item in items]
