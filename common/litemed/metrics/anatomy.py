# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Declared anatomy: which region contains which, which exclude each other, and where a segmentation breaks that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import NamedTuple

import torch

__all__ = ["Anatomy", "Violation"]

Region = str | int
Pixels = EllipsisType | tuple[slice, ...]

MODES = ("disjoint", "nested", "printed")


class Violation(NamedTuple):
    """How far pixels break a relation, in [0, 1].

    ``amount[...]`` belongs to the pair of pixels that ``region[first][...]`` and ``region[second][...]`` select from a
    map (B, spatial...). Both are the same pixel where the relation is one of overlap.
    """

    amount: torch.Tensor
    first: Pixels
    second: Pixels


class Anatomy:
    """Relations between regions, measured on their maps: probabilities or binary masks (B, C, spatial...).

    Two kinds are declared: the outer region *contains* the inner one, and two regions are *exclusive*. What a channel
    stands for is the ``mode``:

    - ``"disjoint"``: a label map; every pixel belongs to one class (softmax). Here containment taken pixel by pixel
      contradicts the labels, and exclusion cannot be broken. So both are relations of adjacency between face
      neighbours p and q: a contained region touches nothing from outside its container, and exclusive regions don't
      touch. With the filled region (a class plus all that it contains)::

          contains:  ReLU(filled_inner(p) - filled_outer(q) - occluders(q))
          exclusive: ReLU(a(p) + b(q) - 1)

    - ``"nested"``: every channel is a filled region of its own (sigmoid). Relations hold pixel by pixel; exclusion is
      that of the visible parts (a region less the regions directly inside it)::

          contains:  ReLU(inner - outer - occluders)
          exclusive: ReLU(visible_a + visible_b - 1)

    - ``"printed"``: the equations of the TIU paper taken literally on the channels, ``ReLU(inner - outer)`` and
      ``ReLU(a + b - 1)``, without occluders. On a label map the first is broken by every pixel of the inner region,
      the true ones included, and the second by none. For comparison only.

    Example:
        >>> eye = Anatomy(
        ...     contains=[("sclera", "iris"), ("iris", "pupil")],
        ...     exclusive=[("sclera", "pupil")],
        ...     names=("background", "sclera", "iris", "pupil", "caruncle"),
        ...     occluders=["background"],  # eyelids
        ... )
        >>> eye.relations
        ('sclera contains iris', 'iris contains pupil', 'sclera excludes pupil')
    """

    def __init__(
        self,
        contains: Sequence[tuple[Region, Region]] = (),
        exclusive: Sequence[tuple[Region, Region]] = (),
        names: Sequence[str] | None = None,
        mode: str = "disjoint",
        occluders: Sequence[Region] = (),
    ) -> None:
        """
        Args:
            contains: pairs (outer, inner) of regions, by name or by channel.
            exclusive: pairs of regions.
            names: name of every channel, in order; needed where a region is given by name.
            mode: ``"disjoint"``, ``"nested"`` or ``"printed"``, see above.
            occluders: regions that may lie in front of the others, such as eyelids: to reach under them is no
                violation of containment.

        Raises:
            ValueError: when the mode or a region is unknown, a region contains itself, a pair is declared as both
                containing and exclusive, or a containment cannot be broken.
        """
        if mode not in MODES:
            raise ValueError(f"expected a mode out of {MODES}, got {mode!r}")
        self.names = None if names is None else tuple(names)
        self.mode = mode
        self.contains = tuple((self._channel(outer), self._channel(inner)) for outer, inner in contains)
        self.exclusive = tuple((self._channel(a), self._channel(b)) for a, b in exclusive)
        self.occluders = () if mode == "printed" else tuple(self._channel(region) for region in occluders)
        for outer, inner in self.contains:
            if outer in self._inside(inner):
                raise ValueError(f"{self._name(outer)} contains itself, through {self._name(inner)}")
        for a, b in self.exclusive:
            if a == b or (mode != "printed" and ((a, b) in self.contains or (b, a) in self.contains)):
                raise ValueError(
                    f"{self._name(a)} and {self._name(b)} cannot exclude each other: one contains the other"
                )
        if self.names is not None:
            self._check_channels(len(self.names))

    @property
    def relations(self) -> tuple[str, ...]:
        """The declared relations in words, containments first."""
        return tuple(f"{self._name(outer)} contains {self._name(inner)}" for outer, inner in self.contains) + tuple(
            f"{self._name(a)} excludes {self._name(b)}" for a, b in self.exclusive
        )

    def violations(self, maps: torch.Tensor) -> Iterator[list[Violation]]:
        """Yield, for each of :attr:`relations`, where and how far the maps break it.

        Args:
            maps: probabilities or binary masks (B, C, spatial...), floating point, in [0, 1].

        Raises:
            ValueError: when the number of channels doesn't fit the declared regions.
        """
        self._check_channels(maps.shape[1])
        pairs: list[tuple[Pixels, Pixels]] = [(..., ...)]
        if self.mode == "disjoint":
            pairs = list(_face_neighbours(maps.ndim - 2))
        channels = maps.unbind(1)
        for outer, inner in self.contains:
            allowed = self._filled(channels, outer)
            for occluder in self.occluders:
                allowed = allowed + channels[occluder]
            yield _excess(self._filled(channels, inner), allowed, pairs)
        for a, b in self.exclusive:
            yield _excess(self._visible(channels, a), 1 - self._visible(channels, b), pairs)

    def _filled(self, channels: Sequence[torch.Tensor], region: int) -> torch.Tensor:
        """The region with all that it contains."""
        filled = channels[region]
        if self.mode == "disjoint":
            for inner in self._inside(region) - {region}:
                filled = filled + channels[inner]
        return filled

    def _visible(self, channels: Sequence[torch.Tensor], region: int) -> torch.Tensor:
        """The region without what it directly contains."""
        covers = [channels[inner] for outer, inner in self.contains if outer == region]
        if self.mode == "nested" and covers:
            return torch.relu(channels[region] - torch.stack(covers).amax(0))
        return channels[region]

    def _channel(self, region: Region) -> int:
        if isinstance(region, str):
            if region not in (self.names or ()):
                raise ValueError(f"unknown region {region!r}, the names are {self.names}")
            assert self.names is not None
            return self.names.index(region)
        if region < 0:
            raise ValueError(f"expected a channel >= 0, got {region}")
        return region

    def _name(self, channel: int) -> str:
        return str(channel) if self.names is None else self.names[channel]

    def _inside(self, region: int) -> set[int]:
        """The region and all that it contains, directly or not."""
        found, new = set(), {region}
        while new:
            found |= new
            new = {inner for outer, inner in self.contains if outer in new} - found
        return found

    def _check_channels(self, channels: int) -> None:
        if self.names is not None and channels != len(self.names):
            raise ValueError(f"expected {len(self.names)} channels {self.names}, got {channels}")
        declared = {*self.occluders, *(region for pair in self.contains + self.exclusive for region in pair)}
        if declared and max(declared) >= channels:
            raise ValueError(f"region {max(declared)} is declared, but there are only {channels} channels")
        if self.mode == "disjoint":
            for outer, inner in self.contains:
                if len(self._inside(outer) | set(self.occluders)) == channels:
                    raise ValueError(
                        f"'{self._name(outer)} contains {self._name(inner)}' cannot be broken: "
                        "every other region is inside or an occluder"
                    )


def _face_neighbours(spatial_dims: int) -> Iterator[tuple[Pixels, Pixels]]:
    """All ordered pairs of face neighbours in a map (B, spatial...), as a pair of indices a direction."""
    everything = slice(None)
    for axis in range(1, spatial_dims + 1):
        low = (everything,) * axis + (slice(None, -1),)
        high = (everything,) * axis + (slice(1, None),)
        yield low, high
        yield high, low


def _excess(region: torch.Tensor, allowed: torch.Tensor, pairs: list[tuple[Pixels, Pixels]]) -> list[Violation]:
    return [Violation(torch.relu(region[p] - allowed[q]), p, q) for p, q in pairs]
