# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DICOM Segmentation: a label map as an object that the archive of a hospital keeps beside its images."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from litemed import __version__
from litemed.files import replacing
from litemed.images.dicom import DicomVolume
from litemed.images.segments import Segment

__all__ = ["write_dicom_seg"]

_PATIENT_AND_STUDY = (
    "PatientID PatientName PatientBirthDate PatientSex AccessionNumber StudyID StudyDate StudyTime "
    "ReferringPhysicianName"
).split()
"""Attributes that every image has to have, though they may be empty."""
_DESCRIPTION = "Segmentation by litemed"


def write_dicom_seg(
    path: str | os.PathLike[str],
    labels: np.ndarray,
    source: str | os.PathLike[str],
    segments: Sequence[Segment],
    *,
    series: str | int | None = None,
    algorithm: str = "litemed",
    version: str = __version__,
) -> Path:
    """Write a label map of DICOM images as a DICOM Segmentation, whole or not at all.

    It belongs to the images' patient, study and frame of reference, and refers to each image that it marks. A segment
    without a voxel is there by name. The same labels of the same images get the same identifiers.

    Args:
        path: of the file.
        labels: whole numbers ``(X, Y, Z)``, with the axes of `litemed.images.open_volume`; 0 is background.
        source: the DICOM file, or the folder of the series or study.
        segments: names and codes of the numbers, see `litemed.images.segments.bundle_segments`.
        series: which of a study.
        algorithm: name of what made the map: a bundle.
        version: of it.

    Returns:
        the path.

    Raises:
        ImportError: without the packages pydicom and highdicom.
        ValueError: for labels of another shape than the images or without a segment, no label at all, and for images
            that a segmentation can't refer to, as those that lack a study.
    """
    try:
        import highdicom
        from pydicom.uid import generate_uid
    except ImportError as error:
        raise ImportError(f'{path}: DICOM SEG needs the package highdicom: pip install "litemed[dicom]"') from error
    volume = DicomVolume(Path(source), series)
    if labels.shape != volume.shape:
        raise ValueError(f"{source}: labels of shape {labels.shape} differ from its shape {volume.shape}")
    present = set(np.unique(labels).tolist()) - {0}
    known = [each.label for each in segments]
    if not present or present - set(known) or len(set(known)) < len(known):
        raise ValueError(f"{source}: expected a segment for each of the labels {sorted(present)}, got {known}")
    images, frames = _images(volume, np.ascontiguousarray(labels.transpose(2, 1, 0)))
    numbers = np.zeros(max(known) + 1, np.uint16)
    numbers[known] = np.arange(1, len(known) + 1)  # segments count from 1 without gaps
    identity = [str(images[0].get("SeriesInstanceUID")), hashlib.sha256(frames.tobytes()).hexdigest(), algorithm]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = highdicom.seg.Segmentation(
                source_images=images,
                pixel_array=numbers[frames],
                segmentation_type="BINARY",
                segment_descriptions=[
                    _described(highdicom, number, each, algorithm, version) for number, each in enumerate(segments, 1)
                ],
                series_instance_uid=generate_uid(entropy_srcs=[*identity, "series"]),
                series_number=1000,
                sop_instance_uid=generate_uid(entropy_srcs=[*identity, "instance"]),
                instance_number=1,
                manufacturer="litemed",
                manufacturer_model_name=algorithm,
                software_versions=__version__,
                device_serial_number="0",
                content_description=_DESCRIPTION,
                series_description=_DESCRIPTION,
            )
    except (AttributeError, ValueError, TypeError) as error:
        raise ValueError(f"{source}: no DICOM SEG can refer to these images: {error}") from error
    with replacing(path) as temporary:
        content.save_as(temporary)
    return Path(path)


def _images(volume: DicomVolume, slices: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The images without their pixels, and the slices of labels in the order of their frames."""
    from pydicom import dcmread

    places = volume.frame_places
    files = list(dict.fromkeys(file for file, _ in places))
    images = [dcmread(file, stop_before_pixels=True, force=True) for file in files]
    if len(files) > 1 and len(files) < len(places):
        raise ValueError(f"{volume.path}: a DICOM SEG refers to single images or to one file of many, got {len(files)}")
    for image in images:
        for name in _PATIENT_AND_STUDY:
            if name not in image:
                setattr(image, name, "")
        if image.get("SliceThickness") is None and "SharedFunctionalGroupsSequence" not in image:
            image.SliceThickness = round(volume.spacing[2], 6)
    order = np.argsort([number for _, number in places]) if len(files) == 1 else np.arange(len(places))
    return images, slices[order]


def _described(highdicom: Any, number: int, segment: Segment, algorithm: str, version: str) -> Any:
    def code(given: Any) -> Any:
        return highdicom.sr.CodedConcept(given.value, given.scheme, given.meaning)

    family = highdicom.sr.CodedConcept("123109", "DCM", "Artificial Intelligence")
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name[:64],
        segmented_property_category=code(segment.category),
        segmented_property_type=code(segment.type),
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(algorithm, family, version),
        display_color=highdicom.color.CIELabColor.from_rgb(*segment.colour),
    )
