# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps as DICOM SEG, as highdicom and ITK open it again, and names and colours beside volumes."""

from __future__ import annotations

import json

import itk
import numpy as np
import pytest
from litemed.images.dicom_seg import write_dicom_seg
from litemed.images.segments import Code, Segment, bundle_segments, write_colour_tables
from litemed.images.volumes import open_volume

highdicom = pytest.importorskip("highdicom")
pydicom = pytest.importorskip("pydicom")

STUDY = {"StudyInstanceUID": "1.2.3", "FrameOfReferenceUID": "1.2.3.4", "PatientID": "anna", "SeriesNumber": 7}
VESSEL = Segment(4, "vessel", Code("SCT", "91723000", "Anatomical structure"), Code("SCT", "59820001", "Blood vessel"))
SEGMENTS = [Segment(1, "object 1"), VESSEL]


@pytest.fixture
def labels(voxels):
    """Two segments, not of neighbouring numbers, on an oblique grid; some slices have neither."""
    found = np.zeros(voxels.shape, np.uint8)
    found[1:4, 2:5, 1:3] = 1
    found[0:2, 0:2, 2:6] = 4
    return found


def test_highdicom_reads_what_was_written(write, voxels, affine, labels, tmp_path):
    source = write("dicom", voxels, affine, **STUDY)
    path = write_dicom_seg(tmp_path / "a.dcm", labels, source, SEGMENTS, algorithm="mybundle", version="1.2")
    read = highdicom.seg.segread(path)
    assert (read.PatientID, read.StudyInstanceUID, read.FrameOfReferenceUID) == ("anna", "1.2.3", "1.2.3.4")
    first, second = (read.get_segment_description(number) for number in (1, 2))
    assert (first.segment_label, second.segment_label) == ("object 1", "vessel")
    assert second.segmented_property_type == highdicom.sr.CodedConcept("59820001", "SCT", "Blood vessel")
    assert second.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "mybundle"
    volume = read.get_volume(combine_segments=True)
    np.testing.assert_array_equal(np.unique(volume.array), [0, 1, 2])
    # each voxel of the file lies, in the patient, where the image's voxel of the same label does
    for number, label in ((1, 1), (2, 4)):
        there = volume.map_indices_to_reference(np.argwhere(volume.array == number))
        here = np.argwhere(labels == label) @ affine[:3, :3].T + affine[:3, 3]
        here *= (-1, -1, 1)  # DICOM counts to the left and back
        near = np.linalg.norm(there[:, None] - here[None], axis=2)
        assert len(there) == len(here)
        assert near.min(axis=0).max() < 1e-3
    sources = {item.ReferencedSOPInstanceUID for item in read.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert sources <= {pydicom.dcmread(file).SOPInstanceUID for file in source.iterdir()}


def test_itk_reads_its_frames(write, affine, labels, tmp_path):
    """ITK has a frame a segment and slice, those without a voxel left out, in the order of segments and positions.

    It reads single bits right where a frame is whole bytes.
    """
    labels = np.pad(labels, ((0, 3), (0, 0), (0, 0)))
    source = write("dicom", np.zeros(labels.shape, np.int16), affine, **STUDY)
    path = write_dicom_seg(tmp_path / "a.dcm", labels, source, SEGMENTS)
    frames = itk.array_from_image(itk.imread(str(path), itk.UC))
    masks = [label == labels[:, :, k].T for label in (1, 4) for k in range(labels.shape[2])]
    expected = np.stack([mask for mask in masks if mask.any()])
    np.testing.assert_array_equal(frames > 0, expected)


def test_the_same_labels_are_the_same_object(write, voxels, affine, labels, tmp_path):
    source = write("dicom", voxels, affine, **STUDY)
    uids = [
        pydicom.dcmread(write_dicom_seg(tmp_path / f"{k}.dcm", given, source, SEGMENTS)).SOPInstanceUID
        for k, given in enumerate((labels, labels.copy(), np.flip(labels, 0)))
    ]
    assert uids[0] == uids[1] != uids[2]


def test_a_file_of_many_frames(affine, tmp_path):
    """Its frames are told by their numbers, from the top down here, and a SEG keeps their order."""
    file = _enhanced(tmp_path / "enhanced.dcm", frames=4)
    labels = np.zeros(open_volume(file).shape, np.uint8)
    labels[2:5, 1:3, 1] = 1
    labels[6, 3, 3] = 1
    read = highdicom.seg.segread(write_dicom_seg(tmp_path / "a.dcm", labels, file, [Segment(1, "object")]))
    there = read.get_volume(combine_segments=True)
    here = open_volume(file).affine
    found = there.map_indices_to_reference(np.argwhere(there.array == 1)) * (-1, -1, 1)
    expected = np.argwhere(labels == 1) @ here[:3, :3].T + here[:3, 3]
    np.testing.assert_allclose(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)], atol=1e-6)


def _enhanced(path, frames):
    """A file of many frames that run downwards."""
    legacy = []
    for k in range(frames):
        slice_ = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
        slice_.ImagePositionPatient = [-158.1, -179.0, -75.7 - 5 * k]
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{k + 1}"
        slice_.InstanceNumber = k + 1
        slice_.SpacingBetweenSlices = 5
        legacy.append(slice_)
    many = highdicom.legacy.LegacyConvertedEnhancedCTImage(legacy, "1.2.9", 9, "1.2.9.1", 1)
    many.save_as(path)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"segments": [VESSEL]}, r"expected a segment for each of the labels \[1, 4\], got \[4\]"),
        ({"segments": [*SEGMENTS, VESSEL]}, r"got \[1, 4, 4\]"),
        ({"labels": np.zeros((5, 6, 7), np.uint8)}, r"labels \[\]"),
        ({"labels": np.ones((6, 5, 7), np.uint8)}, r"labels of shape \(6, 5, 7\) differ from its shape \(5, 6, 7\)"),
        ({"tags": {}}, "no DICOM SEG can refer to these images: .*StudyInstanceUID"),
    ],
)
def test_what_cannot_be_written(change, said, write, voxels, affine, labels, tmp_path):
    source = write("dicom", voxels, affine, **change.get("tags", STUDY))
    with pytest.raises(ValueError, match=f"volume: .*{said}"):
        write_dicom_seg(tmp_path / "out/a.dcm", change.get("labels", labels), source, change.get("segments", SEGMENTS))
    assert not (tmp_path / "out/a.dcm").exists()


def _bundle(root, classes, segments):
    (root / "configs").mkdir()
    pred = json.dumps({"channel_def": classes})
    (root / "configs/metadata.json").write_text(
        f'{{"version": "1", "litemed": {{"segments": {json.dumps(segments)}}},'
        f'"network_data_format": {{"outputs": {{"pred": {pred}}}}}}}'
    )
    return root


def test_names_and_codes_are_of_the_metadata(tmp_path):
    told = {"iris": "SCT 91723000 Anatomical structure; SCT 41296002 Iris structure"}
    root = _bundle(tmp_path, {"0": "background", "1": "sclera", "2": "iris"}, told)
    first, second, third = bundle_segments(root, [0, 1, 2, 5])
    assert (first.name, second.name, third.name) == ("sclera", "iris", "object 5")
    assert second.type == Code("SCT", "41296002", "Iris structure")
    assert first.type == Code("SCT", "85756007", "Tissue")


def test_objects_of_one_class_are_counted(tmp_path):
    root = _bundle(tmp_path, {"0": "background", "1": "object"}, {})
    assert [each.name for each in bundle_segments(root, np.array([0, 1, 3]))] == ["object 1", "object 3"]


def test_a_code_that_is_none_is_told(tmp_path):
    root = _bundle(tmp_path, {"1": "iris"}, {"iris": "SCT 41296002"})
    with pytest.raises(ValueError, match="segment iris: expected category and type as SCHEME CODE MEANING"):
        bundle_segments(root, [1])


def test_tables_for_slicer_and_itk_snap(tmp_path):
    slicer, snap = write_colour_tables(tmp_path / "scan_mask.nii.gz", SEGMENTS)
    assert (slicer.name, snap.name) == ("scan_mask.ctbl", "scan_mask.label")
    assert slicer.read_text().splitlines()[1:] == [
        "0 background 0 0 0 0",
        "1 object_1 86 180 233 255",
        "4 vessel 240 228 66 255",
    ]
    assert snap.read_text().splitlines()[1:] == [
        '0 0 0 0 0 0 0 "Clear Label"',
        '1 86 180 233 1 1 1 "object 1"',
        '4 240 228 66 1 1 1 "vessel"',
    ]
