# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Every format gives the voxels and the affine that an independent tool wrote."""

from __future__ import annotations

import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import itk
import nibabel
import numpy as np
import pydicom
import pytest
from litemed.images.volumes import open_volume

KINDS = [
    "nifti",
    "nifti-gzip",
    "nrrd",
    "nrrd-gzip",
    "nrrd-detached",
    "nrrd-detached-gzip",
    "npz",
    "npz-deflate",
    "dicom",
]
PLACES = [(0, 0), (0, 4), (0, 2), (1, 5), (1, 0), (2, 6), (2, 3), (2, 0)]


@pytest.mark.parametrize("kind", KINDS)
def test_slices_and_affine(kind: str, write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    volume = open_volume(write(kind, voxels, affine))
    assert volume.shape == (5, 6, 7)
    assert volume.spacing == pytest.approx((0.7, 1.25, 4.0), rel=1e-5)
    for axis, index in PLACES:
        np.testing.assert_array_equal(volume.read_slice(axis, index), np.take(voxels, index, axis))
    expected = np.diag([-0.7, -1.25, 4.0, 1.0]) if kind.startswith("npz") else affine
    np.testing.assert_allclose(volume.affine, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_volume_reads_on(kind: str, write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    volume = open_volume(write(kind, voxels, affine))
    volume.read_slice(2, 3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(volume)).read_slice(2, 1), voxels[:, :, 1])


@pytest.mark.parametrize("kind", ["nifti", "nifti-gzip", "nrrd-gzip", "npz-deflate"])
@pytest.mark.parametrize("dtype", [">i2", "<f4", ">f8", "u1", "i4", "<u2"])
def test_types(kind: str, dtype: str, write: Callable, affine: np.ndarray) -> None:
    voxels = np.random.default_rng(2).integers(0, 200, (3, 4, 5)).astype(dtype)
    if kind.startswith("nrrd"):
        voxels = voxels.astype(voxels.dtype.newbyteorder("="))  # ITK writes no other
    pixels = open_volume(write(kind, voxels, affine)).read_slice(1, 2)
    assert pixels.dtype == voxels.dtype.newbyteorder("=")
    np.testing.assert_array_equal(pixels, voxels[:, 2])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_scaling(suffix: str, tmp_path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_slope_inter(0.5, -3.0)
    nibabel.save(image, tmp_path / f"ct{suffix}")
    pixels = open_volume(tmp_path / f"ct{suffix}").read_slice(2, 4)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, voxels[:, :, 4] * 0.5 - 3.0)


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1000.0), ("mm", 1.0), ("micron", 0.001), ("unknown", 1.0)])
def test_nifti_units(unit: str, mm: float, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.diag([1.0, 2.0, 3.0, 1.0]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    assert open_volume(tmp_path / "a.nii").spacing == pytest.approx((mm, 2 * mm, 3 * mm))


def test_nifti_version_2(tmp_path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti2Image(voxels, affine), tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.affine, affine)
    np.testing.assert_array_equal(volume.read_slice(0, 1), voxels[1])


def nrrd(folder: Path, voxels: np.ndarray, *fields: str, name: str = "a.nrrd", encoding: str = "raw") -> Path:
    """A header of the given fields before the data of a 3D int16 volume."""
    header = ["NRRD0004", "# made for a test", "type: short", "dimension: 3", f"encoding: {encoding}"]
    header += ["sizes: " + " ".join(map(str, voxels.shape)), "endian: little", "modality:=CT", *fields, "", ""]
    (folder / name).write_bytes("\n".join(header).encode() + voxels.astype("<i2").tobytes("F"))
    return folder / name


DIRECTIONS = ("space directions: (1,2,0) (-2,1,0) (0,0,3)", "space origin: (5,6,7)")
SPACES = {
    "LPS": "space: left-posterior-superior",
    "RAS": "space: RAS",
    "LAS": "space: left-anterior-superior",
    "scanner": "space: scanner-xyz",
    "unnamed": "space dimension: 3",
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_nrrd_spaces_as_itk_has_them(space: str, tmp_path: Path, voxels: np.ndarray) -> None:
    path = nrrd(tmp_path, voxels, space, *DIRECTIONS)
    volume, image = open_volume(path), itk.imread(str(path))
    for index in [(0, 0, 0), (4, 0, 0), (0, 5, 6)]:
        x, y, z = image.TransformIndexToPhysicalPoint(list(index))
        np.testing.assert_allclose(volume.affine @ (*index, 1), (-x, -y, z, 1), atol=1e-9)


@pytest.mark.parametrize(
    ("fields", "diagonal"),
    [
        (("spacings: 0.5 2 3",), (-0.5, -2.0, 3.0)),
        (("space: RAS", 'space units: "um" "um" "um"', DIRECTIONS[0].replace("2", "0")), (0.001, 0.001, 0.003)),
        (("space: RAS", 'space units: "mm" "mm" "mm"', DIRECTIONS[0].replace("2", "0")), (1.0, 1.0, 3.0)),
    ],
)
def test_nrrd_spacing(fields: tuple[str, ...], diagonal: tuple[float, ...], tmp_path: Path, voxels: np.ndarray) -> None:
    np.testing.assert_allclose(open_volume(nrrd(tmp_path, voxels, *fields)).affine, np.diag([*diagonal, 1.0]))


def test_nrrd_big_endian(tmp_path: Path, voxels: np.ndarray) -> None:
    path = nrrd(tmp_path, voxels.byteswap(), *DIRECTIONS)
    path.write_bytes(path.read_bytes().replace(b"endian: little", b"endian: big"))
    np.testing.assert_array_equal(open_volume(path).read_slice(1, 3), voxels[:, 3])


@pytest.mark.parametrize("skip", [0, 11, -1])
def test_nrrd_byte_skip(skip: int, tmp_path: Path, voxels: np.ndarray) -> None:
    (tmp_path / "a.raw").write_bytes(b"x" * max(skip, 0 if skip == 0 else 11) + voxels.tobytes("F"))
    path = nrrd(tmp_path, voxels[:, :, :0], f"byte skip: {skip}", "data file: a.raw", *DIRECTIONS, name="a.nhdr")
    path.write_bytes(path.read_bytes().replace(b"sizes: 5 6 0", b"sizes: 5 6 7"))
    np.testing.assert_array_equal(open_volume(path).read_slice(2, 6), voxels[:, :, 6])


def nrrd_text(folder: Path, voxels: np.ndarray) -> Path:
    path = nrrd(folder, voxels[:, :, :0], SPACES["LPS"], *DIRECTIONS, encoding="ascii")
    text = path.read_text().replace("sizes: 5 6 0", "sizes: 5 6 7") + " ".join(map(str, voxels.ravel("F").tolist()))
    path.write_text(text)
    return path


def nrrd_files(folder: Path, voxels: np.ndarray) -> Path:
    for k in range(voxels.shape[2]):
        (folder / f"part{k:02d}.raw").write_bytes(voxels[:, :, k].tobytes("F"))
    path = nrrd(folder, voxels[:, :, :0], SPACES["LPS"], *DIRECTIONS, "data file: part%02d.raw 0 6 1", name="a.nhdr")
    path.write_bytes(path.read_bytes().replace(b"sizes: 5 6 0", b"sizes: 5 6 7"))
    return path


@pytest.mark.parametrize("make", [nrrd_text, nrrd_files])
def test_odd_nrrd_goes_through_itk(make: Callable, tmp_path: Path, voxels: np.ndarray) -> None:
    volume = open_volume(make(tmp_path, voxels))
    expected = np.array([[-1.0, 2, 0, -5], [-2, -1, 0, -6], [0, 0, 3, 7], [0, 0, 0, 1]])
    np.testing.assert_allclose(volume.affine, expected, atol=1e-12)
    for axis, index in PLACES:
        np.testing.assert_array_equal(volume.read_slice(axis, index), np.take(voxels, index, axis))


@pytest.mark.parametrize("kind", ["npz", "npz-deflate"])
def test_npz_colour_and_labels(kind: str, write: Callable, affine: np.ndarray) -> None:
    colours = np.random.default_rng(4).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)  # D, H, W, channels
    labels = np.random.default_rng(5).integers(0, 3, (4, 5, 6), dtype=np.uint16)
    path = write(kind, labels, affine, imgs=colours, gts=labels)
    volume, label = open_volume(path), open_volume(path, is_label=True)
    assert volume.shape == label.shape == (6, 5, 4)
    np.testing.assert_array_equal(volume.read_slice(2, 1), colours[1].swapaxes(0, 1))
    np.testing.assert_array_equal(volume.read_slice(1, 4), colours[:, 4].swapaxes(0, 1))
    np.testing.assert_array_equal(volume.read_slice(0, 5), colours[:, :, 5].swapaxes(0, 1))
    np.testing.assert_array_equal(label.read_slice(2, 3), labels[3].T)


@pytest.mark.parametrize("kind", ["npz", "npz-deflate"])
def test_npz_in_fortran_order(kind: str, write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    volume = open_volume(write(kind, voxels, affine, imgs=np.asfortranarray(voxels.T)))
    for axis, index in PLACES:
        np.testing.assert_array_equal(volume.read_slice(axis, index), np.take(voxels, index, axis))


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_dicom_rescale_of_each_slice(modality: str, write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    slopes = (1.0, 2.5, 0.125, 3.0, 1.0, 7.0, 0.5)
    storage = {
        "CT": "1.2.840.10008.5.1.4.1.1.2",
        "MR": "1.2.840.10008.5.1.4.1.1.4",
        "PT": "1.2.840.10008.5.1.4.1.1.128",
    }
    path = write(
        "dicom", voxels, affine, slopes=slopes, intercept=-8.0, Modality=modality, SOPClassUID=storage[modality]
    )
    volume = open_volume(path)
    expected = voxels * np.array(slopes) - 8.0
    np.testing.assert_array_equal(volume.read_slice(2, 2), expected[:, :, 2])
    np.testing.assert_array_equal(volume.read_slice(0, 3), expected[3])


def test_dicom_of_a_tilted_gantry(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    affine[:3, 2] += 0.4 * affine[:3, 1]
    np.testing.assert_allclose(open_volume(write("dicom", voxels, affine)).affine, affine, atol=1e-4)


def test_dicom_of_one_slice(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    folder = write("dicom", voxels[:, :, :1], affine, SliceThickness=4)
    np.testing.assert_allclose(open_volume(folder).affine, affine, atol=1e-4)


def test_dicom_passes_over_other_files(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    folder = write("dicom", voxels, affine)
    (folder / "notes.txt").write_text("not an image")
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (folder / "more").mkdir()
    assert open_volume(folder).shape == (5, 6, 7)


def test_formats_agree_on_a_dicom_series_that_itk_converted(
    write: Callable, tmp_path: Path, voxels: np.ndarray, affine: np.ndarray
) -> None:
    folder = write("dicom", voxels, affine)
    names = itk.GDCMSeriesFileNames.New(Directory=str(folder))
    image = itk.imread(list(names.GetInputFileNames()), pixel_type=itk.SS)
    series = open_volume(folder)
    for name in ("a.nii", "a.nii.gz", "a.nrrd"):
        itk.imwrite(image, str(tmp_path / name))
        volume = open_volume(tmp_path / name)
        np.testing.assert_allclose(volume.affine, series.affine, atol=1e-4)
        np.testing.assert_array_equal(volume.read_slice(2, 5), series.read_slice(2, 5))


@pytest.mark.parametrize("kind", ["nifti", "nifti-gzip", "nrrd", "nrrd-gzip", "npz"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_voxels_that_are_no_numbers(kind: str, bad: float, write: Callable, affine: np.ndarray) -> None:
    voxels = np.zeros((3, 4, 5), np.float32)
    voxels[1, 2, 3] = bad
    volume = open_volume(write(kind, voxels, affine))
    volume.read_slice(2, 2)
    with pytest.raises(ValueError, match=r"volume\.[a-z.]+: slice 3 of axis 2 has NaN or infinite voxels"):
        volume.read_slice(2, 3)


@pytest.mark.parametrize("kind", ["nifti", "nrrd", "nrrd-detached"])
def test_truncated_plain_files_are_found_when_opened(
    kind: str, write: Callable, voxels: np.ndarray, affine: np.ndarray
) -> None:
    path = write(kind, voxels, affine)
    data = path.with_suffix(".raw") if kind == "nrrd-detached" else path
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{data.name}: truncated: expected at least \d+ bytes, got \d+"):
        open_volume(path)


@pytest.mark.parametrize("kind", ["nifti-gzip", "nrrd-gzip"])
def test_truncated_gzip_files_are_found_when_read(kind: str, write: Callable, affine: np.ndarray) -> None:
    voxels = np.random.default_rng(6).integers(0, 1000, (30, 30, 7), dtype=np.int16)
    path = write(kind, voxels, affine)
    path.write_bytes(path.read_bytes()[:-60])
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.read_slice(2, 0), voxels[:, :, 0])
    with pytest.raises(ValueError, match=rf"{path.name}: truncated: it ends after \d+ decoded bytes"):
        volume.read_slice(2, 6)


def test_files_removed_or_cut_later(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    path = write("nifti", voxels, affine)
    volume = open_volume(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"volume.nii: truncated: expected 60 bytes at \d+, got 57"):
        volume.read_slice(2, 6)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"volume\.nii"):
        volume.read_slice(2, 0)


class Pickled:
    """Fails the test when it is unpickled."""

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return pytest.fail, ("the archive was unpickled",)


NPZ_ERRORS = {
    "pickled images": ({"imgs": np.array([Pickled()])}, "array 'imgs' holds pickled objects, which are never loaded"),
    "pickled spacing": ({"spacing": np.array([Pickled()])}, "'spacing' cannot be read: Object arrays cannot be loaded"),
    "no spacing": ({"spacing": None}, r"expected 'spacing' \(x, y, z in mm\) beside the volume, got \['imgs'\]"),
    "spacing of two": ({"spacing": np.ones(2)}, r"expected three positive values in 'spacing', got \[1.0, 1.0\]"),
    "spacing of zero": ({"spacing": np.zeros(3)}, "expected three positive values in 'spacing'"),
    "no images": ({"imgs": None, "img": np.zeros((2, 3, 4))}, r"expected an array 'imgs', got \["),
    "2D": ({"imgs": np.zeros((3, 4), np.uint8)}, r"expected a 3D volume, got shape \(4, 3\)"),
    "four channels": ({"imgs": np.zeros((2, 3, 4, 4), np.uint8)}, r"expected a 3D volume, got shape \(4, 4, 3, 2\)"),
    "complex": ({"imgs": np.zeros((2, 3, 4), complex)}, "expected boolean, integer or float voxels, got complex128"),
}


@pytest.mark.parametrize(("changes", "message"), NPZ_ERRORS.values(), ids=NPZ_ERRORS)
def test_bad_npz(changes: dict[str, np.ndarray | None], message: str, tmp_path: Path) -> None:
    arrays = {"imgs": np.zeros((2, 3, 4), np.uint8), "spacing": np.ones(3), **changes}
    np.savez(tmp_path / "case.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(ValueError, match=rf"case.npz: {message}"):
        open_volume(tmp_path / "case.npz")


def test_npz_with_less_data_than_its_shape(tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", imgs=np.zeros((2, 3, 4), np.uint8), spacing=np.ones(3))
    with zipfile.ZipFile(tmp_path / "whole.npz") as whole, zipfile.ZipFile(tmp_path / "case.npz", "w") as cut:
        cut.writestr("imgs.npy", whole.read("imgs.npy")[:-1])
        cut.writestr("spacing.npy", whole.read("spacing.npy"))
    with pytest.raises(ValueError, match=r"case.npz: array 'imgs' is truncated: 151 bytes for shape \(2, 3, 4\)"):
        open_volume(tmp_path / "case.npz")


NRRD_ERRORS = {
    "no endian": (b"endian: little\n", b"", "NRRD header has no field, or an unknown value, 'endian'"),
    "block type": (b"type: short", b"type: block", "NRRD header has no field, or an unknown value, 'block'"),
    "no sizes": (b"sizes: 5 6 7\n", b"", "NRRD header lacks sizes"),
    "sizes in words": (b"sizes: 5 6 7", b"sizes: 5 6 many", "bad value in the NRRD header: .*many"),
    "4D": (b"sizes: 5 6 7", b"sizes: 5 6 7 2", r"expected a 3D volume, got shape \(5, 6, 7, 2\)"),
    "vectors": (b"(1,2,0) (-2,1,0)", b"none (-2,1,0)", "bad value in the NRRD header"),
    "unknown unit": (
        b"modality:=CT",
        b'space units: "mm" "inch" "mm"',
        "NRRD header has no field, or an unknown value, 'inch'",
    ),
    "no magic": (b"NRRD0004", b"NRRB0004", "not a NRRD file"),
    "no colon": (b"modality:=CT", b"modality", "not a NRRD header line: 'modality'"),
    "encoding": (b"encoding: raw", b"encoding: zstd", "ITK cannot read it"),
    "cut": (b"sizes: 5 6 7", b"byteskip: -1\nsizes: 5 6 700", "truncated, or a wrong byte skip of -1"),
}


@pytest.mark.parametrize(("old", "new", "message"), NRRD_ERRORS.values(), ids=NRRD_ERRORS)
def test_bad_nrrd(old: bytes, new: bytes, message: str, tmp_path: Path, voxels: np.ndarray) -> None:
    path = nrrd(tmp_path, voxels, *DIRECTIONS)
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(ValueError, match=rf"a.nrrd: {message}"):
        open_volume(path)


def test_nrrd_without_its_data_file(write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    path = write("nrrd-detached", voxels, affine)
    path.with_suffix(".raw").unlink()
    with pytest.raises(FileNotFoundError, match=r"volume.nhdr: its data file .*volume.raw does not exist"):
        open_volume(path)


def test_bad_nifti(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5, 2), np.uint8), np.eye(4)), tmp_path / "4d.nii.gz")
    with pytest.raises(ValueError, match=r"4d.nii.gz: expected a 3D volume, got shape \(3, 4, 5, 2\)"):
        open_volume(tmp_path / "4d.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), np.complex64), np.eye(4)), tmp_path / "complex.nii")
    with pytest.raises(ValueError, match=r"complex.nii: expected boolean, integer or float voxels, got complex64"):
        open_volume(tmp_path / "complex.nii")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.npz", "a.nrrd"])
@pytest.mark.parametrize("content", [b"", b"not an image at all"], ids=["empty", "text"])
def test_other_files_under_a_known_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: not a (readable )?(NIfTI|npz|NRRD)"):
        open_volume(tmp_path / name)


def test_unknown_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a.png: expected .nii.gz, .nii, .nrrd"):
        open_volume(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"b.nii.gz does not exist"):
        open_volume(tmp_path / "b.nii.gz")


def edit(path: Path, **tags: object) -> None:
    image = pydicom.dcmread(path)
    for tag, value in tags.items():
        setattr(image, tag, value)
    image.save_as(path)


def mix_series(files: list[Path]) -> None:
    edit(files[3], SeriesInstanceUID="1.2.3")


def remove_slice(files: list[Path]) -> None:
    files[3].unlink()


def repeat_slice(files: list[Path]) -> None:
    shutil.copy(files[3], files[3].with_name("copy.dcm"))
    edit(files[3].with_name("copy.dcm"), SOPInstanceUID="1.2.3")


def move_slice(files: list[Path]) -> None:
    x, y, z = pydicom.dcmread(files[3]).ImagePositionPatient
    edit(files[3], ImagePositionPatient=[x + 1, y, z])


def turn_slice(files: list[Path]) -> None:
    edit(files[3], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])


def drop_position(files: list[Path]) -> None:
    image = pydicom.dcmread(files[3])
    del image.ImagePositionPatient
    image.save_as(files[3])


def colour_slice(files: list[Path]) -> None:
    edit(files[3], SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)


def cut_slice(files: list[Path]) -> None:
    files[3].write_bytes(files[3].read_bytes()[:-20])


def remove_all(files: list[Path]) -> None:
    for file in files:
        file.unlink()


SERIES_ERRORS = [
    (mix_series, r"volume: expected one series, got 2: choose one .*CT, 1 of 5x6, 1\.2\.3\)"),
    (remove_slice, r"volume: slices are missing between 013\.dcm and 023\.dcm: 8 mm, others are 4 mm"),
    (repeat_slice, r"volume: 018.dcm and copy.dcm lie at the same place"),
    (move_slice, r"volume: slices are unevenly spaced: 018.dcm at "),
    (turn_slice, r"018.dcm: orientation .* differs from .* of .*003.dcm"),
    (drop_position, r"018.dcm: it doesn't say where it lies among the 7 slices"),
    (colour_slice, r"018.dcm: channels 3 differs from 1"),
    (cut_slice, r"018.dcm: frame 0 can't be decoded"),
    (remove_all, r"volume: no DICOM images in this folder"),
]


@pytest.mark.parametrize(("damage", "message"), SERIES_ERRORS)
def test_bad_series(damage: Callable, message: str, write: Callable, voxels: np.ndarray, affine: np.ndarray) -> None:
    folder = write("dicom", voxels, affine)
    damage(sorted(folder.iterdir()))
    with pytest.raises(ValueError, match=message):
        open_volume(folder).read_slice(0, 0)
