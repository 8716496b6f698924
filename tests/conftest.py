# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of several rooms share: commands in processes of their own, tiny pictures, volumes of a known affine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    import torch

_SHOWN = 6000


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., str]:
    """Run ``python ARGUMENTS`` in the test's folder and return what it said.

    Where the command ends with another code than 0, the test fails and shows the end of what it said. ``env`` is added
    to the test's own environment.
    """

    def run(*arguments: object, env: Mapping[str, str] | None = None, timeout: float = 1200) -> str:
        command = [sys.executable, "-W", "ignore", *map(str, arguments)]
        said = tmp_path / "said.log"
        with said.open("w") as output:  # a file, so that a command that is stopped has told all that it said
            try:
                code = subprocess.run(
                    command,
                    cwd=tmp_path,
                    env={**os.environ, **(env or {})},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = f"no code after {timeout:g} s"
        text = said.read_text(errors="replace")
        if code != 0:
            pytest.fail(f"ended with {code}: {' '.join(command)}\n{text[-_SHOWN:]}", pytrace=False)
        return text

    return run


@pytest.fixture
def run_ranks(run_python: Callable[..., str]) -> Callable[..., str]:
    """Run ``python ARGUMENTS`` as two ranks of torchrun, which meet on this machine's own address and a free port."""

    def run(*arguments: object) -> str:
        # without an address the ranks look each other up by the machine's name, which not every network can resolve
        launch = ["torch.distributed.run", "--standalone", "--local_addr=127.0.0.1", "--nproc_per_node=2"]
        loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
        return run_python("-m", *launch, *arguments, env=loopback)

    return run


@pytest.fixture
def second_sampler(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``second_sampler(CONFIGS, **overrides)``: what the second of two processes draws a training's items by."""
    from monai.bundle import ConfigParser

    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 1)

    def sampler(configs: Path, **overrides: Any) -> Any:
        parser = ConfigParser()
        parser.read_config([configs / "train.json", configs / "multi_gpu_train.json"])
        parser.update({"cache_rate": 0.0, **overrides})
        return parser.get_parsed_content("train#dataloader").sampler

    return sampler


SIZE = (6, 8)


@pytest.fixture
def image() -> np.ndarray:
    """A colour image, 6 rows by 8 columns."""
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def mask() -> np.ndarray:
    """A binary mask (0 and 255) of the same size with four pixels of foreground."""
    pixels = np.zeros(SIZE, np.uint8)
    pixels[2:4, 3:5] = 255
    return pixels


@pytest.fixture
def save() -> Callable[..., Path]:
    """Saves an array as a picture, making its folder."""

    def write(path: Path, pixels: np.ndarray, **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SUFFIXES = {
    "nifti": ".nii",
    "nifti-gzip": ".nii.gz",
    "nrrd": ".nrrd",
    "nrrd-gzip": ".nrrd",
    "nrrd-detached": ".nhdr",
    "nrrd-detached-gzip": ".nhdr",
    "npz": ".npz",
    "npz-deflate": ".npz",
    "dicom": "",
}

Writer = Callable[..., Path]


def oblique_affine() -> np.ndarray:
    """Rotated about all three axes, spacing 0.7 x 1.25 x 4 mm."""
    result = np.eye(4)
    for axis, degrees in enumerate((25, -40, 65)):
        rotation = np.eye(4)
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        first, second = [other for other in range(3) if other != axis]
        rotation[[first, first, second, second], [first, second, first, second]] = cosine, -sine, sine, cosine
        result = result @ rotation
    result = result @ np.diag([0.7, 1.25, 4.0, 1.0])
    result[:3, 3] = -31.5, 12.25, 700.125
    return result


@pytest.fixture
def affine() -> np.ndarray:
    return oblique_affine()


@pytest.fixture
def voxels() -> np.ndarray:
    return np.random.default_rng(7).integers(-1000, 3000, (5, 6, 7), dtype=np.int16)


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """``write(kind, voxels, affine, name="volume", **details)``: the path of a new file or folder."""

    def write(kind: str, voxels: np.ndarray, affine: np.ndarray, name: str = "volume", **details: object) -> Path:
        path = tmp_path / (name + SUFFIXES[kind])
        family = kind.split("-")[0]
        if family == "nifti":
            import nibabel

            nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
        elif family == "nrrd":
            write_with_itk(path, voxels, affine, compressed=kind.endswith("gzip"))
        elif family == "npz":
            save = np.savez_compressed if kind == "npz-deflate" else np.savez
            arrays = {"imgs": np.ascontiguousarray(voxels.T), "spacing": np.linalg.norm(affine[:3, :3], axis=0)}
            save(path, **{**arrays, **details})
        else:
            write_series(path, voxels, affine, **details)
        return path

    return write


def write_with_itk(path: Path, voxels: np.ndarray, affine: np.ndarray, compressed: bool) -> None:
    import itk

    lps = RAS_TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = itk.image_from_array(np.ascontiguousarray(voxels.T))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    itk.imwrite(image, str(path), compression=compressed)


def write_series(
    folder: Path,
    voxels: np.ndarray,
    affine: np.ndarray,
    slopes: tuple[float, ...] = (1.0,),
    intercept: float = 0.0,
    **tags: object,
) -> None:
    """One file a slice, named so that the order of names is not that of positions; slope k applies to slice k."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(exist_ok=True)
    lps = RAS_TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    directions = (lps[:3, :3] / spacing).T
    series = generate_uid(entropy_srcs=["series"])
    for k in range(voxels.shape[2]):
        slice_ = pydicom.Dataset()
        slice_.file_meta = FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = CTImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = generate_uid(
            entropy_srcs=["slice", str(k)]
        )
        slice_.Modality, slice_.SeriesInstanceUID = "CT", series
        slice_.ImagePositionPatient = [f"{value:.9g}" for value in lps[:3, 3] + k * lps[:3, 2]]
        slice_.ImageOrientationPatient = [f"{value:.9g}" for value in directions[:2].ravel()]
        slice_.PixelSpacing = [f"{spacing[1]:.9g}", f"{spacing[0]:.9g}"]
        slice_.Columns, slice_.Rows = voxels.shape[:2]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.RescaleSlope, slice_.RescaleIntercept = slopes[k % len(slopes)], intercept
        slice_.PixelData = np.ascontiguousarray(voxels[:, :, k].T, dtype="<i2").tobytes()
        for tag, value in tags.items():
            setattr(slice_, tag, value)
        slice_.save_as(folder / f"{(k * 5 + 3) % 97:03d}.dcm", enforce_file_format=True)


@pytest.fixture
def call_litemed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``call_litemed(*words)``: run ``litemed`` in this process, and return its exit code."""
    from litemed.tools.cli import main

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["litemed", *words])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


@pytest.fixture
def interrupt() -> Callable[[Callable[[], Any], float], bool]:
    """``interrupt(call, after)``: call, and send Ctrl-C after some seconds; whether it came in time.

    It comes also where a shell has it ignored, as in its background.
    """

    def interrupted(call: Callable[[], Any], after: float) -> bool:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(after, signal.pthread_kill, (main, signal.SIGINT))
        try:
            try:
                timer.start()
                call()
            finally:  # also after another error, or it interrupts a later test
                timer.cancel()
                timer.join()
        except KeyboardInterrupt:
            return True
        finally:
            signal.signal(signal.SIGINT, before)
        return False

    return interrupted


class Bright:
    """Bright pixels inside the box, or up to 20 from a positive click, or in the mask before; none up to 5 from a
    negative click."""

    def __init__(self) -> None:
        self.encoded = 0
        self.decoded: list[tuple[Any, ...]] = []
        self.each: Callable[[], Any] = list

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += 1
        return image

    def decode(
        self, embedding: torch.Tensor, boxes: Any = None, points: Any = None, labels: Any = None, masks: Any = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        self.decoded.append((boxes, points, labels, masks))
        self.each()
        rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
        allowed = torch.zeros(256, 256, dtype=torch.bool) if masks is None else masks[0, 0] > 0
        if boxes is not None:
            x0, y0, x1, y1 = boxes[0]
            allowed |= (columns >= x0) & (columns <= x1) & (rows >= y0) & (rows <= y1)
        clicks = [] if points is None else [(*place, label) for place, label in zip(points[0], labels[0], strict=True)]
        for x, y, label in clicks:
            near = torch.maximum((columns - x).abs(), (rows - y).abs()) <= (20 if label else 5)
            allowed = allowed | near if label else allowed & ~near
        inside = allowed & (embedding[0, 0] > 0.5)
        return torch.where(inside, 4.0, -4.0)[None, None], torch.ones(1, 1)


@pytest.fixture
def bright() -> Bright:
    """A network for sessions whose answers are known."""
    return Bright()


@pytest.fixture
def bright_picture(tmp_path: Path) -> Path:
    """256x256; bright squares at rows and columns 20 to 59 and 100 to 149."""
    values = np.full((256, 256), 20, np.uint8)
    values[20:60, 20:60] = values[100:150, 100:150] = 220
    Image.fromarray(values).save(tmp_path / "case.png")
    return tmp_path / "case.png"


@pytest.fixture
def bright_volume(tmp_path: Path) -> Path:
    """x, y, z of 256x256x16 in RAS; a bright block of x 10 to 29, y 20 to 49 in z 3 to 12."""
    import nibabel

    values = np.full((256, 256, 16), 20, np.int16)
    values[10:30, 20:50, 3:13] = 200
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1, 3, 1])), tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"
