# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Time and peak memory of slice sampling, for volumes of growing depth in every format.

Prints a table and ends with status 1 when a format's peak memory grows with the depth of the volume. Reading whole
volumes into float32 with MONAI's reader stands beside it; it has to grow, or the measurement is at fault. A second
table holds what the box bundles' training and conversion do against the plain way: slices of a labelled archive in
random order, each opened anew or kept open, and the axial slices of volumes stored along the body or across it, taken
one by one into a list or in one run. Linux only.

Run: ``python ci/bench_slices.py [--depths 32 128 512] [--side 256] [--interval 5]``
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
import pydicom
from litemed.images.orientation import PlaneView
from litemed.images.volumes import open_volume
from litemed.slices.open_volumes import OpenVolumes
from litemed.slices.sampling import sample_slices
from litemed.slices.stacking import stack_slices
from monai.data import NibabelReader
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

MEGABYTE = 1e6
GROWTH_LIMIT = 0.1  # of what the volume grows by

Writer = Callable[[Path, np.ndarray], Path]


def write_nifti(folder: Path, voxels: np.ndarray, suffix: str = ".nii") -> Path:
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), folder / f"volume{suffix}")
    return folder / f"volume{suffix}"


def write_nifti_gzip(folder: Path, voxels: np.ndarray) -> Path:
    return write_nifti(folder, voxels, ".nii.gz")


def write_nrrd(folder: Path, voxels: np.ndarray, compressed: bool = False) -> Path:
    itk.imwrite(itk.image_view_from_array(voxels.T), str(folder / "volume.nrrd"), compression=compressed)
    return folder / "volume.nrrd"


def write_nrrd_gzip(folder: Path, voxels: np.ndarray) -> Path:
    return write_nrrd(folder, voxels, compressed=True)


def write_npz(folder: Path, voxels: np.ndarray, save: Callable[..., None] = np.savez) -> Path:
    save(folder / "volume.npz", imgs=voxels.T, spacing=np.ones(3))
    return folder / "volume.npz"


def write_npz_deflate(folder: Path, voxels: np.ndarray) -> Path:
    return write_npz(folder, voxels, np.savez_compressed)


def write_dicom(folder: Path, voxels: np.ndarray) -> Path:
    series = generate_uid()
    for k in range(voxels.shape[2]):
        image = pydicom.Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
        image.SeriesInstanceUID = series
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, k], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SamplesPerPixel, image.PhotometricInterpretation = [1, 1], 1, "MONOCHROME2"
        image.Columns, image.Rows = voxels.shape[:2]
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = voxels[:, :, k].T.tobytes()
        image.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)
    return folder


FORMATS: dict[str, Writer] = {
    "NIfTI": write_nifti,
    "NRRD raw": write_nrrd,
    "npz stored": write_npz,
    "DICOM series": write_dicom,
    "NIfTI gzip": write_nifti_gzip,
    "NRRD gzip": write_nrrd_gzip,
    "npz deflate": write_npz_deflate,
}
WHOLE = "NIfTI, whole"


def make(writer: Writer, folder: Path, side: int, depth: int) -> Path:
    """Write a volume of noise over a ramp, as compressible as a CT."""
    noise = np.random.default_rng(depth).integers(0, 64, (side, side, depth), dtype=np.int16)
    folder.mkdir()
    return writer(folder, np.asfortranarray(noise + np.arange(side, dtype=np.int16)[:, None, None]))


def memory(field: str) -> float:
    """A field of the process's status, such as VmRSS or VmHWM, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / MEGABYTE


def read_whole(path: Path) -> None:
    reader = NibabelReader()
    np.array(reader.get_data(reader.read(path))[0], dtype=np.float32)


def read_forward(path: Path, interval: int) -> None:
    volume = open_volume(path)
    for index in sample_slices(volume, interval):
        volume.read_slice(2, index)


def read_shuffled(path: Path, interval: int) -> None:
    volume = open_volume(path)
    for index in np.random.default_rng(0).permutation(sample_slices(volume, interval)).tolist():
        volume.read_slice(2, index)


def write_archive(folder: Path, voxels: np.ndarray) -> Path:
    labels = (np.median(voxels) < voxels.T).astype(np.uint8)
    images = (voxels.T // 2).astype(np.uint8)
    np.savez_compressed(folder / "volume.npz", imgs=images, gts=labels, spacing=np.ones(3))
    return folder / "volume.npz"


def write_upright(folder: Path, voxels: np.ndarray) -> Path:
    """Slices across the body lie behind each other along the first axis, which varies fastest."""
    affine = np.eye(4)[[2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti1Image(np.asfortranarray(voxels.transpose(2, 1, 0)), affine), folder / "volume.nii.gz")
    return folder / "volume.nii.gz"


def shuffled(depth: int) -> list[int]:
    return np.random.default_rng(0).permutation(depth).tolist()


def train_anew(path: Path, depth: int) -> None:
    for index in shuffled(depth):
        for is_label in (False, True):
            open_volume(path, is_label=is_label).read_slice(2, index)


def train_kept_open(path: Path, depth: int) -> None:
    volumes = OpenVolumes()
    for index in shuffled(depth):
        for is_label in (False, True):
            volumes.read_slice(path, index, is_label=is_label)


def to_8_bits(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels // 2, 0, 255).astype(np.uint8)


def convert_one_by_one(path: Path, depth: int) -> None:
    view = PlaneView(open_volume(path), "axial")
    np.stack([to_8_bits(view[index]) for index in range(depth)])


def convert_in_one_run(path: Path, depth: int) -> None:
    stack_slices(PlaneView(open_volume(path), "axial"), to_8_bits)


WORK: list[tuple[str, Writer, Callable[..., None], Callable[..., None]]] = [
    ("training, npz deflate", write_archive, train_anew, train_kept_open),
    ("conversion, NIfTI gzip", write_nifti_gzip, convert_one_by_one, convert_in_one_run),
    ("conversion, stored upright", write_upright, convert_one_by_one, convert_in_one_run),
]


def measured(read: Callable[..., None], *arguments: Any) -> tuple[float, float]:
    """Seconds, and MB by which the peak lies above what the process held before."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back
    before, start = memory("VmRSS"), time.perf_counter()
    read(*arguments)
    return time.perf_counter() - start, memory("VmHWM") - before


def in_a_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run in a forked process of its own, so that no measurement sees another's memory."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--interval", type=int, default=5)
    options = parser.parse_args()
    depths = sorted(options.depths)
    if not sys.platform.startswith("linux"):
        parser.error("peak memory is read from /proc: Linux only")

    grown = options.side**2 * 2 * (depths[-1] - depths[0]) / MEGABYTE
    print(f"{options.side} x {options.side} voxels of int16, every {options.interval}th slice of axis 2")
    print(f"{'format':<14}{'depth':>6}{'volume MB':>11}{'peak MB':>9}{'ms/slice':>10}{'shuffled':>10}")
    peaks: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for label, writer in {**FORMATS, WHOLE: write_nifti}.items():
            for depth in depths:
                path = in_a_child(make, writer, Path(name) / f"{label}-{depth}", options.side, depth)
                if depth == depths[0]:
                    read_forward(path, depth)  # loads what the format needs before processes are forked
                taken = len(range(0, depth, options.interval))
                if label == WHOLE:
                    seconds, peak = in_a_child(measured, read_whole, path)
                    shuffled = seconds
                else:
                    seconds, peak = in_a_child(measured, read_forward, path, options.interval)
                    shuffled, shuffled_peak = in_a_child(measured, read_shuffled, path, options.interval)
                    peak = max(peak, shuffled_peak)
                peaks.setdefault(label, []).append(peak)
                size = options.side**2 * 2 * depth / MEGABYTE
                times = f"{1000 * seconds / taken:>10.2f}{1000 * shuffled / taken:>10.2f}"
                print(f"{label:<14}{depth:>6}{size:>11.1f}{peak:>9.1f}{times}", flush=True)

    depth = depths[len(depths) // 2]
    columns = "".join(f"{name:>10}" for name in ("slices/s", "before", "peak MB", "before"))
    print(f"\n{f'volume of {depth} slices':<30}{columns}")
    with tempfile.TemporaryDirectory() as name:
        for label, writer, before, after in WORK:
            path = in_a_child(make, writer, Path(name) / label, options.side, depth)
            (old, old_peak), (new, new_peak) = (in_a_child(measured, each, path, depth) for each in (before, after))
            print(f"{label:<30}{depth / new:>10.1f}{depth / old:>10.1f}{new_peak:>10.1f}{old_peak:>10.1f}", flush=True)

    growths = {label: values[-1] - values[0] for label, values in peaks.items()}
    if growths.pop(WHOLE) < 0.5 * grown:
        print("FAILED: reading whole volumes does not show in the peak: the measurement is at fault")
        return 1
    failed = {label: growth for label, growth in growths.items() if growth > GROWTH_LIMIT * grown}
    for label, growth in failed.items():
        print(f"FAILED: {label}: the peak grew by {growth:.1f} MB when the volume grew by {grown:.1f} MB")
    if not failed:
        print(f"OK: no peak grew by more than {GROWTH_LIMIT:.0%} of what the volume grew by")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
