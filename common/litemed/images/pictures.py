# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures as every viewer shows them: upright, one page, values as stored."""

from __future__ import annotations

import io
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

__all__ = ["as_jpeg", "count_pages", "is_lossy", "picture_size", "read_picture"]

_GREY_MODES = ("L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION = 0x0112  # of EXIF and TIFF
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
_MIN_IS_WHITE, _UNSIGNED, _PLANES = 0, 1, 2  # of TIFF: photometric, sample format, planar configuration
_MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # where Pillow stops
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

AnyPath = str | os.PathLike[str]


def read_picture(path: AnyPath, page: int | None = None, *, stored: bool = False) -> np.ndarray:
    """Read a picture: PNG, JPEG, TIFF, BMP, GIF, WebP or PNM.

    It is turned as its EXIF orientation says. Grey keeps its type, whole numbers of 8 to 32 bits or float, in native
    byte order; 1-bit pictures become 0 and 255; palettes, CMYK and colours of 8 or 16 bits become RGB, without alpha.

    Args:
        path: the file.
        page: of a TIFF of several pages or an animation, from 1. None takes the only one.
        stored: leave palettes as indices and 1-bit pictures as 0 and 1, as label maps want it.

    Returns:
        ``(H, W)`` or ``(H, W, 3)``, an array of its own.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it can't be read, is too large, lacks the page, or has several and none is
            chosen.
    """
    with _opened(path, page) as picture:
        return picture.read(stored)


def count_pages(path: AnyPath) -> int:
    """Pages of a TIFF, frames of an animated GIF, PNG or WebP; 1 for other pictures. Raises as `read_picture`."""
    with _opened(path, 1) as picture:
        return picture.pages


def picture_size(path: AnyPath, page: int | None = None) -> tuple[int, int]:
    """Width and height of the upright picture, from its header. Arguments and errors as of `read_picture`."""
    with _opened(path, page) as picture:
        return picture.size


def is_lossy(path: AnyPath) -> bool:
    """Whether a picture's compression blurs values, which a label map's may not: JPEG, and WebP unless lossless."""
    with _opened(path, 1) as picture:
        return picture.is_lossy


def as_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """A picture as JPEG leaves it.

    Args:
        picture: uint8, ``(H, W)`` or ``(H, W, 3)``.
        quality: 1 to 95, as Pillow takes it.
    """
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return np.asarray(opened)


class _Picture(ABC):
    """One page: its upright size, and its pixels when they are asked for."""

    pages: int
    is_lossy = False

    def __init__(self, width: int, height: int, orientation: int) -> None:
        self.size = (height, width) if orientation > 4 else (width, height)
        self._upright = _UPRIGHT.get(orientation, np.asarray)

    def read(self, stored: bool) -> np.ndarray:
        pixels = self._upright(self._decode(stored))
        return np.array(pixels, dtype=pixels.dtype.newbyteorder("="), order="C")

    @abstractmethod
    def _decode(self, stored: bool) -> np.ndarray:
        """The pixels as they lie in the file, before the picture is turned upright."""


class _PillowPicture(_Picture):
    def __init__(self, path: AnyPath, image: Image.Image, page: int | None) -> None:
        # the further pictures of a phone's JPEG (MPO) are depths, previews and the like
        self.pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if place := _index(page, self.pages):
            image.seek(place)
        self._is_deep_colour = (
            image.format == "PNG" and image.mode != "I;16" and ";16" in str(getattr(image, "tile", ""))
        )
        super().__init__(*image.size, _orientation(path, image))
        is_blurred_webp = image.format == "WEBP" and b"VP8 " in Path(path).read_bytes()[:64]
        self.is_lossy = is_blurred_webp or image.format in ("JPEG", "MPO")
        self._path = path
        self._image = image

    def _decode(self, stored: bool) -> np.ndarray:
        image = self._image
        image.load()
        if self._is_deep_colour:
            return _without_alpha(_read_by_itk(self._path))
        if stored and image.mode in ("1", "P"):
            return np.asarray(image).astype(np.uint8)
        if image.mode not in _GREY_MODES:
            image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
        return np.asarray(image)


class _DeepTiff(_Picture):
    """A TIFF of another type than the 8-bit and unsigned 16-bit ones that Pillow reads right."""

    def __init__(self, tiff: Any, page: int) -> None:
        self.pages = len(tiff.pages)
        self._page = tiff.pages[page]
        tag = self._page.tags.get(_ORIENTATION)
        super().__init__(self._page.imagewidth, self._page.imagelength, 1 if tag is None else int(tag.value))
        if np.prod(self.size) > _MOST_PIXELS:
            raise ValueError(f"it has {np.prod(self.size)} pixels, at most {_MOST_PIXELS} are read")

    def _decode(self, stored: bool) -> np.ndarray:
        pixels = self._page.asarray()
        if self._page.photometric == _MIN_IS_WHITE and pixels.dtype.kind == "u":
            pixels = np.iinfo(pixels.dtype).max - pixels
        if pixels.ndim == 3 and self._page.planarconfig == _PLANES:
            pixels = np.moveaxis(pixels, 0, 2)
        return _without_alpha(pixels)


def _orientation(path: AnyPath, image: Image.Image) -> int:
    """By EXIF, 1 to 8."""
    if image.format == "TIFF":  # Pillow turns it itself
        return 1
    is_told = image.format != "PNG" or any("exif" in str(key).lower() for key in image.info)
    # EXIF may stand behind the pixels of a PNG, and Pillow decodes them to look for it
    if not is_told and b"eXIf" not in Path(path).read_bytes():
        return 1
    return image.getexif().get(_ORIENTATION, 1)


def _index(page: int | None, count: int) -> int:
    if page is None and count > 1:
        raise ValueError(f"it has {count} pages: choose one from 1 to {count}")
    if page is not None and not 1 <= page <= count:
        raise ValueError(f"expected a page from 1 to {count}, got {page}")
    return (page or 1) - 1


@contextmanager
def _opened(path: AnyPath, page: int | None) -> Iterator[_Picture]:
    """The picture at a page; whatever goes wrong with it becomes a ValueError that names the file."""
    # a file, not its name: Pillow maps those of raw TIFF into memory and then overlooks that they are turned
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # twice as many pixels are an error
        try:
            is_tiff = file.read(4) in _TIFF
            file.seek(0)
            with ExitStack() as stack:
                deep = _deep_tiff(stack, file, page) if is_tiff else None
                file.seek(0)
                yield deep or _PillowPicture(path, stack.enter_context(Image.open(file)), page)
        except UnidentifiedImageError as error:
            raise ValueError(f"{path} can't be read as a picture: it has no known format") from error
        except Image.DecompressionBombError as error:
            size = str(error).partition(", could be")[0]
            raise ValueError(f"{path} can't be read as a picture: {size}: cut it up") from error
        except Exception as error:  # damaged files raise anything in the readers of formats
            raise ValueError(f"{path} can't be read as a picture: {str(error) or type(error).__name__}") from error


def _deep_tiff(stack: ExitStack, file: BinaryIO, page: int | None) -> _DeepTiff | None:
    import tifffile

    tiff = stack.enter_context(tifffile.TiffFile(file))
    place = _index(page, len(tiff.pages))
    first: Any = tiff.pages[place]
    is_plain = first.sampleformat == _UNSIGNED and (
        first.bitspersample <= 8
        or (first.bitspersample <= 16 and first.samplesperpixel == 1 and first.photometric != _MIN_IS_WHITE)
    )
    return None if is_plain else _DeepTiff(tiff, place)


def _read_by_itk(path: AnyPath) -> np.ndarray:
    """Channels ``(H, W, C)`` of a PNG of 16 bits a colour, of which Pillow keeps 8."""
    import itk

    reader = itk.ImageFileReader[itk.VectorImage[itk.US, 2]].New(FileName=os.fspath(path))
    reader.Update()
    return itk.array_from_image(reader.GetOutput())


def _without_alpha(channels: np.ndarray) -> np.ndarray:
    if channels.ndim == 3 and channels.shape[2] not in (1, 2, 3, 4):
        raise ValueError(f"expected up to 4 channels, got {channels.shape[2]}")
    if channels.ndim == 2:
        return channels
    return channels[..., 0] if channels.shape[2] < 3 else channels[..., :3]
