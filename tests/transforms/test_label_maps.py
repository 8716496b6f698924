# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps from mask pictures and LabelMe files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.transforms.label_maps import LoadLabelMapd
from monai.data import MetaTensor, list_data_collate
from PIL import Image


@pytest.fixture
def labels() -> np.ndarray:
    values = np.zeros((6, 8), np.uint8)
    values[1:5, 2:7], values[2:4, 3:6], values[2, 4], values[1, 2] = 1, 2, 3, 4
    return values


def corners(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


@pytest.fixture
def outlines(tmp_path) -> Path:
    """The same label map as polygons."""
    regions = {
        "pupil": corners(4, 2, 5, 3),
        "caruncle": corners(2, 1, 3, 2),
        "iris": corners(3, 2, 6, 4),
        "sclera": corners(2, 1, 7, 5),
    }
    shapes = [{"label": name, "points": points, "shape_type": "polygon"} for name, points in regions.items()]
    path = tmp_path / "eye.json"
    path.write_text(json.dumps({"shapes": shapes, "imageWidth": 8, "imageHeight": 6}))
    return path


def load(path: str | Path, **arguments: object) -> torch.Tensor:
    return LoadLabelMapd("label", **arguments)({"label": path})["label"]


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_picture(tmp_path, labels, mode):
    if mode == "P":
        picture = Image.fromarray(labels)
        picture.putpalette([0, 0, 0, 9, 9, 200, 0, 255, 0, 200, 0, 0, 250, 250, 0])
    else:
        picture = Image.fromarray(labels).convert(mode)
    picture.save(tmp_path / "eye.png")
    loaded = load(tmp_path / "eye.png")
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.as_tensor(), torch.from_numpy(labels.T.copy()).float()[None])


def test_outlines(outlines, labels):
    loaded = load(outlines)
    assert isinstance(loaded, MetaTensor)
    assert loaded.meta["filename_or_obj"] == str(outlines)
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.as_tensor(), torch.from_numpy(labels.T.copy()).float()[None])


def test_both_in_one_batch(tmp_path, outlines, labels):
    Image.fromarray(labels).save(tmp_path / "eye.png")
    transform = LoadLabelMapd("label")
    batch = list_data_collate([transform({"label": str(path)}) for path in (outlines, tmp_path / "eye.png")])
    assert batch["label"].shape == (2, 1, 8, 6)
    assert torch.equal(batch["label"][0], batch["label"][1])


def test_fewer_regions_than_there_could_be(tmp_path, labels):
    Image.fromarray(np.minimum(labels, 3)).save(tmp_path / "eye.png")
    assert load(tmp_path / "eye.png").max() == 3


def test_other_values_are_named(tmp_path, labels):
    Image.fromarray(labels * 60).save(tmp_path / "eye.png")
    with pytest.raises(ValueError, match=r"eye\.png has the values 60, 120, 180, 240, expected 0 and \[1, 2, 3, 4\]"):
        load(tmp_path / "eye.png")
    assert load(tmp_path / "eye.png", labels={"a": 60, "b": 120, "c": 180, "d": 240}).max() == 240


def test_colour_mask_is_named(tmp_path):
    Image.fromarray(np.full((6, 8, 3), (0, 1, 2), np.uint8)).save(tmp_path / "eye.png")
    with pytest.raises(ValueError, match=r"eye\.png.*colour channels differ"):
        load(tmp_path / "eye.png")


@pytest.mark.parametrize("name", ["eye.png", "eye.json"])
def test_broken_files_are_named(tmp_path, name):
    (tmp_path / name).write_text("nothing")
    with pytest.raises(ValueError, match=name):
        load(tmp_path / name)


def test_missing_keys(outlines):
    assert LoadLabelMapd(["label", "other"], allow_missing_keys=True)({"label": outlines})["label"].max() == 4
    with pytest.raises(KeyError):
        LoadLabelMapd("other")({"label": outlines})
