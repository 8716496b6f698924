# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a student."""

from __future__ import annotations

import pytest
import torch
from litemed.losses import MaskLoss
from litemed.networks import PromptedOutput
from swiftmedsam import DistillationLoss, Lesson


def test_distillation_loss_is_zero_for_equal_answers() -> None:
    generator = torch.Generator().manual_seed(0)
    teacher = PromptedOutput(
        torch.randn(2, 1, 8, 8, generator=generator), torch.rand(2, 1), torch.randn(2, 4, 3, 3, generator=generator)
    )
    label = torch.ones(2, 1, 8, 8)
    assert DistillationLoss()(Lesson(teacher, teacher), label).item() == pytest.approx(0, abs=1e-6)
    shifted = teacher._replace(embedding=teacher.embedding + 0.5)
    assert DistillationLoss(embedding=2)(Lesson(shifted, teacher), label).item() == pytest.approx(0.5, abs=1e-5)
    supervised = DistillationLoss(0, 0, 3)(Lesson(teacher, teacher), label)
    assert supervised.item() == pytest.approx(3 * MaskLoss()(teacher, label).item(), rel=1e-6)
