# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""FIVES as published, and a flat part of it."""

from __future__ import annotations

import pytest
from mininet.readers.fives import fives


def test_official_sections(tmp_path, save, image, mask):
    for part, names in (("train", ["1_A", "2_D"]), ("test", ["1_A", "3_G", "4_N"])):
        for name in names:
            save(tmp_path / part / "Original" / f"{name}.png", image)
            save(tmp_path / part / "Ground truth" / f"{name}.png", mask)
    assert [case["case"] for case in fives(tmp_path, "training")] == ["1_A", "2_D"]
    assert [case["case"] for case in fives(tmp_path, "test")] == ["1_A", "3_G", "4_N"]
    assert all("/test/" in case["image"] for case in fives(tmp_path, "test"))


def test_flat_part(tmp_path, save, image, mask):
    for name in ("10_A", "2_A"):
        save(tmp_path / "images" / f"{name}.jpg", image)
        save(tmp_path / "masks" / f"{name}.png", mask)
    assert {case["case"] for case in fives(tmp_path)} == {"10_A", "2_A"}
    with pytest.raises(FileNotFoundError, match="expected images/ and masks/, or train/ and test/"):
        fives(tmp_path, "test")
