# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TIULoss: each term by hand, zero where the anatomy holds, gradients, modes, another anatomy, bad input."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from litemed.losses.class_weighted_cross_entropy import ClassWeightedCrossEntropyLoss
from litemed.losses.tiu import TIULoss
from monai.data import MetaTensor
from monai.losses import DiceCELoss
from torch.autograd import gradcheck

EYE_NAMES = ("background", "sclera", "iris", "pupil", "caruncle")
EYE = {
    "contains": [("sclera", "iris"), ("iris", "pupil")],
    "exclusive": [("sclera", "pupil")],
    "names": EYE_NAMES,
    "occluders": ["background"],
    "to_onehot_y": True,
}


def certain(labels: torch.Tensor, channels: int) -> torch.Tensor:
    """Logits whose softmax is the one-hot label map, exactly; ``labels`` (B, 1, spatial...)."""
    return torch.zeros(labels.shape[0], channels, *labels.shape[2:]).scatter(1, labels, 200.0)


def eye(height: int = 40, width: int = 60) -> torch.Tensor:
    """Label map (1, 1, H, W) of an eye whose upper lid hides a part of the iris and touches the pupil."""
    y, x = torch.meshgrid(torch.arange(height) - height // 2, torch.arange(width) - width // 2, indexing="ij")
    labels = ((x / 26) ** 2 + (y / 15) ** 2 < 1).long()
    radius = (x**2 + y**2).sqrt()
    labels[radius < 12] = 2
    labels[radius < 5] = 3
    labels[y < -4] = 0
    labels[:, :6] *= 4
    return labels[None, None]


class TestMultiscale:
    @pytest.mark.parametrize("pooled", ["mean", "sum"])
    def test_by_hand(self, pooled: str) -> None:
        """4x4, nested mode. Kernel 2: cells .8 .2 / .5 .5 against 1 0 / 0 0; kernel 4: .8 against 1."""
        probability = torch.full((4, 4), 0.01)
        probability[0, 1], probability[1, 3], probability[2:, :] = 0.8, 0.2, 0.5
        truth = torch.zeros(4, 4)
        truth[1, 0] = 1
        loss = TIULoss(kernel_sizes=(2, 4), pooled=pooled, mode="nested", lambda_relation=0)
        value = loss(probability.logit()[None, None], truth[None, None])
        kernel_2 = (0.2 + 0.2 + 0.5 + 0.5) / 4 if pooled == "mean" else (0.8 + 0.2 + 0.5 + 0.5) / 4 - 1 / 4
        assert value.item() == pytest.approx((kernel_2 + 0.2) / 2)

    def test_relative_by_hand(self) -> None:
        """Two pictures of 4x4 and two regions, kernel 2. The sums are over both pictures.

        Region 1: cells .8 .5 0 0 and .5 0 0 0 against 1 0 0 0 and 0 0 0 0. Region 2: one cell that is missed.
        """
        probability = torch.full((2, 2, 4, 4), 0.0)
        probability[0, 0, 0, 1], probability[0, 0, 1, 2], probability[1, 0, 3, 3] = 0.8, 0.5, 0.5
        truth = torch.zeros(2, 2, 4, 4)
        truth[0, 0, 1, 0] = truth[1, 1, 0, 0] = 1
        loss = TIULoss(kernel_sizes=(2,), pooled="relative", mode="nested", lambda_relation=0)
        first, second = (0.2 + 0.5 + 0.5) / (0.8 + 0.5 + 0.5 + 1 + 1), 1 / (1 + 1)
        assert loss(probability.logit(), truth).item() == pytest.approx((first + second) / 2)

    def test_relative_weighs_small_and_large_regions_alike(self) -> None:
        """Half of each region is missed: of 32 rows of 256 cells, and of one."""
        truth = torch.zeros(1, 2, 256, 256)
        truth[:, 0, :32], truth[:, 1, 128] = 1, 1
        found = truth.clone()
        found[..., 128:] = 0
        costs = {}
        for pooled in ("mean", "relative"):
            loss = TIULoss(kernel_sizes=(1,), pooled=pooled, mode="nested", lambda_relation=0)
            costs[pooled] = [
                loss(found[:, channel : channel + 1].logit(), truth[:, channel : channel + 1]).item()
                for channel in (0, 1)
            ]
        assert costs["mean"][0] == pytest.approx(32 * costs["mean"][1])
        assert costs["relative"] == pytest.approx([1 / 3, 1 / 3], rel=0.01)
        nothing = torch.zeros(1, 1, 8, 8)
        loss = TIULoss(kernel_sizes=(2,), pooled="relative", mode="nested", lambda_relation=0)
        assert loss(nothing.logit(), nothing).item() == 0

    def test_misplaced_inside_a_cell_costs_nothing(self) -> None:
        ours, theirs = torch.zeros(1, 1, 8, 8, dtype=torch.long), torch.zeros(1, 1, 8, 8, dtype=torch.long)
        ours[..., 0, 0], theirs[..., 3, 3] = 1, 1
        loss = TIULoss(kernel_sizes=(4,), lambda_relation=0, to_onehot_y=True)
        assert loss(certain(ours, 2), theirs).item() == 0
        ours[..., 7, 7] = 1  # a false positive in another of the 4 cells
        assert loss(certain(ours, 2), theirs).item() == pytest.approx(1 / 4)

    def test_background_is_left_out(self) -> None:
        labels = torch.zeros(1, 1, 4, 4, dtype=torch.long)
        wrong = torch.zeros_like(labels)
        wrong[..., 0, 0] = 1
        for include_background, expected in ((None, 1.0), (False, 1.0), (True, 0.5)):
            loss = TIULoss(
                kernel_sizes=(4,), lambda_relation=0, to_onehot_y=True, include_background=include_background
            )
            # the class's cell is 1 against 0; the background's is 1 on both sides
            assert loss(certain(wrong, 2), labels).item() == pytest.approx(expected)

    @pytest.mark.parametrize("shape", [(40, 60), (33, 47), (7, 3), (20, 21, 13)])
    def test_equals_pooling_from_full_size(self, shape: tuple[int, ...]) -> None:
        """Also where a kernel doesn't divide the size or exceeds it: maxima over explicit windows."""
        generator = torch.Generator().manual_seed(0)
        logits = torch.randn(1, 1, *shape, generator=generator)
        truth = (torch.rand(1, 1, *shape, generator=generator) < 0.01).float()
        expected = []
        for kernel in (4, 5, 8, 10, 20):
            maps = torch.cat([logits.sigmoid(), truth])[:, 0]
            for axis in range(1, maps.ndim):
                maps = torch.stack([cells.amax(axis) for cells in maps.split(kernel, axis)], axis)
            expected.append((maps[0] - maps[1]).abs().mean())
        loss = TIULoss(mode="nested", lambda_relation=0)
        torch.testing.assert_close(loss(logits, truth), torch.stack(expected).mean())


class TestRelation:
    def test_right_anatomy_costs_nothing_though_the_labels_are_wrong(self) -> None:
        labels = eye()
        loss = TIULoss(**EYE, lambda_multiscale=0)
        assert loss(certain(labels, 5), labels).item() == 0
        assert loss(certain(labels.flip(-1), 5), labels).item() == 0

    def test_disjoint_by_hand(self) -> None:
        """One pupil pixel in the sclera: 4 contacts outside the iris, 4 with the excluded sclera."""
        labels = torch.ones(1, 1, 5, 5, dtype=torch.long)
        labels[..., 2, 2] = 3
        loss = TIULoss(**EYE, lambda_multiscale=0, lambda_relation=10)
        assert loss(certain(labels, 5), labels).item() == pytest.approx(10 * (4 + 4) / 25)
        labels = labels[..., None].expand(-1, -1, -1, -1, 2).contiguous()
        assert loss(certain(labels, 5), labels).item() == pytest.approx(10 * 2 * (4 + 4) / 50)

    def test_mean_over_the_batch(self) -> None:
        good, bad = eye(), eye()
        bad[..., 20, 24] = 3
        bad[..., 19:22, 5:8] = 3
        loss = TIULoss(**EYE, lambda_multiscale=0)
        both = torch.cat([good, bad])
        assert loss(certain(bad, 5), bad).item() > 0
        torch.testing.assert_close(loss(certain(both, 5), both), loss(certain(bad, 5), bad) / 2)

    def test_printed_mode_punishes_the_truth(self) -> None:
        """Every iris pixel lacks sclera and every pupil pixel lacks iris."""
        labels = eye()
        loss = TIULoss(**EYE, mode="printed", lambda_multiscale=0)
        expected = (labels >= 2).float()
        expected[labels == 4] = 0
        assert loss(certain(labels, 5), labels).item() == pytest.approx(expected.mean().item())

    def test_gradient_points_to_the_violation(self) -> None:
        """Pupil beside sclera: descent lowers both there and raises the iris; no other pixel is touched."""
        labels = torch.tensor([[1, 1, 2, 2, 2, 2, 1], [1, 1, 3, 2, 2, 2, 1], [1, 1, 2, 2, 2, 2, 1]])[None, None]
        logits = torch.zeros(1, 5, 3, 7).scatter(1, labels, 4.0).requires_grad_()
        TIULoss(**EYE, lambda_multiscale=0)(logits, labels).backward()
        direction = -logits.grad[0]
        touched = torch.zeros(3, 7, dtype=torch.bool)
        touched[1, 1:3] = True
        assert (direction.abs().amax(0) > 1e-6).equal(touched)
        assert direction[3, 1, 2] < 0  # less pupil where the pupil is
        assert direction[1, 1, 1] < 0  # less sclera beside it
        assert direction[2, 1, 1] > 0  # iris instead

    def test_descent_repairs_the_anatomy(self) -> None:
        labels = eye()
        labels[..., 18:23, 20:26] = 1  # the sclera reaches into the pupil
        logits = torch.zeros(1, 5, 40, 60).scatter(1, labels, 3.0).requires_grad_()
        loss = TIULoss(**EYE, lambda_multiscale=0)
        before = loss(logits, labels).item()
        optimizer = torch.optim.Adam([logits], lr=0.2)
        for _ in range(50):
            optimizer.zero_grad()
            value = loss(logits, labels)
            value.backward()
            optimizer.step()
        assert before > 0
        assert loss(logits, labels).item() < 0.01 * before


class TestNestedOpticDisc:
    """Another anatomy: the optic cup lies in the optic disc, given as two filled regions."""

    DISC: dict = {"contains": [("disc", "cup")], "names": ("disc", "cup"), "mode": "nested"}  # noqa: RUF012

    @staticmethod
    def masks(disc: float, cup: float, shift: int = 0) -> torch.Tensor:
        y, x = torch.meshgrid(torch.arange(48) - 24, torch.arange(48) - 24, indexing="ij")
        return torch.stack([x**2 + y**2 < disc**2, (x - shift) ** 2 + y**2 < cup**2])[None].float()

    def test_cup_inside_disc_costs_nothing(self) -> None:
        truth = self.masks(18, 8)
        loss = TIULoss(**self.DISC)
        assert loss(400 * truth - 200, truth).item() == 0
        prediction = self.masks(15, 9, shift=3)
        assert TIULoss(**self.DISC, lambda_multiscale=0)(400 * prediction - 200, truth).item() == 0

    def test_cup_outside_disc_costs_its_area(self) -> None:
        truth, prediction = self.masks(18, 8), self.masks(18, 8, shift=14)
        outside = (prediction[0, 1] > prediction[0, 0]).float().mean().item()
        loss = TIULoss(**self.DISC, lambda_multiscale=0)
        assert outside > 0
        assert loss(400 * prediction - 200, truth).item() == pytest.approx(outside)

    def test_same_anatomy_as_a_label_map(self) -> None:
        """Rim and cup: the cup may not touch what is neither."""
        options = {"contains": [("rim", "cup")], "names": ("background", "rim", "cup"), "to_onehot_y": True}
        loss = TIULoss(**options, lambda_multiscale=0)
        inside, outside = self.masks(18, 8), self.masks(18, 8, shift=14)
        for masks, holds in ((inside, True), (outside, False)):
            labels = torch.where(masks[:, 1:] > 0, 2, masks[:, :1].long())
            assert (loss(certain(labels, 3), labels).item() == 0) == holds

    def test_with_a_pixel_loss(self) -> None:
        truth = self.masks(18, 8)
        logits = torch.randn(1, 2, 48, 48, generator=torch.Generator().manual_seed(0))
        dice_ce = DiceCELoss(sigmoid=True)
        together = TIULoss(dice_ce, **self.DISC, lambda_pixel=2)(logits, truth)
        torch.testing.assert_close(together, TIULoss(**self.DISC)(logits, truth) + 2 * dice_ce(logits, truth))


def test_total_is_the_weighted_sum_of_the_terms() -> None:
    labels = eye()
    logits = torch.randn(1, 5, 40, 60, generator=torch.Generator().manual_seed(1)) * 3
    cross_entropy = ClassWeightedCrossEntropyLoss()
    loss = TIULoss(cross_entropy, **EYE, lambda_multiscale=0.5, lambda_relation=3, lambda_pixel=2)
    terms = loss.terms(logits, labels)
    assert set(terms) == {"multiscale", "relation", "pixel"}
    expected = 0.5 * terms["multiscale"] + 3 * terms["relation"] + 2 * terms["pixel"]
    torch.testing.assert_close(loss(logits, labels), expected)
    torch.testing.assert_close(terms["pixel"], F.cross_entropy(logits, labels[:, 0]))
    assert set(TIULoss(cross_entropy, **EYE, lambda_relation=0).terms(logits, labels)) == {"multiscale", "pixel"}


@pytest.mark.parametrize("mode", ["disjoint", "printed"])
def test_regions_by_index_equal_regions_by_name(mode: str) -> None:
    logits = torch.randn(2, 5, 20, 20, generator=torch.Generator().manual_seed(2)) * 3
    labels = torch.zeros(2, 1, 20, 20, dtype=torch.long)
    by_index = TIULoss(contains=[(1, 2), (2, 3)], exclusive=[(1, 3)], occluders=[0], mode=mode, to_onehot_y=True)
    torch.testing.assert_close(by_index(logits, labels), TIULoss(**EYE, mode=mode)(logits, labels), rtol=0, atol=0)


def test_one_hot_target_equals_class_indices() -> None:
    logits = torch.randn(1, 5, 40, 60, generator=torch.Generator().manual_seed(3))
    labels = eye()
    one_hot = F.one_hot(labels[:, 0], 5).movedim(-1, 1)
    expected = TIULoss(**EYE)(logits, labels)
    torch.testing.assert_close(TIULoss(**{**EYE, "to_onehot_y": False})(logits, one_hot), expected)


def test_perfect_prediction_costs_nothing_in_3d() -> None:
    labels = torch.ones(1, 1, 12, 12, 12, dtype=torch.long)
    labels[..., 3:9, 3:9, 3:9] = 2
    labels[..., 5:7, 5:7, 5:7] = 3
    loss = TIULoss(ClassWeightedCrossEntropyLoss(), **EYE)
    assert loss(certain(labels, 5), labels).item() == 0


@pytest.mark.parametrize("mode", ["disjoint", "nested", "printed"])
@pytest.mark.parametrize("pooled", ["mean", "sum", "relative"])
@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 2)])
def test_gradient(shape: tuple[int, ...], pooled: str, mode: str) -> None:
    generator = torch.Generator().manual_seed(4)
    logits = 3 * torch.randn(1, 4, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = F.one_hot(torch.randint(4, (1, *shape), generator=generator), 4).movedim(-1, 1).double()
    relations = {"contains": [(1, 2), (2, 3)], "exclusive": [(1, 3)]}
    loss = TIULoss(DiceCELoss(sigmoid=True), **relations, mode=mode, kernel_sizes=(2, 4, 3), pooled=pooled)
    assert gradcheck(lambda x: loss(x, target), logits.detach().requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    labels = eye()
    logits = (torch.randn(1, 5, 40, 60, generator=torch.Generator().manual_seed(5)) * 3).to(dtype)
    loss = TIULoss(DiceCELoss(to_onehot_y=True, softmax=True), **EYE)
    result = loss(MetaTensor(logits), MetaTensor(labels))
    assert type(result) is torch.Tensor
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, loss(logits.float(), labels))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooled": "max"}, "max"),
        ({"kernel_sizes": ()}, "kernel sizes"),
        ({"kernel_sizes": (4, 4)}, "kernel sizes"),
        ({"kernel_sizes": (0, 4)}, "kernel sizes"),
        ({"lambda_relation": -1.0}, "-1.0"),
        ({"lambda_multiscale": 0, "lambda_relation": 0, "lambda_pixel": 0}, "one of them > 0"),
        ({"mode": "nested", "to_onehot_y": True}, "filled region"),
        ({"mode": "open"}, "open"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TIULoss(**options)


@pytest.mark.parametrize(
    ("input_shape", "target_shape", "message"),
    [
        ((1, 5, 8), (1, 1, 8), "2D or 3D"),
        ((1, 4, 8, 8), (1, 1, 8, 8), "expected 5 channels"),
        ((1, 5, 8, 8), (1, 1, 8, 9), "expected a target of shape"),
        ((1, 5, 8, 8), (1, 5, 8, 8), "expected a target of shape"),
    ],
)
def test_shapes_that_do_not_fit(input_shape: tuple[int, ...], target_shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TIULoss(**EYE)(torch.zeros(input_shape), torch.zeros(target_shape, dtype=torch.long))


def test_uncertain_prediction_breaks_nothing() -> None:
    """Under a uniform softmax no two regions add up to more than one."""
    assert TIULoss(**EYE, lambda_multiscale=0)(torch.zeros(1, 5, 6, 6), torch.zeros(1, 1, 6, 6)).item() == 0
    assert math.isfinite(TIULoss(**EYE)(torch.zeros(1, 5, 6, 6), torch.zeros(1, 1, 6, 6)).item())
