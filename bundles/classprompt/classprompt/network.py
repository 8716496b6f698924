# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class-prompt network: LiteMedSAM that is told the modality."""

from __future__ import annotations

import torch
from litemed.networks import ClassHead, ClassPromptEncoder, MedSAMLite, SharedImage

__all__ = ["ClassPromptMedSAM"]


class ClassPromptMedSAM(MedSAMLite):
    """Class-prompt TinyViT (class-prompt paper, section 2.2): 10,988,699 parameters.

    A head tells the modality from the image embedding; its answer is added to the tokens of a box's corners. All else
    is LiteMedSAM, and so are the names of its entries. Which class is told at test time is unpublished; here it is
    the head's most probable one, unless a class is given. The head's logits are told in either case.

    Points have no corners: without a box the class is not told.

    Args:
        pooling: of the class head, ``"sum"`` or ``"mean"``, see :class:`litemed.networks.ClassHead`.
    """

    def __init__(self, pooling: str = "sum") -> None:
        super().__init__()
        self.architecture |= {"network": "ClassPromptMedSAM", "pooling": pooling}
        self.class_head = ClassHead(pooling)
        self.class_prompt_encoder = ClassPromptEncoder()

    def forward(
        self, image: torch.Tensor, boxes: torch.Tensor, class_id: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Args:
            image: ``(B, 3, 256, 256)``, each scaled to [0, 1].
            boxes: ``(N, 4)`` as x0, y0, x1, y1 in pixels of that image; ``N`` = ``B``, or any where ``B`` = 1.
            class_id: indices into :data:`litemed.networks.MODALITIES`, ``(B,)``; by default the head's.

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
            class_id: indices into :data:`litemed.networks.MODALITIES`, one for each embedding; by default the head's.
        """
        corners = self._class_tokens(self.classify(embedding), class_id)
        return self._decode(embedding, corners, boxes, points, labels, masks, multimask)

    def share(self, embedding: torch.Tensor, class_id: torch.Tensor | None = None) -> SharedImage:
        """:meth:`litemed.networks.MedSAMLite.share`, with the class to tell, ``(1,)``."""
        return self._share(embedding, self._class_tokens(self.classify(embedding), class_id))

    def _corners(self, embedding: torch.Tensor) -> torch.Tensor:
        return self._class_tokens(self.classify(embedding), None)

    def _class_tokens(self, class_logits: torch.Tensor, class_id: torch.Tensor | None) -> torch.Tensor:
        if class_id is None:
            class_id = class_logits.argmax(dim=1)
        elif class_id.shape != class_logits.shape[:1]:
            raise ValueError(f"expected {class_logits.shape[0]} classes, one an image, got {list(class_id.shape)}")
        return self.class_prompt_encoder(class_logits, class_id)
