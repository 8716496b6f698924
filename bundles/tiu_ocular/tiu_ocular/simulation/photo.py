# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Light, lens and sensor: from the colours of a scene to those of a photograph."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from litemed.images.pictures import as_jpeg
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, uniform_filter1d

from tiu_ocular.simulation.geometry import Camera, Eye
from tiu_ocular.simulation.noise import cloud, rise
from tiu_ocular.simulation.people import Domain

_EYE = 15.0  # millimetres around the pupil
_DARKEST = 0.4  # brightness there below which a camera gains, before the picture's own exposure


@dataclass(frozen=True)
class Light:
    """The lamp that lights a scene.

    Attributes:
        direction: unit vector to the lamp; x to the right of the picture, y up, z to the camera.
        ambient: share of the light that comes from everywhere.
        colour: of the lamp.
        flash: it is a flash beside the lens.
    """

    direction: tuple[float, float, float]
    ambient: float
    colour: np.ndarray
    flash: bool = False


def draw_camera(rng: np.random.Generator, size: tuple[int, int], domain: Domain, mirrored: bool) -> Camera:
    """Draws the framing. Clinical pictures are cropped around the eye; public ones show anything from half a face to
    the iris alone, perhaps askew."""
    width, height = size
    if domain == "clinical":
        share, roll = rng.uniform(0.42, 0.78), rng.normal(0, 3)
        centre = rng.normal((0.5, 0.5), (0.03, 0.04))
        squeeze = rng.uniform(0.9, 1.02), rng.uniform(0.9, 1.0)
    else:
        kind = rng.random()
        wild = kind < 0.5
        ends = (0.1, 0.3) if kind < 0.14 else (0.28, 1.25) if wild else (1.0, 2.4) if kind < 0.62 else (0.38, 0.95)
        share = math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))
        roll = rng.uniform(-45, 45) if wild else rng.normal(0, 6)
        centre = rng.uniform(0.12, 0.88, 2) if wild else rng.normal(0.5, 0.08, 2)
        squeeze = rng.uniform(0.72, 1.0), rng.uniform(0.88, 1.0)
    place = (float(centre[0]) * width, float(centre[1]) * height)
    return Camera.looking(size, place, share * width / 29, roll, squeeze, mirrored)


def draw_light(rng: np.random.Generator, domain: Domain) -> Light:
    """Draws the lamp: above the patient in the clinic, anywhere in front of the face elsewhere."""
    if domain == "clinical":
        x, y, ambient = rng.normal(0, 0.25), rng.uniform(0.3, 1.0), rng.uniform(0.3, 0.6)
        colour = np.array((0.96, 1.0, 1.02))
    else:
        x, y, ambient = rng.normal(0, 0.5), rng.normal(0.25, 0.45), rng.uniform(0.25, 0.75)
        colour = np.array((1, rng.uniform(0.93, 1), rng.uniform(0.82, 1.03)))
    flash = domain == "public" and rng.random() < 0.25
    if flash:
        x, y, ambient = rng.normal(0, 0.12), rng.normal(0.05, 0.12), rng.uniform(0.05, 0.4)
    length = math.sqrt(1 + x * x + y * y)
    return Light((x / length, y / length, 1 / length), ambient, colour.astype(np.float32), flash)


def photograph(rng: np.random.Generator, eye: Eye, scene: np.ndarray, light: Light, domain: Domain) -> Image.Image:
    """Takes the photograph: uneven light, blur, exposure, colour, noise, what phones make of it, perhaps a date."""
    size = eye.camera.size
    clinical = domain == "clinical"
    picture = scene * light.colour[:, None, None] * _falloff(rng, eye, clinical)
    picture *= np.float32(_exposure(rng, clinical) * _gain(eye, picture))
    picture = _blurred(rng, picture, clinical)
    picture = _developed(rng, picture, clinical)
    picture = _noisy(rng, picture)
    if not clinical and rng.random() < 0.35:
        picture = _sharpened(rng, picture)
    if not clinical and rng.random() < 0.04:  # a frame torn while the exposure changed
        row = int(rng.integers(size[1] // 8, size[1] * 7 // 8))
        picture[:, :row] *= np.float32(rng.uniform(0.6, 1.4))
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))
    if rng.random() < (0.05 if clinical else 0.15):
        _stamp(rng, image)
    return _sent(rng, image) if not clinical and rng.random() < 0.3 else image


def _falloff(rng: np.random.Generator, eye: Eye, clinical: bool) -> np.ndarray:
    """Light over the picture: a lamp's cone, and darkness beside the face."""
    width, height = eye.camera.size
    columns = np.arange(width, dtype=np.float32)[None] / width
    rows = np.arange(height, dtype=np.float32)[:, None] / width
    shape = (height, width)
    middle = rng.normal((0.5, 0.33), (0.2, 0.13)).astype(np.float32)
    distance = (columns - middle[0]) ** 2 + (rows - middle[1]) ** 2
    near = rng.uniform(0.6, 2) if clinical or rng.random() < 0.55 else rng.uniform(0.25, 0.6)
    light = 1 / (1 + distance / np.float32(near**2)) ** 2
    floor = rng.uniform(0, 0.5)
    light = floor + (1 - floor) * light + 0.05 * cloud(rng, shape, width / 4)
    if not clinical and rng.random() < 0.3:
        edge_of_face = eye.x - np.float32(rng.uniform(18, 36)) + 2 * cloud(rng, shape, 12 * eye.scale)
        edge_of_face += np.float32(rng.normal(0, 0.3)) * eye.y
        light = light * (1 - rng.uniform(0.6, 1) * rise(edge_of_face, rng.uniform(0.5, 5)))
    return np.clip(light, 0, 1.5).astype(np.float32)


def _gain(eye: Eye, picture: np.ndarray) -> float:
    """What a camera's automatic gain adds where the surroundings of the eye would be all but black."""
    near = picture[:, ::5, ::5][:, np.hypot(eye.x, eye.y)[::5, ::5] < _EYE]
    return max(1.0, _DARKEST / max(float(np.percentile(near, 95)), 0.01)) if near.size else 1.0


def _exposure(rng: np.random.Generator, clinical: bool) -> float:
    if clinical:
        return rng.uniform(0.75, 1.3)
    kind = rng.random()
    if kind < 0.6:
        return rng.uniform(0.7, 1.2)
    return rng.uniform(1.2, 1.9) if kind < 0.78 else math.exp(rng.uniform(math.log(0.3), math.log(0.7)))


def _blurred(rng: np.random.Generator, picture: np.ndarray, clinical: bool) -> np.ndarray:
    """Defocus, motion, and the loss of detail of a crop from a larger picture."""
    height, width = picture.shape[1:]
    if clinical or rng.random() < 0.2:
        smaller = rng.uniform(1.3, 3.2)
        picture = _resized(picture, round(width / smaller), round(height / smaller))
        picture = _resized(picture, width, height)
    else:
        sigma = rng.uniform(0.4, 0.9) if rng.random() < 0.6 else rng.uniform(0.9, 2.8)
        picture = gaussian_filter(picture, (0, sigma, sigma), truncate=2.5)
    if rng.random() < 0.12:
        picture = uniform_filter1d(picture, int(rng.integers(3, 10)), axis=int(rng.integers(1, 3)))
    return picture


def _resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    channels = [Image.fromarray(channel).resize((width, height), Image.Resampling.BICUBIC) for channel in picture]
    return np.stack([np.asarray(channel) for channel in channels])


def _developed(rng: np.random.Generator, picture: np.ndarray, clinical: bool) -> np.ndarray:
    """White balance, haze, saturation and the tone curve."""
    spread = 0.03 if clinical else rng.choice((0.05, 0.05, 0.05, 0.05, 0.05, 0.2, 0.2, 0.35))
    warm, magenta = rng.normal(0, spread), abs(rng.normal(0, spread)) - 0.25 * spread
    gains = np.exp((warm + 0.3 * magenta, -0.7 * magenta, 0.3 * magenta - warm))
    picture = np.clip(picture, 0, 1.3) * gains.astype(np.float32)[:, None, None]
    grey = picture.mean(axis=0)
    saturation = rng.uniform(0.75, 1.15) if clinical else rng.uniform(0.4, 1.25) if rng.random() > 0.04 else 0.0
    picture = grey + (picture - grey) * np.float32(saturation)
    gamma = rng.uniform(0.75, 1.2) if clinical else rng.uniform(0.7, 1.4)
    picture = np.maximum(picture, 0) ** np.float32(gamma)
    if not clinical and rng.random() < 0.4:
        haze = rng.uniform(0.03, 0.35)
        colour = np.array((0.45, 0.36, 0.45)) * np.exp(rng.normal(0, 0.25, 3)) * rng.uniform(0.3, 1.2)
        picture = picture * np.float32(1 - haze) + (haze * colour).astype(np.float32)[:, None, None]
    return picture


def _noisy(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Noise of the sensor, equal in all channels and coloured, sometimes smeared as cheap cameras do."""
    shape = picture.shape[1:]
    strength = rng.uniform(0.002, 0.012) if rng.random() < 0.75 else rng.uniform(0.012, 0.03)
    grain = cloud(rng, shape, rng.uniform(1.0, 2.5))
    level = np.float32(strength) * (0.4 + np.sqrt(np.clip(picture[1], 0, 1)))
    picture = picture + grain * level
    for channel in picture:
        channel += np.float32(0.5 * strength) * cloud(rng, shape, rng.uniform(1.5, 4))
    return picture


def _sharpened(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """What phones do: halos at edges, or the contrast of small parts raised and of large ones lowered."""
    sigma = rng.uniform(0.8, 2.5) if rng.random() < 0.6 else rng.uniform(8, 40)
    smooth = gaussian_filter(picture, (0, sigma, sigma), truncate=2)
    strength = rng.uniform(0.3, 2.0) if sigma < 5 else rng.uniform(0.2, 0.8)
    return picture + np.float32(strength) * (picture - smooth)


def _sent(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """The picture made small and compressed, as messages do, and enlarged again."""
    width, height = image.size
    factor = math.exp(rng.uniform(0, math.log(4)))
    small = image.resize((max(round(width / factor), 16), max(round(height / factor), 16)), Image.Resampling.BILINEAR)
    small = Image.fromarray(as_jpeg(np.asarray(small), int(rng.integers(12, 70))))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def _stamp(rng: np.random.Generator, image: Image.Image) -> None:
    """Burns a date and time into a corner."""
    width, height = image.size
    numbers = [
        int(rng.integers(low, high)) for low, high in ((2004, 2025), (1, 13), (1, 29), (0, 24), (0, 60), (0, 60))
    ]
    text = "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format(*numbers)
    font = ImageFont.load_default(int(rng.integers(7, 20)))
    place = (rng.uniform(0.01, 0.55) * width, rng.choice((0.02, rng.uniform(0.86, 0.93))) * height)
    ImageDraw.Draw(image).text(place, text, fill=(235, 235, 235) if rng.random() < 0.8 else (240, 200, 40), font=font)
