# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The real nuclei sample: the whole picture is used, and no nucleus is in two parts."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from litemed import samples
from litemed.datasets.paired_folders import paired
from PIL import Image

DATA = Path(samples.__file__).parent / "data"
PARTS = {"training": (8, (128, 128), 64), "validation": (4, (112, 128), 32), "test": (4, (96, 128), 29)}


def pixels(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def labels(root: Path, part: str) -> set[int]:
    return {int(label) for case in paired(root, split=part) for label in np.unique(pixels(case["label"]))} - {0}


@pytest.fixture
def root(home) -> Path:
    return samples.nuclei(home)


def test_data_hold_125_nuclei():
    image, instances = pixels(DATA / "nuclei_image.png"), pixels(DATA / "nuclei_instances.png")
    assert image.shape == instances.shape == (512, 512)
    assert len(np.unique(instances)) == 125 + 1
    assert "CC0" in (DATA / "ORIGIN.txt").read_text()


@pytest.mark.parametrize("part", PARTS)
def test_parts(root, part):
    count, size, nuclei = PARTS[part]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cases = paired(root, split=part)
    assert len(cases) == count
    assert len(labels(root, part)) == nuclei
    for case in cases:
        assert pixels(case["image"]).shape == pixels(case["label"]).shape == size
        assert pixels(case["image"]).dtype == np.uint8
        assert pixels(case["label"]).dtype == np.uint16


def test_no_nucleus_is_in_two_parts_and_none_is_lost(root):
    parts = [labels(root, part) for part in PARTS]
    assert sum(len(part) for part in parts) == len(set().union(*parts)) == 125


def test_tiles_are_the_pixels_of_the_picture(root):
    for name, kind in (("nuclei_image.png", "image"), ("nuclei_instances.png", "label")):
        training = [pixels(case[kind]) for case in paired(root, split="training")]
        assert np.array_equal(np.block([training[:4], training[4:]]), pixels(DATA / name)[:256])
        test = [pixels(case[kind]) for case in paired(root, split="test")]
        assert np.array_equal(np.hstack(test), pixels(DATA / name)[-96:])


def test_origin_goes_with_the_sample(root):
    assert (root / "ORIGIN.txt").read_text() == (DATA / "ORIGIN.txt").read_text()
