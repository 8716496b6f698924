# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Learning a teacher's answers: its embeddings and its masks."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch
import torch.nn.functional as F
from litemed.inferers import EmbeddingStore
from litemed.losses import MaskLoss
from litemed.networks import PromptedOutput, prompt_to_boxes
from litemed.pretrained import weights_path
from monai.inferers import Inferer
from torch import nn
from torch.nn.modules.loss import _Loss

from swiftmedsam.network import load_network

__all__ = ["DistillationInferer", "DistillationLoss", "Lesson"]


class Lesson(NamedTuple):
    """What student and teacher say of the same images."""

    student: PromptedOutput
    teacher: PromptedOutput


class DistillationInferer(Inferer):
    """Ask the network in training and a frozen teacher about the same images and boxes.

    Args:
        teacher: checkpoint of the teacher, of any variant, see `litemed.pretrained.weights_path`.
        cache_dir: folder for the teacher's embeddings, see `litemed.inferers.EmbeddingStore`; None computes them anew.
    """

    def __init__(self, teacher: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None) -> None:
        self.teacher = load_network(weights_path(teacher)).fuse().requires_grad_(False)
        self.store = None if cache_dir is None else EmbeddingStore(cache_dir)

    def __call__(self, inputs: torch.Tensor, network: nn.Module, *args: object, **kwargs: object) -> Lesson:
        with torch.no_grad():
            self.teacher.to(inputs.device)
            images = inputs[:, :3]
            embedding = self.teacher.encode_image(images) if self.store is None else self.store(self.teacher, images)
            logits, iou = self.teacher.decode(embedding, prompt_to_boxes(inputs[:, 3]))
        return Lesson(network(inputs), PromptedOutput(logits, iou, embedding))


class DistillationLoss(_Loss):
    """Squared error of the embedding + cross entropy with the teacher's probabilities, and optionally the labels' loss.

    The first two need no true labels.

    Args:
        embedding: weight of the embeddings' mean squared error.
        mask: weight of the masks' cross entropy, less the teacher's own entropy, so that it ends at 0.
        label: weight of the `litemed.losses.MaskLoss` on the true labels.
    """

    def __init__(self, embedding: float = 1.0, mask: float = 1.0, label: float = 0.0) -> None:
        super().__init__()
        self.weights = (embedding, mask, label)
        self.mask_loss = MaskLoss()

    def forward(self, lesson: Lesson, label: torch.Tensor) -> torch.Tensor:
        """
        Args:
            lesson: of a `DistillationInferer`.
            label: ``(B, 1, 256, 256)``, 1 on the object.
        """
        student, teacher = lesson
        logits = teacher.logits.float()
        wanted = logits.sigmoid()
        mask = F.binary_cross_entropy_with_logits(student.logits.float(), wanted)
        mask = mask - F.binary_cross_entropy_with_logits(logits, wanted)
        total = self.weights[0] * F.mse_loss(student.embedding.float(), teacher.embedding.float())
        total = total + self.weights[1] * mask
        return total + self.weights[2] * self.mask_loss(student, label) if self.weights[2] else total
