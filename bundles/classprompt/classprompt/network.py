# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class-prompt network: LiteMedSAM that is told the modality."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import torch
from litemed.networks.architecture import set_architecture
from litemed.networks.class_prompt import ClassHead, ClassPromptEncoder
from litemed.networks.mask_decoder import SharedImage
from litemed.networks.medsam_lite import MedSAMLite
from litemed.networks.prompted import prompt_to_boxes
from litemed.training import checkpoints
from torch import nn

__all__ = [
    "SURE",
    "UNKNOWN",
    "UNTOLD",
    "ClassPromptMedSAM",
    "ClassPromptedOutput",
    "PromptedNetwork",
    "load_network",
    "parameter_groups",
]

UNKNOWN = -1
"""Class of an image whose modality isn't given: the head's is told where it is sure."""

UNTOLD = -2
"""Class of an image of which no modality is told."""

SURE = 0.95
"""Least probability by which a modality is told, chosen on sets that the head was not trained on (docs/results.md)."""


class ClassPromptMedSAM(MedSAMLite):
    """Class-prompt TinyViT (class-prompt paper, section 2.2): 10,988,699 parameters.

    A head tells the modality from the image embedding; its answer is added to the tokens of a box's corners. All else
    is LiteMedSAM, and so are the names of its entries. Which class is told at test time is unpublished; here it is
    the head's most probable one, unless a class is given. The head's logits are told in either case. Where the head
    is unsure, nothing is told: the tokens of that image are 0.

    Points have no corners: without a box the class is not told.

    Args:
        pooling: of the class head, ``"sum"`` or ``"mean"``, see :class:`litemed.networks.ClassHead`.
        class_prompt: tell the class. Without, the network is the paper's ablation: LiteMedSAM beside a class head.
        sure: least probability of the most probable class by which it is told, 0 to 1.
    """

    def __init__(self, pooling: str = "sum", class_prompt: bool = True, sure: float = SURE) -> None:
        super().__init__()
        set_architecture(self, network="ClassPromptMedSAM", pooling=pooling, class_prompt=class_prompt)
        self.class_prompt = class_prompt
        self.sure = sure
        self.class_head = ClassHead(pooling)
        self.class_prompt_encoder = ClassPromptEncoder()

    def forward(  # type: ignore[override]
        self, image: torch.Tensor, boxes: torch.Tensor, class_id: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Args:
            image: ``(B, 3, 256, 256)``, each scaled to [0, 1].
            boxes: ``(N, 4)`` as x0, y0, x1, y1 in pixels of that image; ``N`` = ``B``, or any where ``B`` = 1.
            class_id: indices into :data:`litemed.networks.MODALITIES`, ``(B,)``, or :data:`UNKNOWN`, for the head's
                where it is sure, or :data:`UNTOLD`; by default all are unknown.

        Returns:
            Mask logits ``(N, 1, 256, 256)``, predicted IoU ``(N, 1)`` and class logits ``(B, 11)``.
        """
        embedding = self.encode_image(image)
        class_logits = self.classify(embedding)
        corners = self._class_tokens(class_logits, class_id)
        logits, iou = self._decode(embedding, corners, boxes, None, None, None, False)
        return logits, iou, class_logits

    def classify(self, embedding: torch.Tensor) -> torch.Tensor:
        """Logits of the modality, ``(B, 11)``, from embeddings ``(B, 256, 64, 64)``."""
        return self.class_head(embedding)

    def decode(
        self,
        embedding: torch.Tensor,
        boxes: torch.Tensor | None = None,
        points: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        masks: torch.Tensor | None = None,
        multimask: bool = False,
        class_id: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """:meth:`litemed.networks.MedSAMLite.decode`, with the class to tell.

        Args:
            embedding: see there, as for the other arguments.
            boxes: see there.
            points: see there.
            labels: see there.
            masks: see there.
            multimask: see there.
            class_id: one for each embedding, see `forward`.
        """
        corners = self._class_tokens(self.classify(embedding), class_id)
        return self._decode(embedding, corners, boxes, points, labels, masks, multimask)

    def share(self, embedding: torch.Tensor, class_id: torch.Tensor | None = None) -> SharedImage:
        """:meth:`litemed.networks.MedSAMLite.share`, with the class to tell, ``(1,)``, see `forward`."""
        return self._share(embedding, self._class_tokens(self.classify(embedding), class_id))

    def _corners(self, embedding: torch.Tensor) -> torch.Tensor:
        return self._class_tokens(self.classify(embedding), None)

    def _class_tokens(self, class_logits: torch.Tensor, class_id: torch.Tensor | None) -> torch.Tensor:
        probability, predicted = class_logits.softmax(dim=1).max(dim=1)
        if class_id is None:
            class_id = torch.full_like(predicted, -1)  # UNKNOWN; TorchScript sees no global
        elif class_id.shape != class_logits.shape[:1]:
            raise ValueError(f"expected {class_logits.shape[0]} classes, one an image, got {list(class_id.shape)}")
        sure = (class_id >= 0) | ((class_id == -1) & (probability >= self.sure))  # ONNX Runtime chooses no booleans
        tokens = self.class_prompt_encoder(class_logits, torch.where(class_id < 0, predicted, class_id))
        told = sure if self.class_prompt else torch.zeros_like(sure)
        return torch.where(told[:, None, None], tokens, torch.zeros_like(tokens))


class ClassPromptedOutput(NamedTuple):
    """What a network gives in training.

    Attributes:
        logits: of the masks, ``(B, 1, 256, 256)``.
        iou: predicted IoU, ``(B, 1)``.
        class_logits: of the modalities, ``(B, 11)``.
        class_id: the modalities that were given, ``(B,)``, below 0 where none was; None where they weren't given.
    """

    logits: torch.Tensor
    iou: torch.Tensor
    class_logits: torch.Tensor
    class_id: torch.Tensor | None


class PromptedNetwork(ClassPromptMedSAM):
    """`ClassPromptMedSAM` whose `forward` takes the box as a fourth channel of the image.

    So it fits what hands a network one tensor: MONAI's engines, the Model Zoo's checks, TorchScript, ONNX. Weights, and
    all that it does with boxes as numbers, are `ClassPromptMedSAM`'s.

    Args:
        pooling: see `ClassPromptMedSAM`.
        class_prompt: see `ClassPromptMedSAM`.
        sure: see `ClassPromptMedSAM`.

    Shape:
        ``(B, 4, 256, 256)``, three channels in [0, 1] and the prompt of `litemed.networks.prompt_to_boxes`, to logits
        ``(B, 1, 256, 256)``; in training to a `ClassPromptedOutput`. Then the images' embeddings may be given, which
        spares the encoder, and their true modalities, which are told in place of the predicted ones, see there.
    """

    def forward(
        self, image: torch.Tensor, embedding: torch.Tensor | None = None, class_id: torch.Tensor | None = None
    ) -> Any:
        if image.ndim != 4 or image.shape[1] != 4:
            raise ValueError(f"expected images of three channels and a prompt, (B, 4, 256, 256), got {image.shape}")
        if embedding is None:
            embedding = self.encode_image(image[:, :3])
        class_logits = self.classify(embedding)
        corners = self._class_tokens(class_logits, class_id)
        logits, iou = self._decode(embedding, corners, prompt_to_boxes(image[:, 3]), None, None, None, False)
        if not torch.jit.is_scripting():  # noqa: SIM102 - TorchScript leaves out this branch, but not a joined one
            if self.training:
                return ClassPromptedOutput(logits, iou, class_logits, class_id)
        return logits


def load_network(path: str | os.PathLike[str]) -> Any:
    """Build the network that a checkpoint is of, and load it: a `PromptedNetwork` in evaluation mode.

    Args:
        path: the checkpoint, see `litemed.training.checkpoints.load_network`.

    Raises:
        CheckpointError: when the file can't be read, or is of another network.
    """
    options = {
        f"{pooling}, class_prompt {told}": (pooling, told) for pooling in ("sum", "mean") for told in (True, False)
    }
    networks = {name: partial(PromptedNetwork, *option) for name, option in options.items()}
    return checkpoints.load_network(path, networks)


def parameter_groups(network: nn.Module, decoder_learning_rate: float) -> list[dict[str, Any]]:
    """Parameters in training in two groups: those that the class prompt adds, and LiteMedSAM's with their own rate.

    Args:
        network: a `ClassPromptMedSAM`, also one wrapped for distributed training.
        decoder_learning_rate: of the parts that start from LiteMedSAM's weights.
    """
    added: list[nn.Parameter] = []
    pretrained: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (added if "class_" in name else pretrained).append(parameter)
    return [{"params": added}, {"params": pretrained, "lr": decoder_learning_rate}]
