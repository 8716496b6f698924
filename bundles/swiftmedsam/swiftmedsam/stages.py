# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Learning one stage of a teacher's image encoder at a time."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from litemed.files import replacing
from litemed.networks.tiny_vit import TinyViT
from litemed.prompting.embedding_store import EmbeddingStore
from litemed.training.pretrained import weights_path
from monai.inferers import Inferer
from torch.nn.modules.loss import _Loss

from swiftmedsam.distillation import keep_statistics, without_wrapper
from swiftmedsam.network import load_network

__all__ = ["StageInferer", "StageLoss", "StageOutputs"]


class StageOutputs(NamedTuple):
    """What a stage of two encoders gives on the same input, ``(B, C, h, w)``."""

    student: torch.Tensor
    teacher: torch.Tensor


class StageInferer(Inferer):
    """Ask one stage of the student's image encoder for what the teacher's gives, both on the teacher's input to it.

    Blocks that replace more blocks learn so from these alone, at a fraction of the cost of the whole encoder. Without a
    stage the whole encoders are asked, for their embeddings. The student's batch normalisations keep the statistics
    that they came with.

    Args:
        teacher: checkpoint of the teacher, see `litemed.training.pretrained.weights_path`.
        stage: the stage, from 0, which takes the patch embedding with it; None for the whole encoder.
        crop: side of a square at a random place of the images to work on, in pixels, a multiple of 4. Only for stage
            0, whose layers are convolutions. None takes whole images.
        cache_dir: folder for the teacher's inputs and answers, in half precision, by the content of the images; for the
            whole encoder that of a `litemed.prompting.EmbeddingStore`. None computes them anew. Not for crops.
        autocast: run the student in bfloat16, see `litemed.training.AutocastInferer`.

    Raises:
        ValueError: for crops of another stage, or crops that would be kept.
    """

    def __init__(
        self,
        teacher: str | os.PathLike[str],
        stage: int | None,
        crop: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        autocast: bool = False,
    ) -> None:
        if crop is not None and (stage != 0 or cache_dir is not None):
            raise ValueError(f"expected crops of stage 0 alone, and no folder for them, got stage {stage}, {cache_dir}")
        self.teacher = load_network(weights_path(teacher)).fuse().requires_grad_(False)
        self.stage = stage
        self.crop = crop
        self.autocast = autocast
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self.store = None if cache_dir is None or stage is not None else EmbeddingStore(cache_dir)

    def __call__(self, inputs: torch.Tensor, network: Any, *args: object, **kwargs: object) -> StageOutputs:
        keep_statistics(network)
        images = inputs[:, :3]
        if self.crop is not None:
            top, left = (int(torch.randint(side - self.crop + 1, ())) for side in images.shape[2:])
            images = images[:, :, top : top + self.crop, left : left + self.crop]
        student = without_wrapper(network)
        if self.stage is None:
            with torch.no_grad():
                self.teacher.to(inputs.device)
                wanted = self.teacher.encode_image(images) if self.store is None else self.store(self.teacher, images)
            with self._precision(inputs):
                return StageOutputs(student.encode_image(images), wanted)
        with torch.no_grad():
            self.teacher.to(inputs.device)
            pairs = [self._features(image) for image in images.split(1)]
            given, wanted = (torch.cat(features).to(images.dtype) for features in zip(*pairs, strict=True))
        with self._precision(inputs):
            return StageOutputs(_run(student.image_encoder, given, self.stage), wanted)

    def _precision(self, inputs: torch.Tensor) -> torch.autocast:
        return torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.autocast)

    def _features(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The teacher's input to the stage and its answer, for one image."""
        file = None
        if self.cache_dir is not None:
            file = self.cache_dir / f"{hashlib.sha256(image.cpu().contiguous().numpy().tobytes()).hexdigest()}.pt"
            if file.is_file():
                given, wanted = torch.load(file, map_location=image.device, weights_only=True)
                return given[None], wanted[None]
        assert self.stage is not None
        given = image
        for stage in range(self.stage):
            given = _run(self.teacher.image_encoder, given, stage)
        wanted = _run(self.teacher.image_encoder, given, self.stage)
        if file is not None:
            with replacing(file) as temporary:
                torch.save(tuple(value[0].half().cpu().contiguous() for value in (given, wanted)), temporary)
        return given, wanted


def _run(encoder: TinyViT, x: torch.Tensor, stage: int) -> torch.Tensor:
    x = x.contiguous(memory_format=torch.channels_last)
    return encoder.layers[stage](encoder.patch_embed(x) if stage == 0 else x)


class StageLoss(_Loss):
    """Mean squared error of a stage's features, as a share of the variance of the teacher's."""

    def forward(self, outputs: StageOutputs, label: torch.Tensor | None = None) -> torch.Tensor:
        """
        Args:
            outputs: of a `StageInferer`.
            label: not used.
        """
        student, teacher = outputs
        return F.mse_loss(student.float(), teacher.float()) / teacher.float().var()
