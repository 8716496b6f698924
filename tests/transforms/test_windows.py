# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scanner values to 0 to 255."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from litemed.transforms.windows import ScaleModalityd, ct_range, intensity_range, percentile_range
from monai.data import MetaTensor


def test_soft_tissue_runs_from_minus_160_to_240() -> None:
    scale = ct_range()
    np.testing.assert_allclose(scale.apply(np.array([-1000, -160, 40, 240, 3000])), [0, 0, 127.5, 255, 255])


def test_takes_a_window_of_ones_own() -> None:
    assert (ct_range((50, 100)).low, ct_range((50, 100)).high) == (0, 100)
    assert ct_range("lung").low == -1350


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("liver", "'liver'"),
        ((40, 0), r"\(40, 0\)"),
        ((40, -3), "-3"),
        (40, "got 40"),
        ((40,), "got .40,."),
        (("a", "b"), "such as .40,400"),
        ((40, np.inf), "inf"),
    ],
)
def test_refuses_other_windows(window: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ct_range(window)


def test_percentiles_leave_out_the_empty_surround() -> None:
    values = np.concatenate([np.zeros(5000), np.arange(1, 1002)])  # 1 to 1001: percentiles fall on 6 and 996
    scale = percentile_range([values.reshape(1, -1)])
    assert (scale.low, scale.high) == pytest.approx((6, 996))
    assert scale.apply(np.array([0.0, 6, 501, 996, 2000])).tolist() == pytest.approx([0, 0, 127.5, 255, 255])


def test_percentiles_of_many_slices_stay_in_memory_and_near() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(500, 100, (600, 600)).astype(np.float32) for _ in range(16)]
    scale = percentile_range(parts)
    assert scale.low == pytest.approx(np.percentile(parts, 0.5), abs=1)
    assert scale.high == pytest.approx(np.percentile(parts, 99.5), abs=1)


@pytest.mark.parametrize(
    ("array", "modality", "name"),
    [
        (np.full((4, 4), 90, np.uint8), None, "8 bit"),
        (np.array([[-1024, 40]], np.int16), None, "CT window soft_tissue"),
        (np.array([[0, 40]], np.int16), None, "percentiles"),
        (np.array([[0, 40]], np.int16), "ct", "CT window soft_tissue"),
        (np.array([[-1024, 40]], np.int16), "MR", "percentiles"),
        (np.zeros((3, 3), np.int16), "PET", "percentiles"),
    ],
)
def test_judges_by_modality_then_by_values(array: np.ndarray, modality: str | None, name: str) -> None:
    scale = intensity_range([array], modality)
    assert scale.name.startswith(name)
    assert np.isfinite(scale.apply(array)).all()


def test_transform_leaves_pictures_and_8_bit_volumes_and_scales_others() -> None:
    values = torch.tensor([0.0, 10.0, 255.0]).view(1, 1, 3, 1)
    data = {
        "picture": torch.tensor([[[0.0, 40000.0]]]),
        "byte": MetaTensor(values, meta={"stored_dtype": "uint8"}),
        "untold": values,
        "short": MetaTensor(values, meta={"stored_dtype": "int16"}),
        "scan": torch.tensor([[[[-1000.0], [40.0]]]]),
    }
    result = ScaleModalityd(tuple(data))(data)
    assert all(result[key] is data[key] for key in ("picture", "byte", "untold"))
    assert result["scan"].tolist() == [[[[0.0], [127.5]]]]
    assert result["short"].meta["intensity"] == "percentiles 0.5 to 99.5"
    assert ScaleModalityd("byte", modality="CT")(data)["byte"].meta["intensity"] == "CT window soft_tissue"
