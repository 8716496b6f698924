# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Whether there is a pupil, as an outcome of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiu_ocular import FrameInferer, HideUnseenPupild, build_loss
from tiu_ocular.presence import presence, without_pupil

CERTAIN = 30.0


def _logits(pupil: float, pixels: int, side: int = 100) -> torch.Tensor:
    """An iris everywhere, and ``pixels`` of it a pupil of a probability."""
    logits = torch.full((1, 5, side, side), -CERTAIN)
    logits[:, 2] = 0.0
    logits[0, 3].view(-1)[:pixels] = math.log(pupil / (1 - pupil))
    return logits


# the sum of p squared over the sum of p and 1e-4 of 100 x 100 pixels, which is one pixel
@pytest.mark.parametrize(("probability", "pixels"), [(0.5, 100), (0.5, 1000), (0.9, 100), (0.1, 100), (0.5, 1)])
def test_presence_is_the_mean_probability_weighted_by_itself(probability, pixels):
    expected = probability**2 * pixels / (probability * pixels + 1)
    assert presence(_logits(probability, pixels)).item() == pytest.approx(expected, rel=1e-4)


def test_an_unsure_pupil_goes_to_the_iris_and_a_sure_one_stays():
    unsure, sure = _logits(0.55, 400), _logits(0.95, 400)
    assert (unsure.argmax(1) == 3).sum() == 400
    decided = without_pupil(torch.cat([unsure, sure]), 0.6)
    assert (decided.argmax(1) == 3).flatten(1).sum(1).tolist() == [0, 400]
    assert torch.allclose(decided[0].softmax(0)[2], torch.ones(100, 100), atol=1e-4)
    assert torch.equal(decided[1], sure[0])


def test_the_inferer_decides_on_every_eye_for_itself():
    labels = np.zeros((120, 60), int)
    for left in (5, 65):  # two eyes of 50 by 40 pixels
        labels[left : left + 50, 10:50] = 1
        labels[left + 15 : left + 35, 20:40] = 2
        labels[left + 20 : left + 30, 25:35] = 3
    logits = 8.0 * torch.nn.functional.one_hot(torch.tensor(labels), 5).permute(2, 0, 1)[None].float()
    logits[:, 2, 60:] += 7.5 * (logits[:, 3, 60:] > 0)  # the second eye's pupil is hardly likelier than iris

    def network(framed: torch.Tensor) -> torch.Tensor:
        return framed

    for least, left in ((0.0, [True, True]), (0.8, [True, False])):
        found = FrameInferer((120, 60), closer=True, least_presence=least)(logits, network).argmax(1)[0]
        assert [bool((half == 3).sum() > 50) for half in (found[:60], found[60:])] == left  # of 100 pixels


def test_the_loss_adds_the_cross_entropy_of_presence():
    logits, labels = _logits(0.7, 500), torch.full((1, 1, 100, 100), 2.0)
    plain = build_loss("ce", tiu=False)(logits, labels)
    score = presence(logits).item()
    loss = build_loss("ce", tiu=False, lambda_presence=0.5)
    assert loss(logits, labels).item() == pytest.approx(plain.item() - 0.5 * math.log(1 - score), rel=1e-4)
    labels[0, 0, 0, 0] = 3
    plain = build_loss("ce", tiu=False)(logits, labels)
    assert loss(logits, labels).item() == pytest.approx(plain.item() - 0.5 * math.log(score), rel=1e-4)


def test_a_pupil_hidden_by_an_augmentation_is_labelled_iris():
    labels = torch.full((1, 60, 60), 2.0)
    labels[:, 20:40, 20:40] = 3
    for step, left in ((1.0, 0), (60.0, 400)):
        picture = (80 + step * (labels == 2)).repeat(3, 1, 1)
        found = HideUnseenPupild("image")({"image": picture, "label": labels})["label"]
        assert (found == 3).sum() == left
        assert (found >= 2).all()
