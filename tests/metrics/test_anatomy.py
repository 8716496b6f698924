# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Anatomy: violations by hand in each mode, relations in words, contradictions."""

from __future__ import annotations

import pytest
import torch
from litemed.metrics.anatomy import Anatomy

EYE_NAMES = ("background", "sclera", "iris", "pupil", "caruncle")
EYE = {
    "contains": [("sclera", "iris"), ("iris", "pupil")],
    "exclusive": [("sclera", "pupil")],
    "names": EYE_NAMES,
    "occluders": ["background"],
}


def one_hot(labels: list, channels: int) -> torch.Tensor:
    """A label map (spatial...) as (1, C, spatial...)."""
    return torch.nn.functional.one_hot(torch.tensor(labels), channels).movedim(-1, 0)[None].double()


def totals(anatomy: Anatomy, maps: torch.Tensor) -> list[float]:
    """The summed violation of each relation."""
    return [sum(v.amount.sum().item() for v in violations) for violations in anatomy.violations(maps)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # an eye cut across: lid, caruncle, sclera, iris, pupil
        ([0, 4, 1, 2, 3, 3, 2, 1, 0], [0, 0, 0]),
        # the lid hides sclera or iris on one side
        ([0, 2, 3, 2, 1, 0], [0, 0, 0]),
        ([0, 3, 2, 1, 0], [0, 0, 0]),
        # the pupil touches the sclera on one side
        ([0, 1, 3, 2, 1, 0], [0, 1, 1]),
        # no iris at all: on both sides
        ([0, 1, 3, 1, 0], [0, 2, 2]),
        # iris at the caruncle: the sclera fails to surround it
        ([0, 4, 2, 3, 2, 1], [1, 0, 0]),
        # pupil at the caruncle: outside the iris, and so outside the sclera
        ([0, 4, 3, 2, 1], [1, 1, 0]),
    ],
)
def test_disjoint_by_hand(row: list[int], expected: list[float]) -> None:
    anatomy = Anatomy(**EYE)
    maps = one_hot([row], 5)
    assert totals(anatomy, maps) == expected
    assert totals(anatomy, maps.mT) == expected
    assert totals(anatomy, maps.mT.flip(-2)) == expected
    assert totals(anatomy, maps[..., None]) == expected


def test_disjoint_probabilities_by_hand() -> None:
    """p: iris .2, pupil .7; q: sclera .6, iris .3, background .1. Filled iris at q is .3, its occluder .1."""
    pixels = [[0.1, 0.0, 0.2, 0.7, 0.0], [0.1, 0.6, 0.3, 0.0, 0.0]]
    maps = torch.tensor(pixels, dtype=torch.float64).T.reshape(1, 5, 1, 2)
    sclera_contains_iris, iris_contains_pupil, sclera_excludes_pupil = totals(Anatomy(**EYE), maps)
    assert sclera_contains_iris == pytest.approx(0)
    assert iris_contains_pupil == pytest.approx(0.7 - 0.3 - 0.1)
    assert sclera_excludes_pupil == pytest.approx(0.7 + 0.6 - 1)


def test_background_is_outside_unless_it_occludes() -> None:
    strict = Anatomy(contains=[(1, 2)])
    assert totals(strict, one_hot([[0, 1, 2, 1, 0]], 3)) == [0]
    assert totals(strict, one_hot([[0, 1, 2, 0, 0]], 3)) == [1]


def test_nested_by_hand() -> None:
    """Channels are filled sclera, iris and pupil; values of one pixel each."""
    anatomy = Anatomy([(0, 1), (1, 2)], [(0, 2)], mode="nested")
    pixels = torch.tensor(
        [
            [1.0, 1.0, 1.0],  # in the pupil: all hold
            [1.0, 0.0, 0.0],  # in the sclera
            [0.0, 1.0, 1.0],  # iris without sclera: 1
            [1.0, 0.0, 1.0],  # pupil in the visible sclera: outside the iris 1, excluded 1
            [0.9, 0.2, 0.6],  # outside the iris .4, visible sclera .7 and pupil .6: excluded .3
        ],
        dtype=torch.float64,
    )
    assert totals(anatomy, pixels.T.reshape(1, 3, 1, 5)) == pytest.approx([1, 1 + 0.4, 1 + 0.3])
    assert totals(anatomy, pixels.T.reshape(1, 3, 1, 1, 5)) == pytest.approx([1, 1 + 0.4, 1 + 0.3])


def test_printed_form_is_broken_by_the_truth() -> None:
    """The paper's equations read literally: each iris and pupil pixel of a right label map is a violation."""
    assert totals(Anatomy(**{**EYE, "mode": "printed"}), one_hot([[0, 1, 2, 3, 3, 2, 1]], 5)) == [2, 2, 0]
    probabilities = torch.tensor([0.1, 0.2, 0.6, 0.1, 0.0], dtype=torch.float64).reshape(1, 5, 1, 1)
    assert totals(Anatomy(**{**EYE, "mode": "printed"}), probabilities) == pytest.approx([0.4, 0, 0])
    overlapping = torch.tensor([0.0, 0.9, 0.0, 0.8, 0.0], dtype=torch.float64).reshape(1, 5, 1, 1)
    assert totals(Anatomy(**{**EYE, "mode": "printed"}), overlapping) == pytest.approx([0, 0.8, 0.7])


@pytest.mark.parametrize("shape", [(6, 7), (4, 5, 3)])
def test_a_violation_lies_between_its_two_pixels(shape: tuple[int, ...]) -> None:
    labels = torch.randint(3, shape, generator=torch.Generator().manual_seed(0))
    maps = one_hot(labels.tolist(), 3)
    (violations,) = Anatomy(exclusive=[(1, 2)]).violations(maps)
    assert len(violations) == 2 * len(shape)
    for violation in violations:
        met = maps[:, 1][violation.first].bool() & maps[:, 2][violation.second].bool()
        torch.testing.assert_close(violation.amount, met.double())


def test_order_of_an_exclusive_pair_and_symmetry() -> None:
    generator = torch.Generator().manual_seed(1)
    maps = torch.rand(2, 3, 6, 5, generator=generator, dtype=torch.float64)
    forward, backward = Anatomy(exclusive=[(1, 2)]), Anatomy(exclusive=[(2, 1)])
    assert totals(forward, maps) == pytest.approx(totals(backward, maps))
    assert totals(forward, maps.flip(-1).mT) == pytest.approx(totals(forward, maps))


def test_relations_in_words() -> None:
    assert Anatomy(**EYE).relations == ("sclera contains iris", "iris contains pupil", "sclera excludes pupil")
    assert Anatomy([(1, 2)], [(2, 3)]).relations == ("1 contains 2", "2 excludes 3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "open"}, "open"),
        ({"contains": [("disc", "cup")]}, "unknown region 'disc'"),
        ({"contains": [("disc", "lens")], "names": ("background", "disc", "cup")}, "unknown region 'lens'"),
        ({"occluders": ["lid"], "names": ("background", "disc")}, "unknown region 'lid'"),
        ({"contains": [(1, -1)]}, ">= 0, got -1"),
        ({"contains": [(1, 3)], "names": ("background", "disc", "cup")}, "3"),
        ({"contains": [(1, 1)]}, "1 contains itself"),
        ({"contains": [(1, 2), (2, 3), (3, 1)]}, "contains itself"),
        ({"contains": [(1, 2)], "exclusive": [(2, 1)]}, "2 and 1 cannot exclude each other"),
        ({"exclusive": [(2, 2)]}, "cannot exclude"),
        (
            {"contains": [("disc", "cup")], "names": ("background", "disc", "cup"), "occluders": ["background"]},
            "'disc contains cup' cannot be broken",
        ),
    ],
)
def test_bad_declaration(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Anatomy(**arguments)


def test_wrong_number_of_channels() -> None:
    with pytest.raises(ValueError, match=r"expected 5 channels .*, got 4"):
        totals(Anatomy(**EYE), torch.zeros(1, 4, 3, 3))
    with pytest.raises(ValueError, match="region 3 is declared, but there are only 3 channels"):
        totals(Anatomy([(1, 3)]), torch.zeros(1, 3, 3, 3))
