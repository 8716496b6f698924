# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The experiments on vessels: which sets are scored, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.notices import Notice
from mininet import MiniNet
from PIL import Image
from vessels import CONFIGS, EXPERIMENTS, NETWORKS, check_options, run, trained


def _written(root: Path, parts: dict[str, int]) -> None:
    for part, pictures in parts.items():
        for number in range(pictures):
            for folder, pixels in (("images", np.full((40, 60, 3), 160)), ("masks", 255 * np.eye(40, 60))):
                path = root / part / folder / f"{part}{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(path)


def test_sets_of_pictures_and_masks_are_scored_where_they_have_the_part(tmp_path: Path) -> None:
    _written(tmp_path / "sets" / "eyes", {"training": 2, "test": 1})
    _written(tmp_path / "sets" / "more", {"training": 2})
    folder = tmp_path / "runs" / "pooled"
    folder.mkdir(parents=True)
    torch.save(MiniNet().state_dict(), folder / "calibrated.pt")
    (folder / "network.json").write_text("{}")
    with pytest.warns(Notice, match="more has no test part"):
        run(str(tmp_path / "sets"), str(tmp_path / "runs"), ["pooled"])
    rows = json.loads((folder / "scores.json").read_text())["rows"]
    assert {(row["set"], row["pictures"]) for row in rows} == {("eyes", 1)}


def test_options_are_those_of_the_configurations(tmp_path: Path) -> None:
    for options in EXPERIMENTS.values():
        own = {name for name in options if name != "network"} | set(NETWORKS[options.get("network", "mininet")])
        check_options(CONFIGS, [*own, "cache_dir", "tracking"])
    with pytest.raises(ValueError, match="mininet has no option learning_rte, cache"):
        trained(CONFIGS, tmp_path, None, learning_rte=0.5, learning_rate=0.5, cache="there")
    with pytest.raises(ValueError, match=r"expected only to be one of 'pooled_warm', .*, got 'poled'"):
        run(str(tmp_path), str(tmp_path / "runs"), ["pooled", "poled"])
    assert not list(tmp_path.iterdir())
