# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Few open files, little memory, a full and a read-only disk: it works, or says so in a line and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

_CALLS = """
import resource, sys
files, memory = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
if memory:
    resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
from litemed.images.volumes import open_volume
from litemed.tools.cli import main
volume = open_volume("series")
slices = [volume.read_slice(2, index) for index in range(volume.shape[2])]
print("slices", len(slices))
for words in (
    ["evaluate", "masks", "masks", "--out", "scores", "--workers", "2"],
    ["segment", "pictures", "--bundle", "mininet", "--out", "out", "--workers", "1"],
):
    sys.argv[1:] = words
    try:
        main()
        print(words[0], "ended with", 0)
    except SystemExit as ended:
        print(words[0], "ended with", ended.code or 0)
"""


@pytest.fixture
def files(tmp_path: Path, voxels: np.ndarray, affine: np.ndarray, write: Callable[..., Path]) -> Path:
    """Two pictures, ninety masks, and a DICOM series of ninety slices."""
    rng = np.random.default_rng(0)
    for folder in ("pictures", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(90):
        Image.fromarray((rng.random((40, 50)) > 0.5).astype(np.uint8)).save(tmp_path / f"masks/{number}.png")
    for number in range(2):
        picture = rng.integers(0, 256, (120, 140, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / f"pictures/{number}.png")
    write("dicom", np.tile(voxels, (1, 1, 13))[:, :, :90], affine, name="series")
    return tmp_path


@pytest.mark.parametrize(("open_files", "memory"), [(64, 0), (1024, 3072)], ids=["64 open files", "3 GB of memory"])
def test_it_works_within_limits(open_files: int, memory: int, files: Path, run_python: Callable[..., str]) -> None:
    said = run_python("-c", _CALLS, open_files, memory)
    assert "slices 90" in said
    assert "evaluate ended with 0" in said
    assert "segment ended with 0" in said
    assert sorted(file.name for file in (files / "out").iterdir() if file.name.endswith("_mask.png")) == [
        "0_mask.png",
        "1_mask.png",
    ]


_OUTLINES = """
import resource, sys
import torch
from litemed.prompting import Session, session_image

session_image._HELD_BYTES = int(sys.argv[1])


class Bright:
    def encode_image(self, image):
        return image

    def decode(self, embedding, boxes, *prompts):
        return embedding[:, :1] - 0.5, torch.ones(1, 1)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


before = peak()
with Session(Bright(), "large.nii", folder="kept", modality="MR") as session:
    session.add_object("one")
    session.box("one", [312, 312, 411, 411], "axial", 1024)
    session.wait()
    print("voxels", session.table()[0]["voxels"], "on the slice", session.slice_labels("coronal", 150).sum())
print("megabytes", peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes, and how much memory was used")
@pytest.mark.parametrize(("held", "most"), [(2 << 30, 1400), (0, 200)], ids=["held", "by slices"])
def test_a_volume_of_a_gigabyte_is_outlined_in_bounded_memory(
    held: int, most: int, tmp_path: Path, run_python: Callable[..., str]
) -> None:
    """Its file is a hole but for ten slices, in the middle, with a bright square of 100x100."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((512, 512, 2048))
    header.set_sform(np.diag([0.7, 0.7, 0.5, 1]), 1)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    plane = np.full((512, 512), 20, "<i2")
    plane[100:200, 100:200] = 200
    with (tmp_path / "large.nii").open("wb") as file:
        file.write(header.binaryblock)
        file.truncate(352 + 2048 * plane.nbytes)
        file.seek(352 + 1019 * plane.nbytes)
        file.write(plane.tobytes() * 10)
    said = run_python("-c", _OUTLINES, held)
    assert "voxels 100000 on the slice 1000" in said
    assert int(said.split()[-1]) < most


@pytest.fixture(params=["size=160k", "ro"], ids=["full", "read-only"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A disk of its own, which only an administrator can mount."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("needs a disk that can be mounted")
    try:
        yield request.param, place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_that_takes_nothing(
    disk: tuple[str, Path], files: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the folder, exit code 1 or 2, and nothing of the results."""
    from litemed.tools.cli import main

    kind, place = disk
    monkeypatch.chdir(files)
    if kind != "ro":
        with suppress(OSError), (place / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1024))
    for words in (
        ["segment", "pictures", "--bundle", "mininet", "--out", str(place / "out"), "--workers", "1"],
        ["evaluate", "masks", "masks", "--out", str(place / "scores"), "--workers", "1"],
    ):
        monkeypatch.setattr(sys, "argv", ["litemed", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = [line for line in capfd.readouterr().err.splitlines() if "space left" in line or "Read-only" in line]
        assert ended.value.code in (1, 2), words
        assert said, words
        assert all(str(place) in line and len(line) < 300 for line in said), said
        assert "Traceback" not in "\n".join(said)
    left = [file for file in place.rglob("*") if file.is_file() and file.name != "filler"]
    assert left == []
