# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Field of view and normalisation within it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from litemed.notices import Notice
from mininet.transforms import FieldOfViewd, NormalizeInRegiond, RandUnevenLightd
from monai.data import MetaTensor


def _disc(size: int = 101, radius: int = 40) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] - size // 2
    return rows**2 + columns**2 <= radius**2


def _fundus() -> np.ndarray:
    """A lit disc with a black hole in it (a very dark macula), a dark surround and a stray reflex outside."""
    image = np.full((3, 101, 101), 4.0, dtype=np.float32)
    image[:, _disc()] = np.array([180.0, 90.0, 40.0])[:, None]
    image[:, 48:53, 48:53] = 0
    image[:, 2:6, 2:6] = 120
    return image


def test_region_of_the_data_set_is_kept() -> None:
    region = torch.zeros(1, 101, 101)
    items = FieldOfViewd("image")({"image": torch.from_numpy(_fundus()), "region": region})
    assert items["region"] is region
    assert items["fov"].sum() > 4900


def test_region_defaults_to_the_field_of_view() -> None:
    items = FieldOfViewd("image", kind="whole")({"image": torch.zeros(3, 4, 6)})
    assert items["fov"].shape == items["region"].shape == (1, 4, 6)
    assert items["region"].min() == 1


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="got 'disc'"):
        FieldOfViewd("image", kind="disc")


def test_normalisation_ignores_the_surround() -> None:
    # inside: values 1 and 3, mean 2, deviation 1; outside: anything
    image = torch.tensor([[[1.0, 3.0, 900.0], [3.0, 1.0, -7.0]]])
    fov = torch.tensor([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]])
    result = NormalizeInRegiond("image")({"image": image, "fov": fov})["image"]
    assert result.tolist() == [[[-1.0, 1.0, 0.0], [1.0, -1.0, 0.0]]]


def test_normalisation_of_a_flat_channel_is_zero() -> None:
    result = NormalizeInRegiond("image")({"image": torch.full((3, 4, 4), 7.0), "fov": torch.ones(1, 4, 4)})["image"]
    assert not result.any()


def test_uneven_light_is_one_polynomial_of_second_degree() -> None:
    image = torch.zeros(3, 9, 11)
    transform = RandUnevenLightd("image", prob=1.0).set_random_state(seed=0)
    light = transform({"image": image})["image"].numpy()
    assert np.ptp(light) > 0.1
    np.testing.assert_array_equal(light[0], light[1])
    # third differences of a polynomial of second degree vanish
    np.testing.assert_allclose(np.diff(light[0], 3, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.diff(light[0], 3, axis=1), 0, atol=1e-5)
    unchanged = RandUnevenLightd("image", prob=0.0)({"image": image})["image"]
    assert torch.equal(torch.as_tensor(unchanged), image)


def test_colours_of_no_fundus_are_told() -> None:
    fundus, skin, grey = ((180, 90, 40), (210, 170, 150), (120, 120, 120))

    def loaded(colour: tuple[int, int, int], kind: str = "fundus") -> None:
        picture = torch.tensor(colour, dtype=torch.float32)[:, None, None].expand(3, 40, 30)
        FieldOfViewd("image", kind)({"image": MetaTensor(picture, meta={"filename_or_obj": "folder/eye.png"})})

    with pytest.warns(Notice, match=r"^eye\.png hasn't the colours of a fundus photograph"):
        loaded(skin)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded(fundus)
        loaded(grey)
        loaded(skin, kind="whole")
