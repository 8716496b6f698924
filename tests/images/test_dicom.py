# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DICOM as scanners and archives give it: values and places as GDCM (in SimpleITK) reads them, or by the standard."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from litemed.images.dicom import list_series
from litemed.images.volumes import open_volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

CT, ENHANCED_CT, SCREENSHOT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.7"
ULTRASOUND, REPORT = "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.88.11"
AXIAL = [1, 0, 0, 0, 1, 0]


def image(pixels: np.ndarray, storage: str = CT, **tags: object) -> Dataset:
    """A grey (rows, columns), colour (rows, columns, 3) or multi-frame (frames, rows, columns[, 3]) image."""
    result = Dataset()
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.file_meta.MediaStorageSOPClassUID = result.SOPClassUID = storage
    result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID = generate_uid()
    result.SeriesInstanceUID, result.Modality = "1.2.3", "CT"
    is_colour = pixels.shape[-1] == 3
    shape = pixels.shape[: -1 if is_colour else None]
    result.Rows, result.Columns = shape[-2:]
    if len(shape) == 3:
        result.NumberOfFrames = shape[0]
    result.SamplesPerPixel, result.PhotometricInterpretation = (3, "RGB") if is_colour else (1, "MONOCHROME2")
    if is_colour:
        result.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    result.BitsAllocated = result.BitsStored = bits
    result.HighBit, result.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    result.PixelData = pixels.tobytes()
    for tag, value in tags.items():
        setattr(result, tag, value)
    return result


def placed(z: float, **tags: object) -> dict[str, object]:
    place = {"ImagePositionPatient": [3, -4, z], "ImageOrientationPatient": AXIAL, "PixelSpacing": [0.5, 0.7]}
    return {**place, "SliceThickness": 2, **tags}


def save(path: Path, dataset: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def series(folder: Path, count: int = 4, **tags: object) -> np.ndarray:
    """Write one; its voxels x, y, z."""
    rng = np.random.default_rng(len(str(folder)))
    planes = rng.integers(-1000, 1000, (count, 5, 6), dtype=np.int16)
    for k, plane in enumerate(planes):
        save(folder / f"IM{k}", image(plane, **placed(2.0 * k, **tags)))
    return planes.transpose(2, 1, 0)


def read(path: Path, **options: object) -> np.ndarray:
    volume = pickle.loads(pickle.dumps(open_volume(path, **options)))
    stacks = [np.stack([volume.read_slice(axis, k) for k in range(volume.shape[axis])], axis) for axis in (0, 2)]
    np.testing.assert_array_equal(*stacks)
    return stacks[1]


def test_a_study_folder_is_asked_for_its_series(tmp_path):
    thin = series(tmp_path / "DICOM/S1", 5, SeriesInstanceUID="1.2.5", SeriesNumber=5, SeriesDescription="thin")
    thick = series(tmp_path / "DICOM/S2/A", 3, SeriesInstanceUID="1.2.7", SeriesNumber=12)
    told = list_series(tmp_path)
    assert [(each.uid, each.number, each.description, each.images) for each in told] == [
        ("1.2.5", "5", "thin", 5),
        ("1.2.7", "12", "", 3),
    ]
    with pytest.raises(ValueError, match=r"got 2: choose .*5 \(CT, 5 of 6x5, thin, 1\.2\.5\); 12 \(CT, 3 of"):
        open_volume(tmp_path)
    for chosen, voxels in ((5, thin), ("5", thin), ("1.2.5", thin), (12, thick), ("1.2.7", thick)):
        np.testing.assert_array_equal(read(tmp_path, series=chosen), voxels)
        assert open_volume(tmp_path, series=chosen).series == ("5" if voxels is thin else "12")
    with pytest.raises(ValueError, match=r"a series 6, found none of it among: 5 \(CT"):
        open_volume(tmp_path, series=6)
    shutil.rmtree(tmp_path / "DICOM/S2")
    np.testing.assert_array_equal(read(tmp_path), thin)
    assert open_volume(tmp_path).series is None


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_series_of_one_number_are_named_by_their_uid(tmp_path):
    for uid, number in (("1.2.5", 5), ("1.2.7", 5), ("1.2.8", None), ("../1", 4)):
        series(tmp_path / uid.replace("/", "_"), 3, SeriesInstanceUID=uid, SeriesNumber=number)
        assert (open_volume(tmp_path, series=uid).series or "alone") == {"1.2.5": "alone", "../1": "4"}.get(uid, uid)
    assert open_volume(tmp_path, series="1.2.5").series == "1.2.5"
    series(tmp_path / "fifth", 3, SeriesInstanceUID="../../2", SeriesNumber=4)
    assert open_volume(tmp_path, series="../../2").series == "..-..-2"


def test_what_is_no_image_of_the_volume_is_passed_over(tmp_path):
    voxels = series(tmp_path / "a")
    report = image(np.zeros((2, 2), np.int16), REPORT, Modality="SR", SeriesInstanceUID="1.9")
    for tag in ("Rows", "Columns", "PixelData", "BitsAllocated"):
        delattr(report, tag)
    save(tmp_path / "a/report.dcm", report)
    scout = placed(0, ImageOrientationPatient=[0, 1, 0, 0, 0, -1], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save(tmp_path / "a/scout", image(np.zeros((9, 9), np.int16), **scout))
    save(tmp_path / "a/screen", image(np.zeros((9, 9, 3), np.uint8), SCREENSHOT, SeriesInstanceUID="1.8"))
    segments = image(np.zeros((5, 6), np.uint8), Modality="SEG", SeriesInstanceUID="1.7", **placed(0))
    save(tmp_path / "a/seg", segments)
    (tmp_path / "a/DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "a/notes.txt").write_text("not an image")
    shutil.copy(tmp_path / "a/IM1", tmp_path / "a/IM1 (copy)")
    odd = image(np.zeros((5, 6), np.int16), SeriesInstanceUID="1.6", **placed(0, PixelSpacing=[1, 1, 1]))
    np.testing.assert_array_equal(read(tmp_path / "a"), voxels)
    assert len(list_series(tmp_path / "a")) == 1
    save(tmp_path / "a/odd", odd)
    np.testing.assert_array_equal(read(tmp_path / "a", series="1.2.3"), voxels)
    with pytest.raises(ValueError, match=r"a/odd: expected 2 numbers as PixelSpacing"):
        open_volume(tmp_path / "a", series="1.6")


def test_one_file_of_any_name(tmp_path):
    pixels = np.arange(30, dtype=np.int16).reshape(5, 6)
    for name in ("IM0001", "a.dcm", "a.ima"):
        path = save(tmp_path / name, image(pixels, **placed(7)))
        volume = open_volume(path)
        np.testing.assert_array_equal(read(path)[..., 0], pixels.T)
        assert volume.spacing == pytest.approx((0.7, 0.5, 2.0))
        assert volume.has_spacing
    np.testing.assert_allclose(open_volume(path).affine[:3, 3], (-3, 4, 7))
    bare = open_volume(save(tmp_path / "radiograph", image(pixels, ImagerPixelSpacing=[0.2, 0.1])))
    assert bare.spacing == pytest.approx((0.1, 0.2, 1.0))
    assert not bare.has_spacing


def enhanced(planes: np.ndarray, step: np.ndarray, slopes: list[float]) -> Dataset:
    result = image(planes, ENHANCED_CT)
    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness, measures.SpacingBetweenSlices = [0.5, 0.7], 2, 2
    orientation = Dataset()
    orientation.ImageOrientationPatient = AXIAL
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    result.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in range(len(planes)):
        group, position, values = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = (np.array([3, -4, 10.0]) + k * step).tolist()
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slopes[k], -1000, "HU"
        group.PlanePositionSequence, group.PixelValueTransformationSequence = [position], [values]
        groups.append(group)
    result.PerFrameFunctionalGroupsSequence = groups
    return result


@pytest.mark.parametrize("step", [(0, 0, 2), (0, 0.8, 2), (0, 0, -2)], ids=["straight", "tilted gantry", "downwards"])
def test_enhanced_of_many_frames(step, tmp_path):
    planes = np.random.default_rng(0).integers(0, 4000, (4, 5, 6), dtype=np.uint16)
    path = save(tmp_path / "a.dcm", enhanced(planes, np.array(step), [1, 2, 0.5, 1]))
    volume, voxels = open_volume(path), read(path)
    expected = planes * np.array([1, 2, 0.5, 1])[:, None, None] - 1000.0
    order = slice(None) if step[2] > 0 else slice(None, None, -1)
    np.testing.assert_array_equal(voxels, expected[order].transpose(2, 1, 0))
    first, across = np.array([3, -4, 10.0]), np.array(step, dtype=float)
    lps = np.column_stack([[0.7, 0, 0], [0, 0.5, 0], across, first]) if step[2] > 0 else None
    lps = lps if lps is not None else np.column_stack([[0.7, 0, 0], [0, 0.5, 0], -across, first + 3 * across])
    np.testing.assert_allclose(volume.affine[:3], np.diag([-1, -1, 1]) @ lps, atol=1e-9)
    assert volume.is_sheared == (step[1] != 0)
    assert volume.voxel_volume == pytest.approx(0.7)
    if step == (0, 0, 2):
        same = save(tmp_path / "b.dcm", enhanced(planes, np.array(step), [1, 1, 1, 1]))
        by_gdcm = SimpleITK.ReadImage(str(same))
        np.testing.assert_array_equal(read(same), SimpleITK.GetArrayFromImage(by_gdcm).T)
        np.testing.assert_allclose(open_volume(same).spacing, by_gdcm.GetSpacing())
        np.testing.assert_allclose(open_volume(same).affine[:3, 3] * (-1, -1, 1), by_gdcm.GetOrigin())


def test_a_film_of_colours_has_frames_at_an_unknown_distance(tmp_path):
    film = np.random.default_rng(0).integers(0, 255, (3, 5, 6, 3), dtype=np.uint8)
    region = Dataset()
    region.PhysicalUnitsXDirection, region.PhysicalDeltaX, region.PhysicalDeltaY = 3, 0.01, 0.02
    path = save(tmp_path / "us", image(film, ULTRASOUND, Modality="US", SequenceOfUltrasoundRegions=[region]))
    np.testing.assert_array_equal(read(path), film.transpose(2, 1, 0, 3))
    assert open_volume(path).spacing == pytest.approx((0.1, 0.2, 1.0))
    assert not open_volume(path).has_spacing


def test_nuclear_medicine_counts_its_frames_from_the_first(tmp_path):
    planes = np.random.default_rng(0).integers(0, 4000, (4, 5, 6), dtype=np.uint16)
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [3, -4, 10], AXIAL
    tags = {"DetectorInformationSequence": [detector], "PixelSpacing": [0.5, 0.7], "SpacingBetweenSlices": 3}
    path = save(tmp_path / "nm", image(planes, "1.2.840.10008.5.1.4.1.1.20", Modality="NM", **tags))
    np.testing.assert_array_equal(read(path), planes.transpose(2, 1, 0))
    np.testing.assert_allclose(open_volume(path).affine[:3, 3], (-3, 4, 10))
    assert open_volume(path).spacing == pytest.approx((0.7, 0.5, 3))


def test_white_as_zero_is_turned_over_after_the_rescale(tmp_path):
    """The lowest rescaled value becomes the highest of the volume, and nothing leaves the volume's range."""
    stored = np.array([[[0, 100], [4095, 9]], [[50, 60], [80, 10]]], dtype=np.uint16)
    tags = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 2, "RescaleIntercept": -1024}
    for k, plane in enumerate(stored):
        save(tmp_path / "a" / str(k), image(plane, **placed(k, **tags)))
    rescaled = stored * 2.0 - 1024
    np.testing.assert_array_equal(read(tmp_path / "a"), (rescaled.min() + rescaled.max() - rescaled).transpose(2, 1, 0))


def test_a_table_in_place_of_slope_and_intercept(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4, 0, 16], "US"
    table.LUTData = np.array([5, 50, 500, 5000], "<u2").tobytes()
    pixels = np.array([[0, 1], [2, 3]], dtype=np.uint16)
    path = save(tmp_path / "a", image(pixels, ModalityLUTSequence=[table], **placed(0)))
    assert read(path)[..., 0].T.tolist() == [[5, 50], [500, 5000]]


def test_a_palette(tmp_path):
    tags = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, data in (("Red", (1, 2, 3)), ("Green", (4, 5, 6)), ("Blue", (7, 8, 255))):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [3, 0, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = (np.array(data, np.uint16) * 257).tobytes()
    path = save(tmp_path / "a", image(np.array([[0, 1, 2, 0]], np.uint8), ULTRASOUND, **tags))
    assert read(path)[:, 0, 0].tolist() == [[1, 4, 7], [2, 5, 8], [3, 6, 255], [1, 4, 7]]


def test_compressed_frames(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4000, (3, 64, 48), dtype=np.uint16)
    dataset = image(pixels, ULTRASOUND, BitsStored=12, HighBit=11)
    pydicom.pixels.compress(dataset, RLELossless, generate_instance_uid=False)
    np.testing.assert_array_equal(read(save(tmp_path / "a", dataset)), pixels.transpose(2, 1, 0))


SYNTAXES = {"JPEG": "1.2.840.10008.1.2.4.70", "JPEG-LS": "1.2.840.10008.1.2.4.80", "JPEG2000": "1.2.840.10008.1.2.4.90"}


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_lossless_jpeg(syntax, tmp_path):
    gdcm = pytest.importorskip("gdcm")
    pixels = np.random.default_rng(0).integers(0, 4000, (64, 48), dtype=np.uint16)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(save(tmp_path / "plain", image(pixels, BitsStored=12, HighBit=11, **placed(0)))))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(tmp_path / "small"))
    assert writer.Write()
    assert str(pydicom.dcmread(tmp_path / "small").file_meta.TransferSyntaxUID) == syntax
    np.testing.assert_array_equal(read(tmp_path / "small")[..., 0], pixels.T)


def test_a_series_is_of_dicom_alone(tmp_path):
    np.savez(tmp_path / "a.npz", imgs=np.zeros((2, 3, 4), np.uint8), spacing=np.ones(3))
    with pytest.raises(ValueError, match=r"a.npz: a series is chosen among those of a DICOM study, got '5'"):
        open_volume(tmp_path / "a.npz", series="5")


def test_bad_files_are_named(tmp_path):
    (tmp_path / "text.dcm").write_text("not an image at all")
    with pytest.raises(ValueError, match=r"text.dcm: not a readable DICOM image"):
        open_volume(tmp_path / "text.dcm")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: no DICOM images in this folder"):
        open_volume(tmp_path / "empty")
    path = save(tmp_path / "cut", enhanced(np.zeros((4, 5, 6), np.uint16), np.array([0, 0, 2]), [1] * 4))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"cut: frame 3 can't be decoded"):
        open_volume(path).read_slice(2, 3)
    for k in range(2):
        save(tmp_path / "lost" / str(k), image(np.zeros((2, 2), np.int16)))
    with pytest.raises(ValueError, match=r"lost/0: it doesn't say where it lies among the 2 slices of its series"):
        open_volume(tmp_path / "lost")
