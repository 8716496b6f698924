# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What SwiftMedSAM is trained for: masks, the IoU it predicts of them, and a teacher's answers."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from litemed.files import replacing
from monai.inferers import Inferer
from monai.losses import DiceLoss
from torch import nn
from torch.nn.modules.loss import _Loss

from swiftmedsam.prompted import PromptedOutput, load_network, prompt_to_boxes
from swiftmedsam.weights import weights_path

__all__ = ["DistillationInferer", "DistillationLoss", "Lesson", "MaskLoss"]


class MaskLoss(_Loss):
    """Dice + binary cross entropy + squared error of the predicted IoU (SwiftMedSAM paper, section 2.2; upstream code).

    Dice is of sigmoid probabilities with squared denominators. The true IoU is that of the mask at probability 0.5.

    Args:
        dice: weight of Dice.
        bce: weight of the cross entropy.
        iou: weight of the error of the IoU.
    """

    def __init__(self, dice: float = 1.0, bce: float = 1.0, iou: float = 1.0) -> None:
        super().__init__()
        self.weights = (dice, bce, iou)
        self.dice = DiceLoss(sigmoid=True, squared_pred=True)

    def forward(self, output: PromptedOutput, label: torch.Tensor) -> torch.Tensor:
        """
        Args:
            output: of a network in training.
            label: ``(B, 1, 256, 256)``, 1 on the object.
        """
        logits = output.logits.float()
        terms = (
            self.dice(logits, label),
            F.binary_cross_entropy_with_logits(logits, label),
            F.mse_loss(output.iou.float(), mask_iou(logits, label)),
        )
        return torch.stack([weight * term for weight, term in zip(self.weights, terms, strict=True)]).sum()


def mask_iou(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """IoU of each mask with its label, ``(B, 1)``; 1 where both are empty. No gradient goes through it."""
    mask, true = (logits.detach() > 0).flatten(1), (label > 0.5).flatten(1)
    union = (mask | true).sum(dim=1)
    return torch.where(union > 0, (mask & true).sum(dim=1) / union.clamp_min(1), 1.0).unsqueeze(1)


class Lesson(NamedTuple):
    """What student and teacher say of the same images."""

    student: PromptedOutput
    teacher: PromptedOutput


class DistillationInferer(Inferer):
    """Ask the network in training and a frozen teacher about the same images and boxes.

    Args:
        teacher: checkpoint of the teacher, of any variant, see `weights_path`.
        cache_dir: folder in which the teacher's embeddings are kept in half precision, 2 MiB each, by the content of
            the images; None computes them anew. Every flip of an image is an image of its own.
    """

    def __init__(self, teacher: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None) -> None:
        self.teacher = load_network(weights_path(teacher)).fuse().requires_grad_(False)
        self.cache_dir = None if cache_dir is None else Path(cache_dir)

    def __call__(self, inputs: torch.Tensor, network: nn.Module, *args: object, **kwargs: object) -> Lesson:
        with torch.no_grad():
            self.teacher.to(inputs.device)
            embedding = self._embedding(inputs[:, :3])
            logits, iou = self.teacher.decode(embedding, prompt_to_boxes(inputs[:, 3]))
        return Lesson(network(inputs), PromptedOutput(logits, iou, embedding))

    def _embedding(self, images: torch.Tensor) -> torch.Tensor:
        if self.cache_dir is None:
            return self.teacher.encode_image(images)
        files = [
            self.cache_dir / f"{hashlib.sha256(image.numpy().tobytes()).hexdigest()}.pt"
            for image in images.cpu().contiguous()
        ]
        missing = [index for index, file in enumerate(files) if not file.is_file()]
        if missing:
            for index, embedding in zip(missing, self.teacher.encode_image(images[missing]), strict=True):
                with replacing(files[index]) as temporary:
                    torch.save(embedding.half().cpu().clone(), temporary)
        loaded = [torch.load(file, map_location=images.device, weights_only=True) for file in files]
        return torch.stack(loaded).to(images.dtype)


class DistillationLoss(_Loss):
    """Squared error of the embedding + cross entropy with the teacher's probabilities, and optionally the labels' loss.

    The first two need no true labels.

    Args:
        embedding: weight of the embeddings' mean squared error.
        mask: weight of the masks' cross entropy, less the teacher's own entropy, so that it ends at 0.
        label: weight of the `MaskLoss` on the true labels.
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
