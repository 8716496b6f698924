# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Surface scores: the tool behind each definition, geometry by hand, empty masks, input, and the cumulative metric."""

from __future__ import annotations

import math
import tracemalloc
from types import ModuleType

import numpy as np
import pytest
import torch
from litemed.metrics.surface import surface_scores
from litemed.metrics.surface_metric import SurfaceMetric
from monai.data import MetaTensor
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import gaussian_filter

Masks = tuple[np.ndarray, np.ndarray]


def smooth(shape: tuple[int, ...], seed: int, shift: int) -> Masks:
    """An irregular object, and the same object moved and roughened."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.standard_normal(shape), 4, mode="wrap")
    moved = np.roll(field, shift, axis=0) + 0.2 * field.std() * gaussian_filter(rng.standard_normal(shape), 1)
    return moved > 0, field > 0


def organ(shape: tuple[int, ...], shift: float = 2.0) -> Masks:
    """Two ellipsoids well inside the image."""
    axes = np.ogrid[tuple(slice(side) for side in shape)]
    inside = [
        sum(((x - side / 2 - move) / (side / 3.1)) ** 2 for x, side in zip(axes, shape, strict=True)) < 1
        for move in (shift, 0.0)
    ]
    return inside[0], inside[1]


def with_specks(masks: Masks) -> Masks:
    """The prediction gains a voxel in two corners of the image."""
    pred = masks[0].copy()
    pred.flat[[0, -1]] = True
    return pred, masks[1]


def noise(shape: tuple[int, ...], seed: int, share: float = 0.5) -> Masks:
    rng = np.random.default_rng(seed)
    return rng.random(shape) < share, rng.random(shape) < share


def boxes(shape: tuple[int, ...], first: tuple[slice, ...], second: tuple[slice, ...]) -> Masks:
    masks = np.zeros(shape, bool), np.zeros(shape, bool)
    masks[0][first] = True
    masks[1][second] = True
    return masks


CASES: dict[str, tuple[Masks, tuple[float, ...]]] = {
    "organ 2D": (organ((90, 70)), (1, 1)),
    "organ 2D, anisotropic": (organ((90, 70)), (0.4, 2.5)),
    "organ 3D": (organ((30, 26, 34)), (1, 1, 1)),
    "organ 3D, anisotropic": (organ((14, 60, 50), 1.5), (5, 0.8, 0.7)),
    "organ 3D, thin slices": (organ((60, 20, 30), 1.5), (0.3, 1.25, 3)),
    "far apart": (boxes((80, 80), np.s_[:6, :9], np.s_[70:, 66:]), (1.5, 0.5)),
    "specks 2D": (with_specks(organ((90, 70))), (1, 1)),
    "specks 3D": (with_specks(organ((30, 26, 34))), (2, 1, 1)),
    "irregular, at the border, 2D": (smooth((64, 96), 1, 5), (0.7, 0.7)),
    "irregular, at the border, 3D": (smooth((24, 30, 28), 2, 2), (3, 1, 1.2)),
    "whole image and a part": (boxes((20, 30), np.s_[:, :], np.s_[5:9, :]), (1, 2)),
    "whole volume twice": (boxes((6, 7, 8), np.s_[:, :, :], np.s_[:, :, :]), (1, 1, 1)),
    "single voxels 2D": (boxes((9, 9), np.s_[2, 3], np.s_[6, 8]), (1, 1)),
    "single voxels 3D": (boxes((5, 9, 9), np.s_[1, 2, 3], np.s_[4, 2, 8]), (2.5, 1, 0.3)),
    "the same single voxel": (boxes((5, 9, 9), np.s_[1, 2, 3], np.s_[1, 2, 3]), (1, 1, 1)),
    "single voxel in a corner": (boxes((5, 6), np.s_[0, 0], np.s_[4, 5]), (1, 1)),
    "one row": (boxes((1, 40), np.s_[0, 3:20], np.s_[0, 10:39]), (1, 1)),
    "one slice": (tuple(mask[..., None] for mask in organ((30, 40))), (1, 1, 1)),
    "noise 2D": (noise((50, 60), 3), (1, 1)),
    "noise 3D": (noise((14, 18, 16), 4), (1, 1, 1)),
    "noise 3D, anisotropic": (noise((14, 18, 16), 5), (2, 0.9, 0.5)),
    "sparse noise 3D": (noise((14, 18, 16), 6, 0.01), (1, 0.7, 0.7)),
}
OPTIONS = [(95.0, 1.0), (50.0, 0.0)]
each_case = pytest.mark.parametrize(("masks", "spacing"), CASES.values(), ids=CASES.keys())


@each_case
@pytest.mark.parametrize(("percentile", "tolerance"), OPTIONS)
def test_monai_definition_equals_monai(
    masks: Masks, spacing: tuple[float, ...], percentile: float, tolerance: float
) -> None:
    scores = surface_scores(*masks, spacing=spacing, percentile=percentile, tolerance=tolerance)
    pred, truth = (torch.from_numpy(mask)[None, None] for mask in masks)
    steps = [float(step) for step in spacing]
    hd = compute_hausdorff_distance(pred, truth, include_background=True, percentile=percentile, spacing=steps)
    assd = compute_average_surface_distance(pred, truth, include_background=True, symmetric=True, spacing=steps)
    nsd = compute_surface_dice(pred, truth, [tolerance], include_background=True, spacing=steps)
    directed = compute_average_surface_distance(pred, truth, include_background=True, spacing=steps)
    reverse = compute_average_surface_distance(truth, pred, include_background=True, spacing=steps)
    assert scores.definition == "monai"
    assert scores.hd95 == pytest.approx(hd.item(), rel=1e-6, abs=1e-6)
    assert scores.assd == pytest.approx(assd.item(), rel=1e-6, abs=1e-6)
    assert scores.nsd == pytest.approx(nsd.item(), abs=1e-6)
    assert scores.asd_pred == pytest.approx(directed.item(), rel=1e-6, abs=1e-6)
    assert scores.asd_truth == pytest.approx(reverse.item(), rel=1e-6, abs=1e-6)


@each_case
def test_medpy_definition_equals_medpy(masks: Masks, spacing: tuple[float, ...]) -> None:
    binary = pytest.importorskip("medpy.metric.binary")
    scores = surface_scores(*masks, spacing=spacing, definition="medpy")
    assert scores.definition == "medpy"
    assert scores.hd95 == pytest.approx(binary.hd95(*masks, spacing), rel=1e-9)
    assert scores.assd == pytest.approx(binary.assd(*masks, spacing), rel=1e-9)
    assert scores.asd_pred == pytest.approx(binary.asd(*masks, spacing), rel=1e-9)
    assert scores.nsd == surface_scores(*masks, spacing=spacing, definition="monai").nsd


@each_case
@pytest.mark.parametrize(("percentile", "tolerance"), OPTIONS)
def test_deepmind_definition_equals_deepmind(
    deepmind: ModuleType, masks: Masks, spacing: tuple[float, ...], percentile: float, tolerance: float
) -> None:
    options = {"percentile": percentile, "tolerance": tolerance}
    scores = surface_scores(*masks, spacing=spacing, definition="deepmind", **options)
    distances = deepmind.compute_surface_distances(masks[1], masks[0], spacing)
    asd_truth, asd_pred = deepmind.compute_average_surface_distance(distances)
    assert scores.definition == "deepmind"
    assert scores.hd95 == pytest.approx(deepmind.compute_robust_hausdorff(distances, percentile), rel=1e-9)
    assert scores.asd_truth == pytest.approx(asd_truth, rel=1e-9)
    assert scores.asd_pred == pytest.approx(asd_pred, rel=1e-9)
    assert scores.assd == pytest.approx((asd_truth + asd_pred) / 2, rel=1e-9)
    assert scores.nsd == pytest.approx(deepmind.compute_surface_dice_at_tolerance(distances, tolerance), rel=1e-9)


@each_case
def test_deepmind_nsd_equals_monai_subvoxels(masks: Masks, spacing: tuple[float, ...]) -> None:
    pred, truth = (torch.from_numpy(mask)[None, None] for mask in masks)
    steps = [float(step) for step in spacing]
    nsd = compute_surface_dice(pred, truth, [1.0], include_background=True, spacing=steps, use_subvoxels=True)
    assert surface_scores(*masks, spacing=spacing, definition="deepmind").nsd == pytest.approx(nsd.item(), abs=1e-5)


def test_single_voxels_by_hand() -> None:
    # offset (3, 4) at spacing (1, 1) is 5 apart; at (2, 0.5) it is sqrt(6^2 + 2^2)
    masks = boxes((10, 10), np.s_[1, 1], np.s_[4, 5])
    assert surface_scores(*masks).hd95 == 5.0
    assert surface_scores(*masks).assd == 5.0
    assert surface_scores(*masks, spacing=(2, 0.5)).hd95 == pytest.approx(math.sqrt(40))
    assert surface_scores(*masks, spacing=0.1, tolerance=0.5).nsd == 1.0
    assert surface_scores(*masks, spacing=0.1, tolerance=0.49).nsd == 0.0


def test_moved_line_by_hand() -> None:
    # a line of 10 pixels moved along itself by 4: 6 pixels agree, 4 on each side are 1, 2, 3 and 4 away
    masks = boxes((3, 30), np.s_[1, 5:15], np.s_[1, 9:19])
    scores = surface_scores(*masks, tolerance=2.0)
    assert scores.assd == pytest.approx(2 * (1 + 2 + 3 + 4) / 20)
    assert scores.asd_pred == scores.asd_truth == pytest.approx(1.0)
    assert scores.nsd == pytest.approx((8 + 8) / 20)
    # rank 0.95 * 9 = 8.55 of the sorted 0, 0, 0, 0, 0, 0, 1, 2, 3, 4
    assert scores.hd95 == pytest.approx(3.55)
    assert surface_scores(*masks, percentile=100).hd95 == 4.0
    assert surface_scores(*masks, percentile=0).hd95 == 0.0
    # rank 0.95 * 19 = 18.05 of both sides together, between 4 and 4
    assert surface_scores(*masks, definition="medpy").hd95 == 4.0


@pytest.mark.parametrize("definition", ["monai", "medpy", "deepmind"])
def test_the_border_of_the_image_is_surface(definition: str) -> None:
    # a mask that fills the image has its surface at the border; that of one a pixel smaller all round is 1 away,
    # but for the corners, which nobody's nearest point is
    masks = boxes((12, 12), np.s_[:, :], np.s_[1:11, 1:11])
    scores = surface_scores(*masks, definition=definition, percentile=50)
    assert scores.hd95 == 1.0
    assert scores.asd_truth == pytest.approx(1.0)


def test_spacing_follows_the_axes_of_the_array() -> None:
    masks = boxes((8, 8, 8), np.s_[1, 4, 4], np.s_[3, 4, 4])
    assert surface_scores(*masks, spacing=(5, 0.8, 0.8)).hd95 == 10.0
    assert surface_scores(*(mask.transpose(2, 1, 0) for mask in masks), spacing=(0.8, 0.8, 5)).hd95 == 10.0


@pytest.mark.parametrize("definition", ["monai", "medpy", "deepmind"])
@pytest.mark.parametrize(
    "convert",
    [
        torch.from_numpy,
        lambda mask: torch.from_numpy(mask).float(),
        lambda mask: torch.from_numpy(mask).to(torch.bfloat16),
        lambda mask: MetaTensor(torch.from_numpy(mask)),
        lambda mask: mask.astype(np.uint8),
        lambda mask: mask.astype(np.float64),
        np.asfortranarray,
        lambda mask: np.repeat(mask, 2, axis=1)[:, ::2],
    ],
    ids=[
        "bool tensor",
        "float tensor",
        "bfloat16 tensor",
        "MetaTensor",
        "uint8",
        "float64",
        "Fortran order",
        "strided",
    ],
)
def test_any_kind_of_mask_gives_the_same(definition: str, convert) -> None:
    masks, spacing = CASES["irregular, at the border, 3D"]
    expected = surface_scores(*masks, spacing=spacing, definition=definition)
    assert surface_scores(*map(convert, masks), spacing=spacing, definition=definition) == expected


@pytest.mark.parametrize(
    "spacing", [np.array([3, 1, 1.2]), torch.tensor([3, 1, 1.2], dtype=torch.float64), [3, 1, 1.2]]
)
def test_any_kind_of_spacing_gives_the_same(spacing) -> None:
    masks, expected = CASES["irregular, at the border, 3D"]
    assert surface_scores(*masks, spacing=spacing) == surface_scores(*masks, spacing=expected)


@pytest.mark.parametrize("definition", ["monai", "medpy", "deepmind"])
def test_empty_masks(definition: str) -> None:
    nothing, something = np.zeros((30, 40), bool), np.zeros((30, 40), bool)
    something[3, 4] = True
    both = surface_scores(nothing, nothing, spacing=(2, 1), definition=definition)
    assert (both.hd95, both.assd, both.nsd, both.missed, both.spurious) == (0.0, 0.0, 1.0, False, False)
    missed = surface_scores(nothing, something, spacing=(2, 1), definition=definition)
    diagonal = math.hypot(30 * 2, 40 * 1)
    assert (missed.hd95, missed.assd, missed.nsd) == (diagonal, diagonal, 0.0)
    assert (missed.missed, missed.spurious) == (True, False)
    spurious = surface_scores(something, nothing, empty="inf", definition=definition)
    assert (spurious.hd95, spurious.assd, spurious.nsd) == (math.inf, math.inf, 0.0)
    assert (spurious.missed, spurious.spurious) == (False, True)
    asked = surface_scores(something, nothing, empty="nan", definition=definition)
    assert math.isnan(asked.hd95)
    assert math.isnan(asked.assd)
    assert asked.nsd == 0.0


def test_penalty_exceeds_every_distance() -> None:
    corners = boxes((5, 6, 7), np.s_[0, 0, 0], np.s_[4, 5, 6])
    for definition in ("monai", "deepmind"):
        worst = surface_scores(*corners, spacing=(3, 1, 1), percentile=100, definition=definition)
        assert worst.hd95 < surface_scores(corners[0], np.zeros_like(corners[0]), spacing=(3, 1, 1)).hd95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pred": np.zeros((4, 5), bool)}, r"same shape, got \(4, 5\) and \(4, 4\)"),
        ({"pred": np.full((4, 4), 3)}, "pred must hold 0 and 1 only, got the value 3"),
        ({"pred": np.full((4, 4), np.nan)}, "pred must hold 0 and 1 only, got the value nan"),
        ({"truth": np.full((4, 4), 0.5)}, "truth must hold 0 and 1 only, got the value 0.5"),
        ({"pred": np.zeros(4, bool), "truth": np.zeros(4, bool)}, r"2D or 3D, got the shape \(4,\)"),
        ({"pred": np.zeros((1, 1, 4, 4), bool), "truth": np.zeros((1, 1, 4, 4), bool)}, "2D or 3D"),
        ({"spacing": (1, 1, 1)}, "spacing must be 2 positive numbers"),
        ({"spacing": (1, 0)}, "spacing must be 2 positive numbers"),
        ({"spacing": (1, np.inf)}, "spacing must be 2 positive numbers"),
        ({"percentile": 101}, "percentile must lie between 0 and 100, got 101"),
        ({"tolerance": -1}, "tolerance must be finite and not negative, got -1"),
        ({"tolerance": math.nan}, "tolerance must be finite and not negative, got nan"),
        ({"definition": "itk"}, "definition must be one of monai, medpy, deepmind; got 'itk'"),
        ({"empty": "skip"}, "empty must be one of diagonal, inf, nan; got 'skip'"),
    ],
)
def test_bad_input(change: dict, message: str) -> None:
    arguments = {"pred": np.ones((4, 4), bool), "truth": np.ones((4, 4), bool)} | change
    with pytest.raises(ValueError, match=message):
        surface_scores(**arguments)


@pytest.mark.parametrize("definition", ["monai", "deepmind"])
def test_memory_stays_with_the_object(definition: str) -> None:
    volume = np.zeros((160, 160, 160), bool)
    volume[70:90, 60:80, 70:90] = True
    other = np.roll(volume, 1, axis=0)
    surface_scores(volume, other, definition=definition)
    tracemalloc.start()
    surface_scores(volume, other, definition=definition)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < volume.nbytes / 2


class TestSurfaceMetric:
    def pair(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Two cases of 30 x 40: a perfect one, and one with a miss."""
        truth = torch.zeros(2, 1, 30, 40)
        truth[:, :, 5:10, 5:10] = 1
        pred = truth.clone()
        pred[1] = 0
        return pred, truth

    def test_a_miss_is_never_dropped(self) -> None:
        metric = SurfaceMetric()
        metric(*self.pair())
        result = metric.aggregate()
        assert result["hd95"].item() == pytest.approx(50 / 2)
        assert result["assd"].item() == pytest.approx(50 / 2)
        assert result["nsd"].item() == pytest.approx(0.5)
        assert metric.counts() == {
            "missed": 1,
            "spurious": 0,
            "hd95_undefined": 0,
            "assd_undefined": 0,
            "nsd_undefined": 0,
        }

    def test_what_is_left_out_is_counted(self) -> None:
        metric = SurfaceMetric("hd95", empty="nan", get_not_nans=True)
        metric(*self.pair())
        value, number = metric.aggregate()
        assert (value.item(), number.item()) == (0.0, 1.0)
        assert metric.counts() == {"missed": 1, "spurious": 0, "undefined": 1}

    def test_reductions_lists_and_reset(self) -> None:
        pred, truth = self.pair()
        metric = SurfaceMetric("nsd", reduction="none")
        metric(list(pred), list(truth))
        metric(truth, truth)
        assert metric.aggregate().tolist() == [[1.0], [0.0], [1.0], [1.0]]
        assert metric.aggregate("mean_batch").tolist() == [0.75]
        assert metric.details()["nsd"].shape == (4, 1)
        assert metric.flagged()["missed"].tolist() == [[0.0], [1.0], [0.0], [0.0]]
        metric.reset()
        with pytest.raises(ValueError, match="no case since its last reset"):
            metric.aggregate()

    def test_background_is_the_first_of_several_channels(self) -> None:
        truth = torch.zeros(1, 3, 20, 20)
        truth[:, 0] = 1
        truth[:, 1, 5, 5] = truth[:, 2, 9, 9] = 1
        pred = truth.clone()
        pred[:, 2] = pred[:, 2].roll(3, dims=-1)
        without, with_background = SurfaceMetric("hd95"), SurfaceMetric("hd95", include_background=True)
        assert without(pred, truth)[..., 0].tolist() == [[0.0, 3.0]]
        assert with_background(pred, truth)[..., 0].tolist() == [[0.0, 0.0, 3.0]]

    @pytest.mark.parametrize(
        ("spacing", "expected"),
        [
            (None, [4.0, 4.0]),
            (2.0, [8.0, 8.0]),
            ([2.0, 0.5], [8.0, 8.0]),
            ([[2.0, 0.5], [1.0, 1.0]], [8.0, 4.0]),
            ([torch.tensor([2.0, 0.5]), torch.tensor([1.0, 1.0])], [8.0, 4.0]),
            (torch.tensor([[2.0, 0.5], [1.0, 1.0]]), [8.0, 4.0]),
        ],
    )
    def test_spacing_for_all_or_for_each(self, spacing, expected: list[float]) -> None:
        pred, truth = torch.zeros(2, 1, 10, 10), torch.zeros(2, 1, 10, 10)
        pred[:, :, 1, 1] = truth[:, :, 5, 1] = 1
        assert SurfaceMetric("hd95")(pred, truth, spacing=spacing)[:, 0, 0].tolist() == expected

    @pytest.mark.parametrize("definition", ["monai", "medpy", "deepmind"])
    def test_passes_its_options_on(self, definition: str) -> None:
        masks, spacing = CASES["irregular, at the border, 3D"]
        options = {"definition": definition, "percentile": 80.0, "tolerance": 2.5}
        expected = surface_scores(*masks, spacing=spacing, **options)
        row = SurfaceMetric(**options)(*(torch.from_numpy(mask)[None, None] for mask in masks), spacing=spacing)
        assert row[0, 0].tolist() == [expected.hd95, expected.assd, expected.nsd, 0.0, 0.0]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"scores": "hd100"}, "scores must be among hd95, assd, nsd; got 'hd100'"),
            ({"scores": ()}, "scores must be among"),
            ({"definition": "itk"}, "definition must be one of"),
            ({"tolerance": -1.0}, "tolerance must be finite"),
        ],
    )
    def test_bad_options(self, arguments: dict, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            SurfaceMetric(**arguments)

    def test_bad_calls(self) -> None:
        masks = torch.ones(2, 1, 8, 8)
        with pytest.raises(ValueError, match="2 predictions, 2 truths and 3 x spacing"):
            SurfaceMetric()(masks, masks, spacing=[[1.0, 1.0]] * 3)
        with pytest.raises(ValueError, match="2 predictions, 1 truths"):
            SurfaceMetric()(list(masks), list(masks[:1]))
        with pytest.raises(ValueError, match="needs y"):
            SurfaceMetric()(masks)
        with pytest.raises(TypeError, match="takes 'spacing' beside y_pred and y"):
            SurfaceMetric()(masks, masks, region=masks)
        with pytest.raises(ValueError, match=r"same shape \(channels, spatial\)"):
            SurfaceMetric()(masks, torch.ones(2, 1, 8, 9))
