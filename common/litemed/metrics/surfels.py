# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Surface elements of a binary mask between voxel centres: where they lie and how large they are.

A window of 2 x 2 pixels or 2 x 2 x 2 voxels is coded by the bits of its corners. The surface crosses each edge of the
window between an inside and an outside corner at its midpoint (marching squares; marching cubes, Lorensen and Cline
1987). This is the boundary behind the surface Dice of Nikolov et al. 2018 (arXiv:1809.04430).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

__all__ = ["element_sizes", "neighbour_codes"]

Point = tuple[int, ...]


def neighbour_codes(mask: np.ndarray) -> np.ndarray:
    """Code of the window around each corner of the voxels of a mask that is surrounded by background.

    Args:
        mask: bool, 2D or 3D, of sides n_i.

    Returns:
        uint8 of sides n_i + 1. Element (i, j, ...) codes the voxels (i - 1, j - 1, ...) to (i, j, ...), the first in
        the highest of 4 or 8 bits: 0 lies outside, 15 or 255 inside, all others hold a piece of surface.
    """
    codes: np.ndarray = np.pad(mask, 1).view(np.uint8)
    for axis, bits in zip(reversed(range(mask.ndim)), (1, 2, 4), strict=False):
        along = np.moveaxis(codes, axis, 0)
        codes = np.moveaxis((along[:-1] << bits) | along[1:], 0, axis)
    return codes


@lru_cache(maxsize=32)
def element_sizes(spacing: tuple[float, ...]) -> np.ndarray:
    """Length of contour (2D, in mm) or area of surface (3D, in mm^2) inside the window of each code.

    Two rules settle the codes that allow more than one surface: corners that only a diagonal of a face joins are
    apart where their kind is the minority in the window, and a ring of midpoints that is not flat is cut into the
    triangles of largest area at unit spacing. The sizes are those of DeepMind's surface-distance.

    Args:
        spacing: two or three numbers, in mm.

    Returns:
        16 or 256 sizes, float64, indexed by code.
    """
    sides = np.array(spacing)
    scale = sides if len(sides) == 2 else sides.prod() / sides  # a normal scales by the two sides across it
    return np.array([np.linalg.norm(pieces * scale, axis=1).sum() for pieces in _pieces(len(sides))])


@lru_cache(maxsize=2)
def _pieces(dimensions: int) -> list[np.ndarray]:
    """Per code at unit spacing: the segments of the contour in 2D, triangle normals as long as the area in 3D."""
    corners = list(itertools.product((0, 1), repeat=dimensions))
    half = []
    for code in range(2 ** len(corners) // 2):
        ones = {corner for bit, corner in enumerate(reversed(corners)) if code >> bit & 1}
        minority = ones if 2 * len(ones) <= len(corners) else set(corners) - ones
        segments = [segment for face in _faces(dimensions) for segment in _cut(face, minority)]
        if dimensions == 2:
            pieces = [np.subtract(end, start) / 2 for start, end in segments]
        else:
            pieces = [np.array(normal) / 8 for ring in _rings(segments) for normal in _largest_triangles(ring)]
        half.append(np.array(pieces).reshape(-1, dimensions))
    return half + half[::-1]  # inverting a window turns its surface over


def _faces(dimensions: int) -> list[list[Point]]:
    """The square, or the six faces of the cube, each as four corners in cyclic order."""
    square: list[Point] = [(0, 0), (0, 1), (1, 1), (1, 0)]
    if dimensions == 2:
        return [square]
    return [[(*corner[:axis], side, *corner[axis:]) for corner in square] for axis in range(3) for side in (0, 1)]


def _cut(face: list[Point], minority: set[Point]) -> list[tuple[Point, Point]]:
    """Segments between edge midpoints, in half units, that part the minority's corners of a face from the others."""
    midpoints = [tuple(a + b for a, b in zip(*edge, strict=True)) for edge in itertools.pairwise([*face, face[0]])]
    inside = [corner in minority for corner in face]
    crossed = [i for i in range(4) if inside[i] != inside[(i + 1) % 4]]
    if len(crossed) == 4:
        return [(midpoints[i - 1], midpoints[i]) for i in range(4) if inside[i]]
    return [(midpoints[crossed[0]], midpoints[crossed[1]])] if crossed else []


def _rings(segments: list[tuple[Point, Point]]) -> Iterator[list[Point]]:
    """Closed polygons from their segments; each point ends two of them."""
    while segments:
        ring = list(segments[0])
        segments = segments[1:]
        while ring[0] != ring[-1]:
            following = next(segment for segment in segments if ring[-1] in segment)
            segments = [segment for segment in segments if segment != following]
            ring.append(following[following[0] == ring[-1]])
        yield ring[:-1]


def _largest_triangles(ring: list[Point]) -> list[Point]:
    """Cross products of the sides of the triangles that cut a polygon so that their area is largest."""
    cuts = ([_cross(*triangle) for triangle in triangles] for triangles in _triangulations(ring))
    return max(cuts, key=lambda normals: sum(math.hypot(*normal) for normal in normals))


def _cross(a: Point, b: Point, c: Point) -> Point:
    (u, v, w), (x, y, z) = ((q - p for p, q in zip(a, end, strict=True)) for end in (b, c))
    return (v * z - w * y, w * x - u * z, u * y - v * x)


def _triangulations(ring: list[Point]) -> Iterator[list[tuple[Point, Point, Point]]]:
    """All ways to cut a polygon into triangles between its own corners."""
    if len(ring) < 3:
        yield []
        return
    for k in range(1, len(ring) - 1):
        for before in _triangulations(ring[: k + 1]):
            for after in _triangulations(ring[k:]):
                yield [*before, (ring[0], ring[k], ring[-1]), *after]
