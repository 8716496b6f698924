# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The registry of readers."""

from __future__ import annotations

from litemed.datasets import READERS
from monai.bundle import ConfigParser


def test_names():
    assert sorted(READERS) == ["chasedb1", "clinical_eyes", "drive", "isic", "monuseg", "paired", "stare", "ubiris"]


def test_every_reader_can_skip_validation(tmp_path, save, image, mask):
    save(tmp_path / "images" / "a.png", image)
    save(tmp_path / "masks" / "a.png", mask[1:])
    config = {"cases": {"_target_": "litemed.datasets.paired", "root": str(tmp_path), "validate": False}}
    assert ConfigParser(config).get_parsed_content("cases") == READERS["paired"](tmp_path, validate=False)
