# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Learning a teacher's answers: its embeddings, its masks and the IoU it predicts of them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from litemed.losses.mask import MaskLoss
from litemed.networks.prompted import PromptedOutput, prompt_to_boxes
from litemed.prompting.embedding_store import EmbeddingStore
from litemed.prompting.frozen_encoder import FrozenEncoderInferer
from litemed.training.pretrained import weights_path
from monai.inferers import Inferer
from monai.losses import DiceLoss
from torch import nn
from torch.nn.modules.loss import _Loss

from swiftmedsam.network import load_network

__all__ = ["DistillationInferer", "DistillationLoss", "DistillationOutputs"]


class DistillationOutputs(NamedTuple):
    """What student and teacher say of the same images."""

    student: PromptedOutput
    teacher: PromptedOutput


class DistillationInferer(Inferer):
    """Ask the network in training and a frozen teacher about the same images and boxes.

    The student's batch normalisations keep the statistics that they came with: those of small batches are too rough.

    Args:
        teacher: checkpoint of the teacher, of any variant, see `litemed.training.pretrained.weights_path`.
        cache_dir: folder for the teacher's embeddings, see `litemed.prompting.EmbeddingStore`; None computes them anew.
        decoder_only: let the student decode the teacher's embedding. Its image encoder is left out and learns nothing.
        student_cache: folder for the embeddings of a student whose image encoder is frozen; None computes them anew.

    Raises:
        ValueError: for a ``student_cache`` of a student that only decodes.
    """

    def __init__(
        self,
        teacher: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None = None,
        decoder_only: bool = False,
        student_cache: str | os.PathLike[str] | None = None,
    ) -> None:
        if decoder_only and student_cache is not None:
            raise ValueError(f"expected no embeddings of a student that decodes the teacher's, got {student_cache}")
        self.teacher = load_network(weights_path(teacher)).fuse().requires_grad_(False)
        self.store = None if cache_dir is None else EmbeddingStore(cache_dir)
        self.decoder_only = decoder_only
        self.frozen = None if student_cache is None else FrozenEncoderInferer(student_cache)

    def __call__(self, inputs: torch.Tensor, network: Any, *args: object, **kwargs: object) -> DistillationOutputs:
        keep_statistics(network)
        images, boxes = inputs[:, :3], prompt_to_boxes(inputs[:, 3])
        with torch.no_grad():
            self.teacher.to(inputs.device)
            embedding = self.teacher.encode_image(images) if self.store is None else self.store(self.teacher, images)
            logits, iou = self.teacher.decode(embedding, boxes)
            teacher = PromptedOutput(logits, iou, embedding)
        if self.decoder_only:
            student: Any = network(inputs, embedding)
        elif self.frozen is not None:
            student = self.frozen(inputs, network)
        else:
            student = network(inputs)
        return DistillationOutputs(student, teacher)


class DistillationLoss(_Loss):
    """Errors of embedding, masks and predicted IoU against the teacher's, and optionally the labels' loss.

    The first three need no true labels, and are 0 where both networks agree.

    Args:
        embedding: weight of the embeddings' mean squared error, as a share of the variance of the teacher's.
        mask: weight of the masks' cross entropy with the teacher's probabilities, less the teacher's own entropy, plus
            the Dice loss between the two's probabilities, with squared denominators.
        iou: weight of the squared error of the predicted IoU.
        label: weight of the `litemed.losses.MaskLoss` on the true labels.
    """

    def __init__(self, embedding: float = 1.0, mask: float = 1.0, iou: float = 1.0, label: float = 0.0) -> None:
        super().__init__()
        self.weights = (embedding, mask, iou)
        self.label = label
        self.dice = DiceLoss(squared_pred=True)
        self.mask_loss = MaskLoss()

    def forward(self, outputs: DistillationOutputs, label: torch.Tensor) -> torch.Tensor:
        """
        Args:
            outputs: of a `DistillationInferer`.
            label: ``(B, 1, 256, 256)``, 1 on the object.
        """
        student, teacher = outputs
        logits, wanted = student.logits.float(), teacher.logits.float().sigmoid()
        entropy = F.binary_cross_entropy_with_logits(teacher.logits.float(), wanted)
        terms = (
            F.mse_loss(student.embedding.float(), teacher.embedding.float()) / teacher.embedding.float().var(),
            F.binary_cross_entropy_with_logits(logits, wanted) - entropy + self.dice(logits.sigmoid(), wanted),
            F.mse_loss(student.iou.float(), teacher.iou.float()),
        )
        total = torch.stack([weight * term for weight, term in zip(self.weights, terms, strict=True)]).sum()
        return total + self.label * self.mask_loss(student, label) if self.label else total


def keep_statistics(network: nn.Module) -> None:
    """Let batch normalisations use their running statistics and leave them as they are; their weights still learn."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def without_wrapper(network: nn.Module) -> Any:
    """The network itself, of one that may be wrapped for distributed training."""
    return network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network
