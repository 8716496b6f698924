# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The card's picture of simulated devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from example import run
from PIL import Image


def test_each_row_shows_a_frame_its_crop_and_the_mask(tmp_path: Path) -> None:
    run(str(tmp_path / "example.png"), videos=1, rows=1, samples_dir=str(tmp_path / "samples"))
    picture = np.asarray(Image.open(tmp_path / "example.png").convert("RGB")).astype(int)
    assert picture.shape == (300, 1016, 3)
    frame, crop, mask = picture[:, :400], picture[:, 408:708], picture[:, 716:]
    assert all(part.std() > 10 for part in (frame, crop, mask))
    assert (abs(crop - mask).max(axis=2) > 40).any()
