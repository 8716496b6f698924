# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps of data sets that tell fewer regions apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from tiu_ocular.regions import REGIONS

__all__ = ["MergeRegionsd"]


class MergeRegionsd(MapTransform):
    """Count regions as others, for the evaluation on a data set that doesn't label them.

    Args:
        keys: keys of the label maps.
        merge: region to give up, by name, to the region that takes its pixels.

    Raises:
        ValueError: for an unknown region.
    """

    def __init__(self, keys: KeysCollection, merge: Mapping[str, str]) -> None:
        super().__init__(keys)
        unknown = [name for name in (*merge, *merge.values()) if name not in REGIONS]
        if unknown:
            raise ValueError(f"expected regions among {', '.join(REGIONS)}, got {unknown[0]!r}")
        self.merge = {REGIONS.index(old): REGIONS.index(new) for old, new in merge.items()}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            labels = items[key].clone()
            for old, new in self.merge.items():
                labels[items[key] == old] = new
            items[key] = labels
        return items
