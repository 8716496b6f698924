# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Where lids, iris, pupil and caruncle are: the projection into the picture, the label map and exact lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from tiu_ocular.simulation.people import GLOBE_RADIUS, Person, Pose

BACKGROUND, SCLERA, IRIS, PUPIL, CARUNCLE = range(5)

_OUTLINE = np.linspace(0, 2 * np.pi, 720, endpoint=False)
_IRIS_TO_CARUNCLE = 0.7  # least width of the sclera between them
_NARROWEST = 0.8  # a gap between the lids that is narrower than this is closed


@dataclass(frozen=True)
class Camera:
    """An affine map from the plane of the face to the picture.

    Attributes:
        size: width and height of the picture in pixels.
        centre: column and row where the origin (the pupil at rest) appears; pixel i has its centre at i + 0.5.
        matrix: pixels per millimetre, (2, 2): columns and rows for x and y. It holds the mirroring of a right eye, the
            roll of the camera and the foreshortening of a turned head.
    """

    size: tuple[int, int]
    centre: tuple[float, float]
    matrix: tuple[tuple[float, float], tuple[float, float]]

    @staticmethod
    def looking(
        size: tuple[int, int],
        centre: tuple[float, float],
        scale: float,
        roll: float,
        squeeze: tuple[float, float],
        mirrored: bool,
    ) -> Camera:
        """Camera of ``scale`` pixels per mm, rolled by ``roll`` degrees, axes shortened by ``squeeze``."""
        turn = math.radians(roll)
        cosine, sine = math.cos(turn), math.sin(turn)
        x, y = scale * squeeze[0] * (-1 if mirrored else 1), -scale * squeeze[1]
        return Camera(size, centre, ((cosine * x, -sine * y), (sine * x, cosine * y)))

    def of_other_eye(self, distance: float) -> Camera:
        """The same camera as it sees the other eye, whose pupil rests ``distance`` millimetres to the nose."""
        (a, b), (c, d) = self.matrix
        column, row = self.centre[0] - distance * a, self.centre[1] - distance * c
        return Camera(self.size, (column, row), ((-a, b), (-c, d)))

    @property
    def scale(self) -> float:
        """Pixels per millimetre, mean of all directions."""
        return math.sqrt(abs(np.linalg.det(self.matrix)))

    def pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns and rows of points given in millimetres."""
        (a, b), (c, d) = self.matrix
        return self.centre[0] + a * x + b * y, self.centre[1] + c * x + d * y

    def millimetres(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the middle of each pixel: two float32 arrays (height, width)."""
        (a, b), (c, d) = np.linalg.inv(self.matrix)
        columns = np.arange(self.size[0], dtype=np.float32) + np.float32(0.5 - self.centre[0])
        rows = np.arange(self.size[1], dtype=np.float32)[:, None] + np.float32(0.5 - self.centre[1])
        return np.float32(a) * columns + np.float32(b) * rows, np.float32(c) * columns + np.float32(d) * rows


@dataclass(frozen=True)
class Truth:
    """Exact lengths in pixels, from the geometry: what the picture's border cuts off counts too.

    Attributes:
        fissure_width_px: distance between the canthi.
        fissure_height_px: greatest distance between the lid margins, at right angles to the line through the canthi.
        iris_diameter_px: greatest diameter of the limbus, as if no lid covered it.
        pupil_diameter_px: the same of the pupil.
        iris_full_area_px: area inside the limbus, pupil included, as if nothing covered it.
        pupil_full_area_px: the same of the pupil.
    """

    fissure_width_px: float
    fissure_height_px: float
    iris_diameter_px: float
    pupil_diameter_px: float
    iris_full_area_px: float
    pupil_full_area_px: float


class Eye:
    """One eye in one picture: the curves of its parts, and fields over the pixels.

    A field is a float32 array (height, width) in millimetres, positive inside the part.
    """

    def __init__(self, person: Person, pose: Pose, camera: Camera) -> None:
        self.person, self.pose, self.camera = person, pose, camera
        self.scale = camera.scale
        tilt, width = math.tan(math.radians(person.canthal_tilt)), person.fissure_width
        self.inner_canthus = (-0.52 * width, -0.52 * width * tilt - person.pupil_height)
        self.outer_canthus = (0.48 * width, 0.48 * width * tilt - person.pupil_height)
        self.grid = np.linspace(self.inner_canthus[0], self.outer_canthus[0], 400)
        self.upper, self.lower = self._lid_margins()
        self.gaze = self._gaze()
        self.x, self.y = camera.millimetres()

    @property
    def depth(self) -> float:
        """Distance of the iris plane from the middle of the globe."""
        return math.sqrt(GLOBE_RADIUS**2 - self.person.iris_radius**2)

    @property
    def iris_centre(self) -> tuple[float, float]:
        return self.gaze[0] * self.depth, self.gaze[1] * self.depth

    def along_lids(self, heights: np.ndarray) -> np.ndarray:
        """Height of a curve that is given on ``grid``, at each pixel's x; straight on beyond the canthi."""
        return np.interp(self.x, self.grid, heights).astype(np.float32)

    @cached_property
    def upper_margin(self) -> np.ndarray:
        """y of the upper lid's margin at each pixel's x."""
        return self.along_lids(self.upper)

    @cached_property
    def lower_margin(self) -> np.ndarray:
        """y of the lower lid's margin at each pixel's x."""
        return self.along_lids(self.lower)

    @cached_property
    def opening(self) -> np.ndarray:
        """Field of the gap between the lids."""
        sideways = np.minimum(self.x - self.inner_canthus[0], self.outer_canthus[0] - self.x)
        return np.minimum(np.minimum(self.upper_margin - self.y, self.y - self.lower_margin), sideways)

    @cached_property
    def in_iris_plane(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates on the iris plane, from the middle of the limbus, of what each pixel sees there."""
        first, second = self._plane_axes()
        x, y = self.x - np.float32(self.iris_centre[0]), self.y - np.float32(self.iris_centre[1])
        z = -(self.gaze[0] * x + self.gaze[1] * y) / self.gaze[2]
        across = first[0] * x + first[1] * y + first[2] * z
        along = second[0] * x + second[1] * y + second[2] * z
        return across.astype(np.float32), along.astype(np.float32)

    @cached_property
    def iris(self) -> np.ndarray:
        """Field of the limbus, lids ignored."""
        return np.float32(self.person.iris_radius) - np.hypot(*self.in_iris_plane)

    @cached_property
    def pupil(self) -> np.ndarray:
        """Field of the pupil, lids ignored."""
        (across, along), shift = self.in_iris_plane, self.pose.pupil_shift
        return np.float32(self.pose.pupil_radius) - np.hypot(
            across - np.float32(shift[0]), along - np.float32(shift[1])
        )

    @cached_property
    def caruncle(self) -> np.ndarray:
        """Field of the caruncle, lids ignored."""
        (x, y), (width, height) = self.inner_canthus, self.person.caruncle
        x -= self.person.epicanthus
        away = np.hypot((self.x - np.float32(x)) / width, (self.y - np.float32(y)) / height)
        return (1 - away) * np.float32(min(width, height))

    def label_map(self) -> np.ndarray:
        """uint8 array (height, width) of the visible regions; lashes and reflections cut nothing."""
        labels = np.zeros(self.x.shape, np.uint8)
        inside = _largest_part(self.opening > 0)
        labels[inside] = SCLERA
        labels[inside & (self.iris > 0)] = IRIS
        labels[inside & (self.pupil > 0)] = PUPIL
        labels[inside & (self.caruncle > 0)] = CARUNCLE
        return labels

    def truth(self) -> Truth:
        """Exact lengths and areas in pixels."""
        canthi = np.array([self.inner_canthus, self.outer_canthus]).T
        columns, rows = self.camera.pixels(*canthi)
        axis = np.array((columns[1] - columns[0], rows[1] - rows[0]))
        width = float(np.hypot(*axis))
        margins = [np.stack(self.camera.pixels(self.grid, heights)) for heights in (self.upper, self.lower)]
        along, across = axis / width, np.array((-axis[1], axis[0])) / width
        place = np.linspace(0, width, 1000)
        heights = [np.interp(place, along @ (m - m[:, :1]), across @ (m - m[:, :1])) for m in margins]
        iris = self._outline(self.person.iris_radius, (0, 0))
        pupil = self._outline(self.pose.pupil_radius, self.pose.pupil_shift)
        return Truth(
            fissure_width_px=width,
            fissure_height_px=float(np.abs(heights[0] - heights[1]).max()),
            iris_diameter_px=_diameter(iris),
            pupil_diameter_px=_diameter(pupil),
            iris_full_area_px=_area(iris),
            pupil_full_area_px=_area(pupil),
        )

    def _outline(self, radius: float, shift: tuple[float, float]) -> np.ndarray:
        """Outline in pixels, (2, points), of a circle on the iris plane."""
        first, second = self._plane_axes()
        across, along = radius * np.cos(_OUTLINE) + shift[0], radius * np.sin(_OUTLINE) + shift[1]
        x = self.iris_centre[0] + first[0] * across + second[0] * along
        y = self.iris_centre[1] + first[1] * across + second[1] * along
        return np.stack(self.camera.pixels(x, y))

    def _plane_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Two unit vectors on the iris plane: one level, the other at right angles."""
        gaze = np.array(self.gaze)
        first = np.cross((0.0, 1.0, 0.0), gaze)
        first /= np.linalg.norm(first)
        return first, np.cross(gaze, first)

    def _lid_margins(self) -> tuple[np.ndarray, np.ndarray]:
        """Heights of the upper and the lower lid margin on the grid."""
        person, pose = self.person, self.pose
        place = np.linspace(0, 1, len(self.grid))
        line = np.linspace(self.inner_canthus[1], self.outer_canthus[1], len(self.grid))
        follow = math.sin(math.radians(pose.pitch))  # the upper lid follows the gaze up and down, the lower one less
        lower = line - (person.lower_height - 2.0 * follow) * _arc(place, *person.lower_shape)
        upper = line + (person.upper_height + 5.0 * follow) * _arc(place, *person.upper_shape)
        droop = person.ptosis[0 if pose.side == "right" else 1] * _arc(place, 0.6, 0.6)
        hooded = person.hooding * np.clip(place - 0.45, 0, None) ** 1.5 * 2.5 * _arc(place, 1.5, 0.8)
        upper = lower + pose.openness * (upper - lower) - droop - hooded
        closed = (upper - lower).max() < _NARROWEST
        return lower if closed else np.maximum(upper, lower), lower

    def _gaze(self) -> tuple[float, float, float]:
        """Direction of the gaze, turned less to the nose where the iris would meet the caruncle."""
        pitch = math.radians(self.pose.pitch)
        nearest = self.inner_canthus[0] + self.person.caruncle[0] + _IRIS_TO_CARUNCLE
        yaw = math.radians(self.pose.yaw)
        while True:
            x = math.sin(yaw) * math.cos(pitch)
            if self.depth * x - self.person.iris_radius * math.sqrt(1 - x * x) >= nearest:
                return x, math.sin(pitch), math.cos(yaw) * math.cos(pitch)
            yaw += math.radians(0.5)


def _arc(place: np.ndarray, start: float, end: float) -> np.ndarray:
    """An arc over [0, 1] that is 0 at both ends and 1 at its top."""
    top = start / (start + end)
    return place**start * (1 - place) ** end / (top**start * (1 - top) ** end)


def _largest_part(mask: np.ndarray) -> np.ndarray:
    """The mask without the crumbs that the thin ends of the gap leave on the grid of pixels."""
    parts, count = ndimage.label(mask)
    return parts == np.bincount(parts.ravel())[1:].argmax() + 1 if count > 1 else mask


def _diameter(outline: np.ndarray) -> float:
    """Greatest distance of opposite points of an outline with a middle of symmetry."""
    half = outline.shape[1] // 2
    return float(np.hypot(*(outline[:, :half] - outline[:, half:])).max())


def _area(outline: np.ndarray) -> float:
    x, y = outline
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
