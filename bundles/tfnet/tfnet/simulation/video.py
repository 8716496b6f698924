# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated tear-film video: frames on demand, each with its class, boxes and mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from litemed.images.pictures import as_jpeg
from litemed.samples.noise import smooth_step
from scipy.ndimage import gaussian_filter, uniform_filter1d

from tfnet.readers.tfm import TFM_CLASSES
from tfnet.simulation.breakup import Damage, Patch, Texture, damage, draw_patches, draw_texture
from tfnet.simulation.cornea import Cornea
from tfnet.simulation.device import Device
from tfnet.simulation.eye import Eye, draw_eye
from tfnet.simulation.noise import coarse_noise
from tfnet.simulation.rings import Rings
from tfnet.simulation.timeline import draw_timeline

CLEAR, CLOSED, BROKEN, BLUR = range(len(TFM_CLASSES))

_SHUT_BELOW = 0.62  # aperture at which the lid covers the pupil
_OPEN_FROM = 0.9
_DEFOCUS_FROM = 0.0024  # blur that hides rings, relative to the width: half of a bright ring
_SMEAR_FROM = 0.008
_SMALLEST = 1.2e-3  # area of break-up, relative to the outside box, below which the film is left sound
_NOISE_ROOM = 64
_FRAME_MM = 17.2  # width of the frame of TFM's device, in mm
_FRAME_ASPECT = 0.75  # and its height, relative to the width
_USUAL_PERIOD = 0.0117  # and the distance of its rings
_MIDDLE = np.float32(0.45)  # brightness that contrast leaves as it is
_HAZE = np.float32(0.06)  # light scattered between the rings


class Frame(NamedTuple):
    """One frame with its truth.

    Attributes:
        image: uint8 (height, width).
        label: index into `tfnet.readers.TFM_CLASSES`.
        boxes: inside, middle and outside box as x0, y0, x1, y1 in pixels, of shape (3, 4); None while the eye is shut.
        mask: bool (height, width), where the tear film is broken; empty unless the frame is of the class broken.
    """

    image: np.ndarray
    label: int
    boxes: np.ndarray | None
    mask: np.ndarray


class Interval(NamedTuple):
    """Frames between two blinks.

    Attributes:
        onset: last closed frame before the eye opens.
        last: last frame before the eye is shut again, or before the video ends.
        break_up: first frame of the class broken, or None where there is none.
    """

    onset: int
    last: int
    break_up: int | None


class TearFilmVideo(Sequence[Frame]):
    """A simulated near-infrared video of Placido rings on one subject's cornea, over several blinks.

    It is a sequence of frames: frames are made when asked for, in any order, and don't depend on one another. The same
    arguments give the same frames.

    Args:
        seed: of the subject and the course of the video: a number, or several.
        seconds: length.
        frame_rate: in frames per second.
        size: height and width of the frames in pixels; both even, for video encoders. A device has its own.
        device: that records it; None is the one of the TFM data set.

    Raises:
        ValueError: for a length below a frame, or a size that is odd, below 96 or not 1 to 1.8 times as wide as high.
    """

    def __init__(
        self,
        seed: int | Sequence[int],
        *,
        seconds: float = 8.0,
        frame_rate: float = 30.0,
        size: tuple[int, int] = (960, 1280),
        device: Device | None = None,
    ) -> None:
        height, width = size = device.size if device else size
        if frame_rate <= 0 or round(seconds * frame_rate) < 1:
            raise ValueError(f"expected at least one frame, got {seconds} seconds at {frame_rate} frames a second")
        if height % 2 or width % 2 or min(size) < 96 or not (device or 1 <= width / height <= 1.8):
            raise ValueError(f"expected an even height and width from 96, 1 to 1.8 times as wide as high, got {size}")
        self.seed = seed
        self.frame_rate = frame_rate
        self.size = (height, width)
        subject, course, noise = np.random.SeedSequence(seed).spawn(3)
        rng = np.random.default_rng(subject)
        self.device = device
        self.cornea, self.rings = _draw_optics(rng, width) if device is None else _device_optics(rng, device)
        edges = (self.rings.inside, self.rings.outer_edge(5), 1.0)
        self._boxes = np.stack([self.cornea.ring_box(edge) for edge in edges])
        if device is None:
            self._centre = np.array((width * rng.uniform(0.47, 0.53), height * rng.uniform(0.49, 0.55)))
            self._unit, self._blur_unit = float(width), float(width)
        else:
            self._centre = np.array(size[::-1]) * device.place + rng.normal(scale=0.01 * height, size=2)
            self._unit = _FRAME_MM * self.cornea.pixels_per_mm
            self._blur_unit = self._period / _USUAL_PERIOD
        decentring = 0.15 if device is None else device.decentring
        kappa = self.cornea.pixels_per_mm * rng.normal(scale=decentring, size=2)
        pupil_radius = rng.uniform(1.95, 2.5) if device is None or device.is_infrared else rng.uniform(1.2, 2.3)
        self._eye = draw_eye(
            rng,
            self.size,
            self.cornea.pixels_per_mm,
            tuple(self._centre),
            tuple(kappa),
            pupil_radius,
            None if device is None else self._unit,
            device is None or device.is_infrared,
        )
        if device is not None:
            self._eye = _lit(self._eye, device)
        self._follow = rng.uniform(0.5, 0.8)  # how far the rings move when the eye does
        reach = 1.0 if device is None else device.reach
        self._window = np.rint(np.abs(self._boxes).max() * reach + 0.02 * self._unit).astype(int)
        side = 2 * int(self._window) + 1
        self._texture = draw_texture(rng, (side, side), self._period)
        self._ripple = _ripple(rng, side, self._period)
        self._glare = _glare(rng, side, round(self._unit))
        self._unevenness = 1 + 0.12 * coarse_noise(rng, (side, side), 4 * self._period)
        if device is None:
            self._gain = rng.uniform(0.45, 0.68), rng.uniform(0.10, 0.20)  # of rings over the pupil and the iris
            self._softness = rng.uniform(1.2, 2.4) * width / 1280 / self._period
            self._fall, strength = 0.75, rng.uniform(0.003, 0.007)
        else:
            self._gain, self._softness, self._fall, strength = device.gain, device.softness, device.fall, device.noise
        self._noise = _noise_bank(rng, self.size, strength)
        self._noise_key = noise.generate_state(2).tolist()

        rng = np.random.default_rng(course)
        self.timeline = draw_timeline(rng, seconds, frame_rate)
        severity = float(rng.lognormal(0, 0.35))
        # where break-up can be seen: over the pupil, and over an iris on which the rings are nearly as bright
        over_iris = self._gain[1] > 0.5 * self._gain[0]
        reach = 0.95 if over_iris else min(pupil_radius / self.cornea.outermost, 0.95)
        self._patches = [
            (
                [patch for patch in draw_patches(rng, start, severity, reach) if self._is_uncovered(patch)]
                if np.isfinite(start)
                else []
            )
            for start in self.timeline.break_ups
        ]

    @property
    def _period(self) -> float:
        """Distance between rings in pixels."""
        return self.rings.spacing * float(self._boxes[-1, 2])

    def __len__(self) -> int:
        return len(self.timeline.seconds)

    def __iter__(self) -> Iterator[Frame]:
        return (self[index] for index in range(len(self)))

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """Class of every frame, without rendering them."""
        return tuple(self._truth(index).label for index in range(len(self)))

    @cached_property
    def intervals(self) -> tuple[Interval, ...]:
        """All intervals that start with a blink, in order."""
        labels = np.array(self.labels)
        shut = np.flatnonzero(labels == CLOSED)
        onsets = [int(frame) for frame in shut if frame + 1 < len(self) and labels[frame + 1] != CLOSED]
        found = []
        for onset in onsets:
            following = shut[shut > onset]
            last = int(following[0]) - 1 if len(following) else len(self) - 1
            broken = onset + 1 + np.flatnonzero(labels[onset + 1 : last + 1] == BROKEN)
            found.append(Interval(onset, last, int(broken[0]) if len(broken) else None))
        return tuple(found)

    def boxes(self, index: int) -> np.ndarray:
        """Inside, middle and outside box of a frame as x0, y0, x1, y1 in pixels, seen or not."""
        return self._boxes + np.tile(self._ring_centre(index), 2)

    def mask(self, index: int) -> np.ndarray:
        """Mask of a frame, bool (height, width)."""
        return self._mask(self._truth(index))

    def _mask(self, truth: _Truth) -> np.ndarray:
        mask = np.zeros(self.size, bool)
        if truth.label == BROKEN and truth.damage is not None:
            mask[truth.view.rows, truth.view.columns] = truth.damage.depth > 0
        return mask

    def __getitem__(self, index: int) -> Frame:  # type: ignore[override]  # no slices
        """Renders one frame; negative numbers count from the end."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"expected a frame below {len(self)}, got {index}")
        index %= len(self)
        truth = self._truth(index)
        boxes = None if truth.label == CLOSED else self.boxes(index)
        return Frame(self._render(index, truth), truth.label, boxes, self._mask(truth))

    def _ring_centre(self, index: int) -> np.ndarray:
        return self._centre + self._follow * self._unit * self.timeline.gaze[index]

    def _eye_shift(self, index: int) -> tuple[int, int]:
        """Where the frame lies on the eye's layers: first row and column."""
        column, row = np.rint(self._unit * self.timeline.gaze[index]).astype(int)
        room = self._eye.margin
        return int(np.clip(room - row, 0, 2 * room)), int(np.clip(room - column, 0, 2 * room))

    def _lid_drop(self, index: int) -> float:
        """Pixels by which the upper lid hangs lower than in an open eye."""
        height = self.size[0] if self.device is None else _FRAME_ASPECT * self._unit
        return float((1 - self.timeline.aperture[index]) * 0.8 * height)

    def _is_uncovered(self, patch: Patch) -> bool:
        """Whether the middle of a patch can be seen in an open eye that looks ahead."""
        x, y = self._centre + self.cornea.picture_points(patch.ring, patch.angle)
        row, column = int(y), int(x)
        if not (0 <= row < self.size[0] and 0 <= column < self.size[1]):
            return False
        room = self._eye.margin
        return bool(y > self._eye.upper_edge[column] and self._eye.lower[row + room, column + room] < 0.5)

    def _view(self, index: int) -> _View:
        """The part of the frame that shows rings."""
        centre, reach = self._ring_centre(index), int(self._window)
        column, row = (int(value) for value in np.floor(centre))
        rows = slice(max(row - reach, 0), min(row + reach + 1, self.size[0]))
        columns = slice(max(column - reach, 0), min(column + reach + 1, self.size[1]))
        own = (
            slice(rows.start - row + reach, rows.stop - row + reach),
            slice(columns.start - column + reach, columns.stop - column + reach),
        )
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None] + np.float32(0.5 - centre[0])
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5 - centre[1])
        return _View(rows, columns, own, x, y)

    def _truth(self, index: int) -> _Truth:
        """Class of a frame and the damage to its film, where no lid covers it."""
        line, view = self.timeline, self._view(index)
        if line.aperture[index] < _SHUT_BELOW:
            return _Truth(CLOSED, view, None)
        interval = line.interval(index)
        torn = None
        if interval >= 0:
            texture = Texture(*(field[view.own] for field in self._texture))
            torn = damage(self._patches[interval], line.seconds[index], self.cornea, texture, view.x, view.y)
        if torn is not None:
            torn.depth[self._covered(index, view)] = -1
            area = np.prod(self._boxes[-1, 2:] - self._boxes[-1, :2])
            if np.count_nonzero(torn.depth > 0) < _SMALLEST * area:
                torn = None
        unsteady = line.defocus[index] > _DEFOCUS_FROM or line.smear[index] > _SMEAR_FROM
        if unsteady or line.aperture[index] < _OPEN_FROM:
            return _Truth(BLUR, view, torn)
        return _Truth(CLEAR if torn is None else BROKEN, view, torn)

    def _covered(self, index: int, view: _View) -> np.ndarray:
        """Where a lid lies over the rings."""
        top, left = self._eye_shift(index)
        edge = self._eye.upper_edge[view.columns] + np.float32(self._lid_drop(index))
        above = np.arange(view.rows.start, view.rows.stop)[:, None] + 0.5 < edge
        lower = self._eye.lower[top : top + self.size[0], left : left + self.size[1]]
        return above | (lower[view.rows, view.columns] > 0.5)

    def _render(self, index: int, truth: _Truth) -> np.ndarray:
        eye, line, (height, width) = self._eye, self.timeline, self.size
        rng = np.random.default_rng([*self._noise_key, index])
        top, left = self._eye_shift(index)
        scene = eye.ball[top : top + height, left : left + width].copy()
        self._add_rings(scene, truth, top, left)
        drop = self._lid_drop(index)
        self._close(scene, drop)
        scene *= eye.light
        if line.aperture[index] < 1 and (self.device is None or self.device.is_infrared):
            over = np.float32(smooth_step(np.array((0.85 - line.aperture[index]) / 0.35)))
            scene += over * (eye.shut - scene)
        blur = max(line.defocus[index], 0.3 * line.smear[index])
        if blur > 4e-4:
            scene = gaussian_filter(scene, blur * self._blur_unit, truncate=2.5)
        if line.smear[index] * self._blur_unit > 1.5:
            scene = uniform_filter1d(scene, round(line.smear[index] * self._blur_unit) + 1, axis=1)
        row, column = rng.integers(0, _NOISE_ROOM, size=2)
        scene += self._noise[row : row + height, column : column + width]
        scene *= np.float32(255 * (1 + 0.003 * rng.normal()))
        image = np.clip(scene, 0, 255, out=scene).astype(np.uint8)
        return image if self.device is None or self.device.quality is None else as_jpeg(image, self.device.quality)

    def _add_rings(self, scene: np.ndarray, truth: _Truth, top: int, left: int) -> None:
        rows, columns, own, x, y = truth.view
        height, width = self.size
        coordinate = self.cornea.ring_coordinate(x, y)
        pupil, lower = (
            layer[top : top + height, left : left + width][rows, columns]
            for layer in (self._eye.pupil, self._eye.lower)
        )
        over_pupil, over_iris = (np.float32(gain) for gain in self._gain)
        gain = over_iris + (over_pupil - over_iris) * pupil
        gain *= 1 - np.float32(self._fall) * smooth_step((coordinate - 0.55) / 0.5)
        gain *= (1 - lower) * self._unevenness[own]
        shift: np.ndarray | float = self._ripple[own]
        swell: np.ndarray | float = 0.0
        softness: Any = np.float32(self._softness)
        if truth.damage is not None:
            shift = shift + truth.damage.shift
            swell = truth.damage.swell
            softness = softness * (1 + 2 * truth.damage.strength)
            gain *= 1 - truth.damage.fade
        if self.device is None:
            target = self.rings.brightness(coordinate, softness, shift, swell)
        else:
            angle = np.arctan2(y, x).astype(np.float32)
            target = self.device.target(coordinate, angle, softness, shift, swell)
            scene[rows, columns] += self.device.fittings(coordinate, angle) * (1 - lower)
        scene[rows, columns] += gain * (_HAZE + target)
        scene[rows, columns] += self._glare[own] * (1 - lower)

    def _close(self, scene: np.ndarray, drop: float) -> None:
        """Draws the upper lid and its lashes."""
        eye, height = self._eye, self.size[0]
        edge = eye.upper_edge + np.float32(drop)
        soft = np.float32(0.012 * self._unit)
        end = min(int(edge.max() + soft) + 1, height)
        if end > 0:
            cover = smooth_step(0.5 + (edge - np.arange(end, dtype=np.float32)[:, None]) / soft)
            scene[:end] += cover * (eye.upper[:end] - scene[:end])
        start = min(int(drop), height)
        scene[start:] *= eye.lashes[: height - start]


class _View(NamedTuple):
    """Window of a frame around the rings, the same window on layers that move with them, and pixels from the vertex."""

    rows: slice
    columns: slice
    own: tuple[slice, slice]
    x: np.ndarray
    y: np.ndarray


class _Truth(NamedTuple):
    label: int
    view: _View
    damage: Damage | None


def _draw_optics(rng: np.random.Generator, width: int) -> tuple[Cornea, Rings]:
    cornea = Cornea(
        apical_radius=float(np.clip(rng.normal(7.75, 0.25), 7.1, 8.4)),
        shape=rng.uniform(0.5, 1.0),
        toricity=rng.uniform(0.0, 0.08),
        axis=rng.uniform(0, np.pi),
        tilt=(float(rng.normal(scale=0.008)), float(rng.normal(scale=0.008))),
        outermost=3.34,
        pixels_per_mm=width / 17.2 * rng.uniform(0.86, 1.12),
    )
    rings = Rings(rng.uniform(0.125, 0.155), int(rng.integers(14, 17)), rng.uniform(0.32, 0.42), rng.uniform(0.0, 0.1))
    return cornea, rings


def _device_optics(rng: np.random.Generator, device: Device) -> tuple[Cornea, Rings]:
    """A subject's cornea before a device."""
    cornea = Cornea(
        apical_radius=float(np.clip(rng.normal(7.75, 0.25), 7.1, 8.4)),
        shape=rng.uniform(0.5, 1.0),
        toricity=rng.uniform(0.0, 0.08),
        axis=rng.uniform(0, np.pi),
        tilt=(float(rng.normal(scale=device.tilt)), float(rng.normal(scale=device.tilt))),
        outermost=device.outermost,
        pixels_per_mm=device.pixels_per_mm * rng.uniform(0.92, 1.08),
    )
    return cornea, device.rings


def _lit(eye: Eye, device: Device) -> Eye:
    """The eye as a device's light and contrast show it."""
    layers = {name: getattr(eye, name) for name in ("ball", "upper", "shut")}
    light, contrast = np.float32(device.eye_light), np.float32(device.contrast)
    return eye._replace(
        **{name: light * np.clip(_MIDDLE + contrast * (layer - _MIDDLE), 0, 1) for name, layer in layers.items()}
    )


def _ripple(rng: np.random.Generator, side: int, period: float) -> np.ndarray:
    """Displacement, in periods, of the rings of a sound film."""
    shape = (side, side)
    strength = rng.uniform(0.02, 0.07)
    return strength * (coarse_noise(rng, shape, 2 * period) + 0.5 * coarse_noise(rng, shape, period))


def _glare(rng: np.random.Generator, side: int, width: int) -> np.ndarray:
    """A few over-exposed reflections."""
    y, x = np.mgrid[:side, :side].astype(np.float32) - side // 2
    glare = np.zeros((side, side), np.float32)
    for _ in range(rng.integers(0, 4)):
        column, row = rng.normal(scale=0.25 * side, size=2)
        size = width * rng.uniform(0.002, 0.007)
        glare += rng.uniform(0.3, 0.9) * np.exp(-((x - column) ** 2 + ((y - row) * rng.uniform(0.8, 2)) ** 2) / size**2)
    return glare


def _noise_bank(rng: np.random.Generator, size: tuple[int, int], strength: float) -> np.ndarray:
    """Sensor noise, larger than a frame so that each frame takes another part of it."""
    shape = (size[0] + _NOISE_ROOM, size[1] + _NOISE_ROOM)
    return np.float32(strength) * coarse_noise(rng, shape, 1.0)
