# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The command line."""

from __future__ import annotations

import json
from pathlib import Path

import fire
import numpy as np
import pytest
import swiftmedsam.__main__ as command
from PIL import Image


@pytest.mark.parametrize("boxes", ["10,5,39,24; 50,35,79,54", "[[10,5,39,24],[50,35,79,54]]"])
def test_a_picture_with_boxes(
    tmp_path: Path, bright: type, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], boxes: str
) -> None:
    asked = []
    monkeypatch.setattr(command, "load_network", lambda path, variant: asked.append((path, variant)) or bright("lite"))
    picture = np.full((60, 90), 20, np.uint8)
    picture[5:25, 10:40] = picture[35:55, 50:80] = 220
    Image.fromarray(picture).save(tmp_path / "case.png")
    arguments = [str(tmp_path / "case.png"), "--boxes", boxes, "--output_dir", str(tmp_path / "out")]
    fire.Fire(command.main, [*arguments, "--pixel_spacing", "0.5"])
    report = json.loads(capsys.readouterr().out)
    assert [entry["predicted_iou"] for entry in report["objects"]] == [0.75, 0.75]
    assert report["objects"][0]["area_mm2"] == pytest.approx(600 * 0.25, rel=0.05)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "case_labels.png",
        "case_objects.json",
        "case_overlay.png",
    ]
    assert asked[0][0].parts[-2:] == ("models", "model.pt")
    assert asked[0][1] is None
