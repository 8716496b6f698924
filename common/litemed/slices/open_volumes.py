# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes that stay open from slice to slice."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from litemed.images.volume import Volume
from litemed.images.volumes import open_volume

__all__ = ["OpenVolumes"]


class OpenVolumes:
    """The volumes that slices were last taken of, each opened once.

    Opening parses a header, and a compressed volume remembers places from which it can be decoded on: a slice of one
    that is open costs a part of what it costs anew, in whatever order slices are asked for. No file is open between
    reads. Threads may share it; a copy in another process begins empty.

    Args:
        most: volumes held at a time, up to 0.7 MB each; the one that was used longest ago makes room.
    """

    def __init__(self, most: int = 32) -> None:
        if most < 1:
            raise ValueError(f"expected at least one open volume, got {most}")
        self._most = most
        self._volumes: OrderedDict[tuple[Any, ...], Volume] = OrderedDict()
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"_most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_most"])  # type: ignore[misc]

    def open(self, path: str | os.PathLike[str], *, is_label: bool = False) -> Volume:
        """The volume at a path, opened anew when its file has changed. Raises as `open_volume` does."""
        about = os.stat(path)
        key = (os.fspath(path), is_label, about.st_mtime_ns, about.st_size, about.st_ino)
        with self._lock:
            if key in self._volumes:
                self._volumes.move_to_end(key)
                return self._volumes[key]
        volume = open_volume(path, is_label=is_label)
        with self._lock:
            self._volumes[key] = volume
            while len(self._volumes) > self._most:
                self._volumes.popitem(last=False)
        return volume

    def read_slice(
        self, path: str | os.PathLike[str], index: int, axis: int = 2, *, is_label: bool = False
    ) -> np.ndarray:
        """One slice, see `litemed.images.volume.Volume.read_slice`."""
        return self.open(path, is_label=is_label).read_slice(axis, index)
