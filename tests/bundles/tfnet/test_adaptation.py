# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting the ring detector to one's own device."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tfnet import RingDetector
from tfnet.adaptation import _labelled, adapt, run
from tfnet.simulation.device import draw_device
from tfnet.simulation.video import TearFilmVideo


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Six frames of a small device with LabelMe files."""
    folder = tmp_path / "frames"
    folder.mkdir()
    device = replace(draw_device((9, 1)), size=(120, 160), extent=0.5, place=(0.5, 0.5), quality=None)
    video = TearFilmVideo(4, seconds=2.0, frame_rate=10.0, device=device)
    shown = [index for index, label in enumerate(video.labels) if label != 1][:6]
    for index in shown:
        Image.fromarray(video[index].image).save(folder / f"{index:03d}.png")
        boxes = [{"label": "ring", "points": [box[:2].tolist(), box[2:].tolist()]} for box in video.boxes(index)]
        content = {"shapes": boxes, "imageWidth": 160, "imageHeight": 120, "imagePath": f"{index:03d}.png"}
        (folder / f"{index:03d}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "start.pt"
    torch.save(RingDetector(0.125, in_channels=1).state_dict(), path)
    return path


def test_labelled_frames_are_learned_and_scored(frames: Path, weights: Path, tmp_path: Path) -> None:
    result = adapt(frames, tmp_path / "out", weights, max_epochs=12, learning_rate=2e-3)
    assert (result["frames"], result["labelled"], result["held_out"]) == (6, 6, 2)
    assert result["after"]["outside_iou"] != result["before"]["outside_iou"]
    assert json.loads((tmp_path / "out" / "adaptation.json").read_text()) == result
    state = torch.load(tmp_path / "out" / "model_detector.pt", weights_only=True)
    assert set(state) == set(RingDetector(0.125, in_channels=1).state_dict())
    sizes = {part: len(list((tmp_path / "out" / "data" / "images" / part).iterdir())) for part in ("train", "val")}
    assert sizes == {"train": 4, "val": 2}


def test_boxes_drawn_on_the_page_are_those_of_labelme(frames: Path, weights: Path, tmp_path: Path) -> None:
    by_labelme = {path.stem: _labelled(path) for path in frames.glob("*.json")}
    for path in frames.glob("*.json"):
        shapes = json.loads(path.read_text())["shapes"]
        objects = []
        for number, shape in enumerate(shapes):
            (left, top), (right, bottom) = shape["points"]
            box = {"kind": "box", "numbers": [left, top, right - 1, bottom - 1], "positive": True, "plane": "axial"}
            click = {"kind": "click", "numbers": [left, top], "positive": True, "plane": "axial", "index": 0}
            objects.append({"name": f"object {number}", "prompts": [{**box, "index": 0}, click]})
        content = {"version": 1, "image": f"{path.stem}.png", "options": {}, "objects": objects}
        path.with_name(f"{path.stem}_prompts.json").write_text(json.dumps(content))
        path.unlink()
    assert len(by_labelme) == 6
    for stem, boxes in by_labelme.items():
        np.testing.assert_allclose(_labelled(frames / f"{stem}_prompts.json"), boxes)
    result = adapt(frames, tmp_path / "out", weights, max_epochs=1)
    assert result["labelled"] == 6


def test_what_is_no_better_is_said(
    frames: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(frames), str(tmp_path / "out"), str(weights), max_epochs=1, learning_rate=0.0)
    said = capsys.readouterr().out
    assert "6 frames, 6 labelled, 2 held out" in said
    assert "It is no better on the frames held out: keep the weights that you have." in said


def test_wrong_labels_are_a_sentence(frames: Path, weights: Path, tmp_path: Path) -> None:
    labels = sorted(frames.glob("*.json"))
    content = json.loads(labels[0].read_text())
    labels[0].write_text(json.dumps({**content, "shapes": content["shapes"][:2]}))
    with pytest.raises(ValueError, match="has 2 boxes, expected 3: inside, middle, outside"):
        adapt(frames, tmp_path / "out", weights)
    labels[0].unlink()
    with pytest.raises(ValueError, match="1 of 6 frames have no label file"):
        adapt(frames, tmp_path / "out", weights)
    for label in labels[1:]:
        label.unlink()
    Image.fromarray(np.zeros((120, 160), np.uint8)).save(frames / "dark.png")
    with pytest.raises(ValueError, match="at least 4 frames whose rings the detector is sure of"):
        adapt(frames, tmp_path / "out", weights)
    assert not (tmp_path / "out").exists()
