# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of every format give the values that an independent program wrote, as a viewer turns them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from litemed.images.pictures import as_jpeg, count_pages, is_lossy, picture_size, read_picture
from PIL import Image, ImageOps

GREY = np.arange(12, dtype=np.uint16).reshape(3, 4) * 1000 + 7
RGB = np.stack([GREY, GREY + 1, GREY + 2], axis=-1)
# what EXIF 2.32 says of the 0th row and the 0th column, 1 to 8
TURNED = [
    np.asarray,
    np.fliplr,
    lambda x: np.rot90(x, 2),
    np.flipud,
    lambda x: x.swapaxes(0, 1),
    lambda x: np.rot90(x, 3),
    lambda x: np.rot90(x, 2).swapaxes(0, 1),
    np.rot90,
]


def save_deep_png(path: Path, values: np.ndarray, exif: bytes = b"") -> None:
    """A PNG of 16 bits a channel, by the format's definition; no library here writes colours so."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, channels = values.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), *([(b"eXIf", exif)] if exif else []), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
def test_turned_as_every_viewer_shows_it(kind, orientation, tmp_path):
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[8:16, 8:40], stored[24:, :16] = (200, 40, 40), (40, 200, 40)
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(stored).save(path, exif=exif, **({"lossless": True} if kind == "webp" else {}))
    shown = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    np.testing.assert_array_equal(read_picture(path), shown)
    assert picture_size(path) == shown.shape[1::-1]
    assert abs(read_picture(path).astype(int) - TURNED[orientation - 1](stored)).mean() < 12


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "i2", "i4", "u4", "f2", "f4", "f8"])
def test_tiff_of_every_type_both_byte_orders_and_every_turn(order, compression, dtype, tmp_path):
    for values, photometric in ((GREY, "minisblack"), (RGB, "rgb")):
        written = (values.astype(np.int64) + (2**31 if dtype == "u4" else 0)).astype(dtype)
        for orientation in range(1, 9):
            path = tmp_path / f"{photometric}{orientation}.tif"
            tags = [(274, 3, 1, orientation, False)]
            tifffile.imwrite(
                path,
                written,
                byteorder=order,
                compression=compression,
                photometric=photometric,
                extratags=tags,
                metadata=None,
            )
            read = read_picture(path)
            np.testing.assert_array_equal(read, TURNED[orientation - 1](written))
            assert read.dtype == np.dtype(dtype)
            assert picture_size(path) == read.shape[1::-1]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_keeps_them(channels, tmp_path):
    values = np.concatenate([RGB, RGB[..., :1] + 3], axis=2)[..., :channels]
    exif = Image.Exif()
    exif[0x112] = 6
    for name, data, turned in (("a", b"", values), ("b", exif.tobytes()[6:], np.rot90(values, 3))):
        save_deep_png(tmp_path / f"{name}.png", values, data)
        expected = turned[..., :3] if channels > 2 else turned[..., 0]
        np.testing.assert_array_equal(read_picture(tmp_path / f"{name}.png"), expected)
        assert picture_size(tmp_path / f"{name}.png") == expected.shape[1::-1]


def test_white_as_zero(tmp_path):
    for dtype in ("u1", "u2"):
        tifffile.imwrite(tmp_path / "a.tif", GREY.astype(dtype), photometric="miniswhite", metadata=None)
        np.testing.assert_array_equal(read_picture(tmp_path / "a.tif"), np.iinfo(dtype).max - GREY.astype(dtype))


def test_palette_one_bit_alpha_and_cmyk(tmp_path):
    colours = Image.fromarray(RGB.astype(np.uint8))
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    palette = Image.fromarray(indices, "P")
    palette.putpalette([9, 8, 7, 6, 5, 4, 3, 2, 1])
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png", stored=True), indices)
    table = np.array([[9, 8, 7], [6, 5, 4], [3, 2, 1]])
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), table[indices])
    bits = np.array([[0, 1], [1, 1]], np.uint8)
    Image.fromarray(bits * 255).convert("1").save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png"), bits * 255)
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png", stored=True), bits)
    for mode in ("RGBA", "LA"):
        colours.convert(mode).save(tmp_path / "alpha.png")
        expected = np.asarray(colours) if mode == "RGBA" else np.asarray(colours.convert("L"))
        np.testing.assert_array_equal(read_picture(tmp_path / "alpha.png"), expected)
    colours.convert("CMYK").save(tmp_path / "c.tif")
    np.testing.assert_array_equal(read_picture(tmp_path / "c.tif"), np.asarray(colours))


def test_pages_are_asked_for(tmp_path):
    pages = np.stack([GREY, GREY + 1, GREY + 2])
    tifffile.imwrite(tmp_path / "grey.tif", pages, photometric="minisblack")
    tifffile.imwrite(tmp_path / "float.tif", pages.astype(np.float32), photometric="minisblack")
    for name in ("grey.tif", "float.tif"):
        assert count_pages(tmp_path / name) == 3
        np.testing.assert_array_equal(read_picture(tmp_path / name, 2), GREY + 1)
        with pytest.raises(ValueError, match=rf"{name} .* 3 pages: choose one from 1 to 3"):
            read_picture(tmp_path / name)
        for page in (0, 4):
            with pytest.raises(ValueError, match=f"a page from 1 to 3, got {page}"):
                read_picture(tmp_path / name, page)
    frames = [Image.new("RGB", (5, 4), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    for kind in ("gif", "webp"):
        path = tmp_path / f"a.{kind}"
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
        assert count_pages(path) == 3
        assert read_picture(path, 3)[2, 2].tolist() == [0, 0, 250]
        with pytest.raises(ValueError, match="3 pages"):
            read_picture(path)


def test_a_phones_jpeg_of_several_pictures_is_its_first(tmp_path):
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ((255, 255, 255), (0, 0, 0)))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    assert Image.open(tmp_path / "a.jpg").n_frames == 2
    assert count_pages(tmp_path / "a.jpg") == 1
    assert read_picture(tmp_path / "a.jpg").min() == 255


def test_what_blurs_labels(tmp_path):
    picture = Image.new("RGB", (16, 16))
    for name, options in {"a.png": {}, "b.webp": {"lossless": True}, "c.webp": {}, "d.jpg": {}}.items():
        picture.save(tmp_path / name, **options)
    assert [is_lossy(tmp_path / name) for name in ("a.png", "b.webp", "c.webp", "d.jpg")] == [False, False, True, True]


def test_too_many_pixels_are_refused_with_their_number_and_the_limit(tmp_path):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IEND"]
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    )
    for read in (read_picture, count_pages, picture_size, is_lossy):
        with pytest.raises(ValueError, match=r"bomb.png .*3600000000 pixels\) exceeds limit of \d+"):
            read(path)


def test_damaged_files_name_themselves(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM"):
        buffer = io.BytesIO()
        noise.save(buffer, kind)
        data = buffer.getvalue()
        for part in (b"", data[:5], data[: len(data) // 2]):
            path = tmp_path / f"cut.{kind.lower()}"
            path.write_bytes(part)
            with pytest.raises(ValueError, match=rf"cut.{kind.lower()} can't be read as a picture"):
                read_picture(path)
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "none.png")


def test_jpeg_blurs_more_at_lower_quality() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (32, 48), dtype=np.uint8)
    for picture in (grey, np.stack([grey] * 3, axis=-1)):
        fine, coarse = as_jpeg(picture, 95), as_jpeg(picture, 10)
        assert fine.shape == coarse.shape == picture.shape
        assert fine.dtype == coarse.dtype == np.uint8
        errors = [np.abs(blurred - picture.astype(float)).mean() for blurred in (fine, coarse)]
        assert 0 < errors[0] < 5 < 20 < errors[1]
