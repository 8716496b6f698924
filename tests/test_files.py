# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Whole files or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from litemed.files import replacing


def test_replaces_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table.csv"
    with replacing(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.suffix == ".csv"
    assert target.read_text() == "whole"


def test_an_error_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write_half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("ha")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]
