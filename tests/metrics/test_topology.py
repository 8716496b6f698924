# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of anatomy: violation rates by hand, Betti numbers of known shapes and against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from litemed.metrics.anatomy import Anatomy
from litemed.metrics.handler import ScoreHandler
from litemed.metrics.topology import TopologyScores, betti_numbers, topology_scores
from litemed.metrics.topology_metric import TopologyMetric
from litemed.metrics.violations import ViolationMetric, broken_pixels
from scipy import ndimage
from skimage.measure import euler_number

EYE = Anatomy(
    contains=[("sclera", "iris"), ("iris", "pupil")],
    exclusive=[("sclera", "pupil")],
    names=("background", "sclera", "iris", "pupil", "caruncle"),
    occluders=["background"],
)


def one_hot(labels: list, channels: int = 5) -> torch.Tensor:
    """A label map (spatial...) as (channels, spatial...)."""
    return torch.nn.functional.one_hot(torch.tensor(labels), channels).movedim(-1, 0)


GOOD = one_hot([[0, 1, 2, 3, 2, 1, 0, 0]])
# pupil at 2 touches sclera at 1; iris at 5 touches the caruncle at 6
BAD = one_hot([[0, 1, 3, 2, 2, 2, 4, 0]])


class TestViolations:
    def test_pixels_by_hand(self) -> None:
        assert not broken_pixels(GOOD, EYE).any()
        expected = np.zeros((3, 1, 8), dtype=bool)
        expected[0, 0, [5, 6]] = True
        expected[1, 0, [1, 2]] = True
        expected[2, 0, [1, 2]] = True
        assert np.array_equal(broken_pixels(BAD, EYE), expected)
        assert np.array_equal(broken_pixels(BAD.bool().numpy()[..., None], EYE), expected[..., None])

    def test_nested_pixels_by_hand(self) -> None:
        disc = np.array([[0, 1, 1, 1, 0]])
        cup = np.array([[0, 0, 1, 1, 1]])
        broken = broken_pixels(np.stack([disc, cup]), Anatomy([(0, 1)], mode="nested"))
        assert broken.tolist() == [[[False, False, False, False, True]]]

    def test_rates_over_cases(self) -> None:
        metric = ViolationMetric(EYE)
        metric(torch.stack([GOOD, BAD]), torch.stack([GOOD, GOOD]))
        metric([GOOD, GOOD], [GOOD, GOOD])
        assert {name: value.item() for name, value in metric.aggregate().items()} == {
            "violated_pixels": 4 / 8 / 4,
            "violated_cases": 1 / 4,
        }

    def test_rates_per_relation(self) -> None:
        metric = ViolationMetric(EYE, "violated_pixels", per_relation=True, reduction="mean_batch")
        metric(torch.stack([GOOD, BAD]), torch.stack([GOOD, GOOD]))
        assert metric.aggregate().tolist() == [1 / 8, 1 / 8, 1 / 8]

    def test_inside_a_region(self) -> None:
        region = torch.tensor([[[0, 0, 1, 1, 0, 0, 0, 0]]])
        metric = ViolationMetric(EYE, "violated_pixels")
        metric([BAD], [GOOD], region=[region])
        assert metric.aggregate().item() == 1 / 2

    def test_bad_input(self) -> None:
        with pytest.raises(ValueError, match=r"0 and 1 only, got the value 0\.5"):
            broken_pixels(torch.full((5, 2, 2), 0.5), EYE)
        with pytest.raises(ValueError, match="expected 5 channels"):
            broken_pixels(torch.zeros(4, 2, 2), EYE)
        with pytest.raises(ValueError, match="violated_images"):
            ViolationMetric(EYE, "violated_images")


def ring(size: int = 7) -> np.ndarray:
    """A square ring one pixel wide."""
    mask = np.zeros((size, size), dtype=bool)
    mask[1:-1, 1:-1] = True
    mask[2:-2, 2:-2] = False
    return mask


def tube(cells: int) -> np.ndarray:
    """A slab with ``cells`` holes through it."""
    mask = np.ones((3, 5, 2 * cells + 1), dtype=bool)
    mask[:, 2, 1::2] = False
    return mask


def hollow() -> np.ndarray:
    """A box with two cavities."""
    mask = np.ones((5, 5, 8), dtype=bool)
    mask[2, 2, 2] = mask[2, 2, 5] = False
    return mask


def linked_rings() -> np.ndarray:
    """Two rings in perpendicular planes, each through the other's hole, that do not touch."""
    first, second = np.zeros((2, 11, 11, 15), dtype=bool)
    first[5, 1:10, 1:10] = True
    first[5, 3:8, 3:8] = False
    second[1:10, 5, 5:14] = True
    second[3:8, 5, 7:12] = False
    return first | second


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros((4, 5)), (0, 0)),
        (np.ones((4, 5)), (1, 0)),
        (np.eye(4), (1, 0)),  # corners connect
        (ring(), (1, 1)),
        (ring()[1:-1, 1:-1], (1, 1)),  # the ring fills the image
        (np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]), (1, 1)),  # closed by corners alone
        (np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]]), (1, 2)),  # holes don't connect so
        (np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]]), (4, 0)),
        (np.array([[1, 1, 1], [1, 0, 1]]), (1, 0)),  # open at the image's edge
        (np.zeros((3, 4, 5)), (0, 0, 0)),
        (np.ones((1, 1, 1)), (1, 0, 0)),
        (np.ones((3, 4, 5)), (1, 0, 0)),
        (tube(1), (1, 1, 0)),
        (tube(3), (1, 3, 0)),
        (hollow(), (1, 0, 2)),
        (np.concatenate([tube(2), np.zeros((3, 5, 2)), np.ones((3, 5, 1))], axis=2), (2, 2, 0)),
        (linked_rings(), (2, 2, 0)),
    ],
)
def test_betti_numbers_of_known_shapes(mask: np.ndarray, expected: tuple[int, ...]) -> None:
    assert betti_numbers(mask) == expected
    assert betti_numbers(torch.from_numpy(np.pad(mask, 2).astype(np.uint8))) == expected
    assert betti_numbers(np.swapaxes(mask, 0, 1)[::-1]) == expected


@pytest.mark.parametrize("density", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("shape", [(40, 50), (14, 15, 16)])
def test_betti_numbers_of_noise(shape: tuple[int, ...], density: float) -> None:
    """Euler's alternating sum is scikit-image's, and holes or cavities are what filling them changes."""
    mask = np.random.default_rng(0).random(shape) < density
    betti = betti_numbers(mask)
    assert sum((-1) ** k * number for k, number in enumerate(betti)) == euler_number(mask, connectivity=mask.ndim)
    assert betti[0] == ndimage.label(mask, np.ones((3,) * mask.ndim))[1]
    assert betti[-1] == ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)[1]


def test_topology_scores_by_hand() -> None:
    pred = np.zeros((9, 9), dtype=bool)
    pred[1, 1] = pred[1, 7] = True
    scores = topology_scores(pred, np.pad(ring(), 1))
    assert (scores.components, scores.component_error, scores.betti_error) == (2, 1, 2)
    assert topology_scores(np.pad(ring(), 1), pred).betti_error == 2
    assert topology_scores(pred, pred).betti_error == 0
    left = np.zeros((9, 9))
    left[:, :4] = 1  # one speck of the two, and a ring cut open
    assert topology_scores(pred, np.pad(ring(), 1), region=left) == TopologyScores((1, 0), (1, 0))


def test_topology_metric_over_cases_and_classes() -> None:
    truth = torch.zeros(2, 3, 7, 7)
    truth[:, 1] = torch.from_numpy(ring())
    pred = truth.clone()
    pred[0, 1, 1, 3] = 0  # the ring opens: one hole less
    pred[1, 2, 3, 3] = 1  # a spurious component
    metric = TopologyMetric(TopologyMetric.available, reduction="mean_batch")
    metric(pred, truth)
    result = {name: value.tolist() for name, value in metric.aggregate().items()}
    assert result == {"components": [1, 0.5], "component_error": [0, 0.5], "betti_error": [0.5, 0.5]}


@pytest.mark.parametrize("metric", [TopologyMetric("betti_error"), ViolationMetric(EYE, "violated_cases")])
def test_plugs_into_an_evaluator(metric: TopologyMetric | ViolationMetric) -> None:
    """The first case is right, the second breaks the anatomy."""
    evaluator = Engine(lambda engine, batch: batch)
    ScoreHandler(metric).attach(evaluator, "val")
    evaluator.state.metric_details = {}
    evaluator.run([([GOOD, BAD], [GOOD, GOOD])])
    details = evaluator.state.metric_details["val"]
    assert evaluator.state.metrics["val"] == pytest.approx(details.mean().item())
    assert details.shape == ((2, 4) if isinstance(metric, TopologyMetric) else (2, 1))
    assert details[0].sum() == 0
    # sclera, iris, pupil and caruncle: 2-1, 2-1, 1-1 and 0-1 components
    assert details[1].tolist() == ([1, 1, 0, 1] if isinstance(metric, TopologyMetric) else [1])


def test_bad_masks() -> None:
    with pytest.raises(ValueError, match="got the value 2"):
        betti_numbers(np.array([[0, 2]]))
    with pytest.raises(ValueError, match=r"2D or 3D mask, got shape \(3,\)"):
        betti_numbers(np.ones(3))
    with pytest.raises(ValueError, match="same shape"):
        topology_scores(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="holes"):
        TopologyMetric("holes")
