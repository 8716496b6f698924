# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Files as they go wrong: whole ones of every format, and what cuts, flipped bytes, lies and wrong names make of them.

Every case has a reader of ours and, where the format has another reader, what that one makes of the same bytes: a value
that we give must be its value. All is drawn from fixed seeds.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

CUTS = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
FLIPS = 12


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        name: says what it is.
        path: the file, or folder.
        read: our reader of it.
        judge: what an independent reader makes of it, or None where there is none; may raise anything.
        source: what our message has to name; the file's name unless said otherwise.
        whole: the file before it was damaged: where the other reader gives up, its values are right as well.
    """

    name: str
    path: Path
    read: Callable[[Path], Any]
    judge: Callable[[Path], Any] | None = None
    source: str = ""
    whole: Path | None = None

    @property
    def named(self) -> str:
        return self.source or self.path.name


# ------------------------------------------------------------------------------------------------- whole files
def pictures(folder: Path) -> dict[str, Path]:
    """A picture in each format that is read, written by Pillow."""
    rng = np.random.default_rng(0)
    grey = np.kron(rng.integers(0, 256, (6, 8), np.uint8), np.ones((5, 5), np.uint8))
    colour = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=2)
    written = {}
    for suffix, pixels, options in (
        (".png", colour, {}),
        (".jpg", colour, {"quality": 90}),
        (".tif", grey, {"compression": "tiff_lzw"}),
        (".bmp", colour, {}),
        (".gif", grey, {}),
        (".webp", colour, {"lossless": True}),
        (".pgm", grey, {}),
    ):
        path = folder / f"picture{suffix}"
        Image.fromarray(pixels).save(path, **options)
        written[suffix] = path
    return written


def volumes(folder: Path) -> dict[str, Path]:
    """A volume in each format that is read, written by nibabel, ITK, NumPy and pydicom."""
    import itk
    import nibabel

    voxels = np.random.default_rng(1).integers(-100, 900, (9, 8, 7), dtype=np.int16)
    affine = np.diag([0.8, 1.25, 3.0, 1.0])
    written = {}
    for suffix in (".nii", ".nii.gz"):
        written[suffix] = folder / f"volume{suffix}"
        nibabel.save(nibabel.Nifti1Image(voxels, affine), written[suffix])
    image = itk.image_from_array(np.ascontiguousarray(voxels.T))
    image.SetSpacing([0.8, 1.25, 3.0])
    for suffix in (".nrrd", ".mha"):
        written[suffix] = folder / f"volume{suffix}"
        itk.imwrite(image, str(written[suffix]), compression=suffix == ".nrrd")
    written[".npz"] = folder / "3D_CT_volume.npz"
    images = np.random.default_rng(2).integers(0, 256, (7, 8, 9), dtype=np.uint8)
    labels = np.zeros_like(images)
    labels[2:5, 2:6, 3:7] = 1
    np.savez_compressed(written[".npz"], imgs=images, gts=labels, spacing=np.array([0.8, 1.25, 3.0]))
    return written


def dicom_file(path: Path, **changes: Any) -> Path:
    """One slice of CT, written by pydicom; None takes a tag away."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    tags = pydicom.Dataset()
    tags.file_meta = FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    tags.file_meta.MediaStorageSOPClassUID = tags.SOPClassUID = CTImageStorage
    tags.file_meta.MediaStorageSOPInstanceUID = tags.SOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    tags.Modality, tags.SeriesInstanceUID = "CT", generate_uid(entropy_srcs=["corpus"])
    tags.ImagePositionPatient, tags.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    tags.PixelSpacing, tags.SliceThickness = [1.25, 0.8], 3
    tags.Rows, tags.Columns, tags.SamplesPerPixel, tags.PhotometricInterpretation = 8, 9, 1, "MONOCHROME2"
    tags.BitsAllocated, tags.BitsStored, tags.HighBit, tags.PixelRepresentation = 16, 16, 15, 1
    tags.RescaleSlope, tags.RescaleIntercept = 1, -1024
    tags.PixelData = np.random.default_rng(3).integers(0, 2000, (8, 9), dtype=np.int16).tobytes()
    for name, value in changes.items():
        if value is None:
            delattr(tags, name)
        else:
            setattr(tags, name, value)
    tags.save_as(path, enforce_file_format=True)
    return path


def video(path: Path, codec: str) -> Path:
    """Eight frames, written by FFmpeg."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(8):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64), 20 + 20 * number, np.uint8), format="gray")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


# ------------------------------------------------------------------------------------------------- what goes wrong
def damaged(whole: Path, folder: Path, head: int | None = None) -> Iterator[tuple[str, Path]]:
    """A file cut short, with flipped bytes (those of its head more often), of zeros and of noise."""
    data = whole.read_bytes()
    rng = np.random.default_rng(sum(whole.name.encode()))
    made = {f"cut to {share:.0%}": data[: int(share * len(data))] for share in CUTS}
    for number in range(FLIPS):
        flipped = bytearray(data)
        end = min(head or 400, len(data)) if number < 2 * FLIPS // 3 else len(data)
        for place in rng.integers(0, end, size=1 + number % 3):
            flipped[place] ^= int(rng.integers(1, 256))
        made[f"flipped bytes {number}"] = bytes(flipped)
    made["zeros"] = bytes(len(data))
    made["noise"] = rng.bytes(len(data))
    made["doubled"] = data + data
    for number, (what, content) in enumerate(made.items()):
        path = folder / f"{number:02d}_{whole.name}"
        path.write_bytes(content)
        yield f"{whole.suffix} {what}", path


def misnamed(whole: dict[str, Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """Every format under every other's name."""
    for own, path in whole.items():
        for other in whole:
            if own != other:
                wrong = folder / f"{own.strip('.').replace('.', '')}_as{other}"
                wrong.write_bytes(path.read_bytes())
                yield f"{own} named {other}", wrong


# ------------------------------------------------------------------------------------------------- who else reads it
def by_pillow(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise ValueError("several pages")
        image = ImageOps.exif_transpose(image)
        return np.asarray(image if image.mode in ("L", "I;16", "F", "I") else image.convert("RGB"))


def by_nibabel(path: Path) -> np.ndarray:
    import nibabel

    return np.asarray(nibabel.load(path).dataobj).squeeze()


def by_itk(path: Path) -> np.ndarray:
    import itk

    return np.asarray(itk.array_from_image(itk.imread(str(path)))).T.squeeze()


def by_numpy(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as archive:
        return archive["imgs"].T.squeeze()


def by_pydicom(path: Path) -> np.ndarray:
    import pydicom

    tags = pydicom.dcmread(path)
    slope, intercept = float(tags.get("RescaleSlope", 1)), float(tags.get("RescaleIntercept", 0))
    return (tags.pixel_array * slope + intercept).T.squeeze()


# ------------------------------------------------------------------------------------------------- texts
BOX_TEXTS = (
    *("", " ", ",", "1", "1,2", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "1,2,inf,4", "1e400,2,3,4", "--", ";;"),
    *(
        "10,10,5,5",
        "-5,-5,-1,-1",
        "900,900,950,950",
        "1,1,1,1e308",
        "1;2;3;4",
        "1 2 3 4 5",
        "0x10,2,3,4",
        "1_0,2,3_0,4",
    ),
    *(
        "$print(1)",
        "$__import__('os').getcwd()",
        "@network",
        "%inference",
        "1,2,3,$4",
        "[1,2,3",
        "1,2,3,4]",
        "{}",
        "()",
    ),
    *(
        "None",
        "True",
        "1,,2,3",
        "1.2.3,4,5,6",
        "\u0661,\u0662,\u0663,\u0664",
        "1,2,3,4;5,6",
        "1,2,3,4;x",
        "\0",
        "../../x",
    ),
)
JSON_TEXTS = (
    *(
        "",
        "{",
        "[]",
        "{}",
        "null",
        "true",
        "3",
        '"1,2,3,4"',
        "[[]]",
        "[[1,2,3]]",
        "[[1,2,3,4,5]]",
        '[["a",1,2,3]]',
        "[null]",
    ),
    *("[[1,2,NaN,4]]", "[[1,2,Infinity,4]]", "[[1e999,1,2,3]]", '[[1,2,3,"$1+1"]]', '["$[1,2,3,4]"]', '"$print(1)"'),
    *(
        '{"boxes": "$[[1,2,3,4]]"}',
        '{"boxes": {}}',
        '{"boxes": [[5,5,1,1]]}',
        '{"other": [[1,2,3,4]]}',
        '{"boxes": null}',
    ),
    *(
        '{"boxes": [[1,2,3,[4]]]}',
        '{"boxes": [{"a": 1}]}',
        "[[-9,-9,-2,-2]]",
        "[[99,99,120,120]]",
        "[[[1,2,3,4]]]",
        "\ufeff",
    ),
    *(
        "[" * 3000,
        '{"a":' * 1500,
        "[[1,2,3,4],]",
        "[[1,2,3,4]] trailing",
        '{"boxes": [[true,1,5,6]]}',
        '[["1","2","x","4"]]',
    ),
)
CSV_TEXTS = (
    *(
        "",
        "\n",
        "x0,y0,x1,y1\n",
        "x0,y0,x1\n1,2,3\n",
        "x0,y0,x1,y1\n1,2,3\n",
        "x0,y0,x1,y1\n1,2,3,a\n",
        "1,2,3\n",
        "a,b,c,d\n",
    ),
    *(
        "x0,y0,x1,y1\n1,2,,4\n",
        "x0,y0,x1,y1\nnan,1,2,3\n",
        "x0,y0,x1,y1\n$1,2,3,4\n",
        "=1+1,2,3,4\n",
        "x0,x0,x1,y1\n1,2,3,4\n",
    ),
    *(
        "x0;y0;x1;y1\n1;2;3\n",
        '"1,2,3,4\n',
        "\0\0\0",
        "x0,y0,x1,y1\n9,9,1,1\n",
        "x0,y0,x1,y1\n1e400,1,2,3\n",
        "1,2,3,4,5,6,7,8\n",
    ),
    *("x0,y0,x1,y1\n" + "9" * 400 + ",1,2,3\n", "id,score\n1,.5\n", "x0,y0,x1,y1\n\n\n", "\xff\xfe1,2"),
)
LABELME_TEXTS = (
    *("", "{}", "[]", '{"shapes": []}', '{"shapes": 3, "imageWidth": 9, "imageHeight": 8}'),
    *('{"shapes": [], "imageWidth": -9, "imageHeight": 8}', '{"shapes": [], "imageWidth": "$9", "imageHeight": 8}'),
    *('{"shapes": [], "imageWidth": 1e9, "imageHeight": 1e9}', '{"shapes": [], "imageWidth": null, "imageHeight": 8}'),
    *('{"shapes": [{}], "imageWidth": 9, "imageHeight": 8}',),
    *('{"shapes": [{"label": "iris", "points": [[1, 2]]}], "imageWidth": 9, "imageHeight": 8}',),
    *('{"shapes": [{"label": "iris", "points": [[1, NaN], [2, 3], [4, 5]]}], "imageWidth": 9, "imageHeight": 8}',),
    *('{"shapes": [{"label": 7, "points": [[1, 1], [2, 3], [4, 5]]}], "imageWidth": 9, "imageHeight": 8}',),
    *('{"shapes": [{"label": "$x", "points": [[1, 1], [2, 3], [4, 5]]}], "imageWidth": 9, "imageHeight": 8}',),
    *('{"shapes": [{"label": "iris", "points": "abc"}], "imageWidth": 9, "imageHeight": 8}',),
    *('{"shapes": [{"label": "iris", "points": [[1], [2], [3]]}], "imageWidth": 9, "imageHeight": 8}',),
)
_VOXELS = "\0" * 16
_NRRD = {"type": "short", "dimension": "3", "sizes": "2 2 2", "encoding": "raw", "endian": "little"}
_SHEARED = {"space": "left-posterior-superior", "space directions": "(1,0,0) (1,0,0) (0,0,1)"}


def _nrrd(data: str = _VOXELS, magic: str = "NRRD0004", **lies: str) -> str:
    """A small NRRD file of which some fields are lies; a field's name may have ``_`` for a space."""
    fields = {**_NRRD, **{name.replace("_", " "): value for name, value in lies.items()}}
    return "\n".join([magic, *(f"{name}: {value}" for name, value in fields.items() if value)]) + "\n\n" + data


NRRD_HEADERS = (
    *(
        "NRRD0001",
        "NRRD0009\ntype: short",
        "NRRD0004\n\n",
        _nrrd(sizes=""),
        _nrrd(dimension="three"),
        _nrrd(type="block"),
    ),
    *(_nrrd(sizes="2 2 -2"), _nrrd(sizes="99999 99999 99999"), _nrrd(encoding="rot13"), _nrrd(spacings="1 1 nan")),
    *(_nrrd("", data_file="../secret.raw"), _nrrd("", data_file="/etc/hostname"), _nrrd("", data_file="gone.raw")),
    *(_nrrd("not gzip", encoding="gzip"), _nrrd(line_skip="99"), _nrrd(byte_skip="99"), _nrrd(**_SHEARED)),
    *(_nrrd(_VOXELS[:9]), _nrrd(magic="NRRD9999"), _nrrd(endian="middle"), _nrrd(sizes="2 2"), _nrrd(dimension="99")),
)


def _meta(data: str = _VOXELS, **lies: str) -> str:
    """A small MetaImage of which some fields are lies."""
    fields = {"ObjectType": "Image", "NDims": "3", "DimSize": "2 2 2", "ElementType": "MET_SHORT", **lies}
    fields["ElementDataFile"] = fields.pop("ElementDataFile", "LOCAL")  # the last line of a header
    return "".join(f"{name} = {value}\n" for name, value in fields.items() if value) + data


META_HEADERS = (
    *("NDims = 3", _meta(ElementDataFile="gone.raw"), _meta(ElementDataFile="../secret.raw"), _meta(DimSize="-2 2 2")),
    *(_meta(ElementDataFile="/etc/hostname"), _meta(NDims="99"), _meta(ElementType="MET_BLOB"), _meta(_VOXELS[:5])),
    *(_meta(ElementSpacing="1 1 nan"), _meta(DimSize=""), _meta(DimSize="99999 99999 99999"), _meta(NDims="x")),
)
DICOM_LIES: tuple[dict[str, Any], ...] = (
    *(
        {"PixelData": None},
        {"Rows": 0},
        {"Rows": 9999},
        {"Columns": None},
        {"PixelSpacing": None},
        {"PixelSpacing": [0, 0]},
    ),
    *({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, {"ImageOrientationPatient": [1, 0, 0]}, {"BitsAllocated": 7}),
    *({"PhotometricInterpretation": "PALETTE COLOR"}, {"SamplesPerPixel": 3}, {"ImagePositionPatient": None}),
    *({"PixelData": b""}, {"PixelData": b"\0" * 9}, {"RescaleSlope": 0}, {"Modality": None}),
)


def nifti_lies(whole: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Headers that say what can't be."""
    data = whole.read_bytes()
    lies: dict[str, tuple[int, bytes]] = {
        "no dimensions": (40, struct.pack("<h", 0)),
        "nine dimensions": (40, struct.pack("<h", 9)),
        "five dimensions": (40, struct.pack("<6h", 5, 9, 8, 7, 1, 3)),
        "negative side": (42, struct.pack("<h", -9)),
        "empty side": (44, struct.pack("<h", 0)),
        "huge sides": (42, struct.pack("<3h", 32767, 32767, 32767)),
        "unknown type": (70, struct.pack("<h", 999)),
        "complex type": (70, struct.pack("<2h", 32, 64)),
        "colour type": (70, struct.pack("<2h", 128, 24)),
        "data before the header": (108, struct.pack("<f", 10.0)),
        "data behind the end": (108, struct.pack("<f", 1e9)),
        "data nowhere": (108, struct.pack("<f", float("nan"))),
        "slope NaN": (112, struct.pack("<f", float("nan"))),
        "slope infinite": (112, struct.pack("<f", float("inf"))),
        "affine NaN": (280, struct.pack("<4f", *[float("nan")] * 4)),
        "affine of rank 2": (280, struct.pack("<4f", 0, 0, 0, 0)),
        "other header size": (0, struct.pack("<i", 540)),
        "no magic": (344, b"\0\0\0\0"),
    }
    for number, (what, (place, content)) in enumerate(lies.items()):
        changed = bytearray(data)
        changed[place : place + len(content)] = content
        path = folder / f"lie{number:02d}.nii"
        path.write_bytes(changed)
        yield f".nii {what}", path


def zips(folder: Path) -> Iterator[tuple[str, Path]]:
    """Archives that aren't one bundle, or reach beyond it."""

    def archive(number: int, entries: dict[str, bytes], **mode: int) -> Path:
        path = folder / f"bundle{number:02d}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in entries.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode.get("mode", 0o644) << 16
                file.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return path

    metadata = json.dumps({"version": "0.1.0"}).encode()
    usual = {"a/configs/metadata.json": metadata}
    yield "empty", archive(0, {})
    yield "no bundle", archive(1, {"a/readme": b"x"})
    yield "two bundles", archive(2, {**usual, "b/configs/metadata.json": metadata})
    yield "upwards", archive(3, {**usual, "a/../../evil": b"x"})
    yield "absolute", archive(4, {**usual, "/tmp/evil": b"x"})
    yield "backslashes", archive(5, {**usual, "a\\..\\..\\evil": b"x"})
    yield "drive", archive(6, {**usual, "C:/evil": b"x"})
    yield "link", archive(7, {"a/configs/metadata.json": metadata, "a/link": b"/etc"}, mode=0o120777)
    yield "many entries", archive(8, {**usual, **{f"a/{number}": b"" for number in range(20_001)}})
    path = folder / "bundle09.zip"
    path.write_bytes(archive(10, usual).read_bytes()[:-30])
    yield "cut", path
    path = folder / "bundle11.zip"
    path.write_bytes(b"PK\5\6" + bytes(17))
    yield "short end", path
    path = folder / "bundle12.zip"
    path.write_text("no zip")
    yield "text", path
    yield "gone", folder / "gone.zip"


def checkpoints(folder: Path) -> Iterator[tuple[str, Path]]:
    """Weights for a network of one layer that aren't its weights."""
    import pickle

    import torch

    right = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    contents: dict[str, Any] = {
        "empty": {},
        "lacks a key": {"weight": right["weight"]},
        "another key": {**right, "other": torch.zeros(1)},
        "another shape": {**right, "bias": torch.zeros(3)},
        "NaN": {**right, "bias": torch.tensor([0.0, float("nan")])},
        "infinite": {**right, "bias": torch.tensor([0.0, float("inf")])},
        "numbers for tensors": {"weight": 1, "bias": 2},
        "text for a tensor": {**right, "bias": "$0"},
        "a list": [right["weight"]],
        "a tensor": right["weight"],
        "keys that are numbers": {101: right["weight"]},
        "model of numbers": {"model": 3},
        "model empty": {"model": {}},
        "another architecture": {"model": right, "architecture": {"name": "other"}},
        "complex": {**right, "bias": torch.zeros(2, dtype=torch.complex64)},
    }
    for number, (what, content) in enumerate(contents.items()):
        path = folder / f"weights{number:02d}.pt"
        torch.save(content, path)
        yield what, path
    whole = io.BytesIO()
    torch.save(right, whole)
    for share in CUTS:
        path = folder / f"weights_cut{int(100 * share):02d}.pt"
        path.write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
        yield f"cut to {share:.0%}", path
    path = folder / "weights_code.pt"
    path.write_bytes(pickle.dumps(Executed(folder / "executed")))
    yield "code", path
    path = folder / "weights_code_zip.pt"
    torch.save({"weight": Executed(folder / "executed")}, path)
    yield "code in a zip", path
    path = folder / "weights_text.pt"
    path.write_text("no weights")
    yield "text", path
    (folder / "weights_folder.pt").mkdir()
    yield "a folder", folder / "weights_folder.pt"
    yield "gone", folder / "gone.pt"


class Executed:
    """Writes a file where it is unpickled: a proof that code ran."""

    def __init__(self, proof: Path) -> None:
        self.proof = str(proof)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return (open, (self.proof, "w"))
