# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Loading archives of the challenge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.transforms import LoadChallenged


def _archive(path: Path, shape: tuple[int, ...], **arrays: np.ndarray) -> dict[str, object]:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_challenge(path, images, spacing=(0.5, 0.75, 3.0), **arrays)
    return {"image": str(path)}


def test_a_slice_is_loaded_as_its_volume_has_it(tmp_path: Path) -> None:
    labels = np.zeros((3, 6, 8), np.uint8)
    labels[1, 2:4, 1:5], labels[1, 5, 6:8] = 7, 3
    case = _archive(tmp_path / "3D_CT_a.npz", labels.shape, labels=labels)
    whole, single = LoadChallenged()(case), LoadChallenged()({**case, "slice": 1})
    assert whole["image"].shape == (1, 8, 6, 3)
    assert single["image"].shape == (3, 8, 6)
    assert torch.equal(single["image"][0], whole["image"][0, :, :, 1])
    assert torch.equal(single["label"], whole["label"][..., 1])
    assert single["label"][0, 1, 2] == 2  # 7 comes after 3
    assert single["label"][0, 6, 5] == 1
    assert single["boxes"].tolist() == [[6, 4.5, 7, 5.5], [1, 2, 4, 3]]
    assert whole["boxes"][:, [2, 5]].tolist() == [[1, 1], [1, 1]]
    assert whole["spacing"].tolist() == [0.5, 0.75, 3.0]


def test_archives_without_labels_are_refused(tmp_path: Path) -> None:
    case = _archive(tmp_path / "2D_US_a.npz", (4, 5))
    with pytest.raises(ValueError, match=r"2D_US_a\.npz has no labels"):
        LoadChallenged()(case)
    np.savez(tmp_path / "2D_US_p.npz", imgs=np.array([{}], dtype=object), gts=np.ones(1))
    with pytest.raises(ValueError, match="pickled objects, which are never loaded"):
        LoadChallenged()({"image": str(tmp_path / "2D_US_p.npz")})
