# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training the mask decoder with a simulated user: boxes, clicks in what is wrong, scribbles, the mask before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from litemed.networks import PromptedOutput, prompt_to_boxes
from litemed.prompting import EmbeddingStore, FrozenEncoderInferer
from litemed.prompting.clicks import SimulatedUser
from litemed.prompting.embedding_store import encode_alike
from litemed.training.pretrained import weights_path
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys
from torch import nn

from swiftmedsam.distillation import DistillationLoss, DistillationOutputs, keep_statistics
from swiftmedsam.network import load_network

__all__ = ["STAGES", "ClickTraining", "ClickValidation"]

STAGES = {"box": (0, 1, 3, 5), "clicks": (1, 3, 5)}
"""After how many clicks masks are scored, when there was a box before and when there are clicks alone."""


class ClickTraining:
    """An iteration of MONAI's `SupervisedTrainer`: some objects are outlined together, in one round after another.

    Half of the batches begin with boxes, half with a click on each object; after each round, clicks follow where the
    masks are wrong, and the masks themselves are given back. Every round has its loss and its step of the optimizer.
    The image encoder is frozen. The answer to a box alone also learns a teacher's, so that it stays as good as it was.

    Source: Kirillov et al., "Segment Anything", 2023, appendix A; Sofiiuk et al., "Reviving Iterative Training with
    Mask Guidance", 2022. That each round has a step of its own, and the teacher, are ours.

    Args:
        teacher: checkpoint whose answers to boxes are kept, see `litemed.training.pretrained.weights_path`.
        embedding_cache: folder of a `litemed.prompting.EmbeddingStore`; None embeds the images of every step anew.
        rounds: most rounds of a batch; how many is drawn from 1.
        box_share: share of the batches that begin with boxes.
        jitter: of clicks, see `litemed.prompting.clicks.next_click`.
        stroke: probability of a scribble in place of a click.
        teacher_weight: weight of the teacher's answers beside the labels.
        teacher_cache: folder of the teacher's embeddings, where its image encoder is another. None where it is the
            same, so that the network's embeddings serve both.
    """

    def __init__(
        self,
        teacher: str | os.PathLike[str],
        embedding_cache: str | os.PathLike[str] | None = None,
        rounds: int = 8,
        box_share: float = 0.5,
        jitter: float = 0.5,
        stroke: float = 0.15,
        teacher_weight: float = 1.0,
        teacher_cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self.teacher = load_network(weights_path(teacher)).requires_grad_(False)
        self.teacher_store = None if teacher_cache is None else EmbeddingStore(teacher_cache)
        self.encoder = FrozenEncoderInferer(embedding_cache)
        self.rounds = rounds
        self.box_share = box_share
        self.jitter = jitter
        self.stroke = stroke
        self.teacher_weight = teacher_weight
        self.checked = False
        self.teacher_loss = DistillationLoss(embedding=0.0)

    def __call__(self, engine: Any, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        """
        Raises:
            ValueError: for a network wrapped for distributed training, whose gradients wouldn't be shared; for a
                teacher with another image encoder and no ``teacher_cache``.
        """
        network = engine.network
        if isinstance(network, nn.parallel.DistributedDataParallel):
            raise ValueError("expected one process: clicks are not trained on several")
        inputs, label = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking)
        self._check_teacher(network, inputs.device)
        network.train()
        keep_statistics(network)
        embedding = self.encoder.embed(network, inputs[:, :3])
        generator = np.random.default_rng(int(torch.randint(2**31, ())))
        boxes = prompt_to_boxes(inputs[:, 3]) if generator.random() < self.box_share else None
        user = SimulatedUser(label, boxes, self.jitter, self.stroke, generator, _sides(inputs))
        losses = []
        for number, output in enumerate(_rounds(network, embedding, user, int(generator.integers(self.rounds)) + 1)):
            loss = engine.loss_function(output, label)
            if number == 0 and boxes is not None and self.teacher_weight:
                taught = self._taught(inputs[:, :3], embedding, boxes)
                loss = loss + self.teacher_weight * self.teacher_loss(DistillationOutputs(output, taught), label)
            engine.optimizer.zero_grad()
            loss.backward()
            engine.optimizer.step()
            losses.append(loss.item())
        engine.state.output = {CommonKeys.LOSS: sum(losses) / len(losses)}
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output

    @torch.no_grad()
    def _check_teacher(self, network: Any, device: torch.device) -> None:
        """Once: what decodes the network's embeddings must have been taught on such ones."""
        if not self.checked and self.teacher_weight and self.teacher_store is None:
            network.eval()
            if not encode_alike(network, self.teacher.to(device), device):
                raise ValueError("the teacher has another image encoder than the network: give teacher_cache, a folder")
        self.checked = True

    def _taught(self, images: torch.Tensor, embedding: torch.Tensor, boxes: torch.Tensor) -> PromptedOutput:
        """The teacher's answer, on its own embedding where it has one."""
        self.teacher.to(images.device)
        if self.teacher_store is not None:
            embedding = self.teacher_store(self.teacher, images)
        return PromptedOutput(*self.teacher.decode(embedding, boxes), embedding)


class ClickValidation:
    """An iteration of MONAI's `SupervisedEvaluator`: the masks of objects after each of the `STAGES`.

    ``pred`` is ``(B, 7, 256, 256)``, a channel for each stage, and ``label`` the truth in as many channels.

    Args:
        embedding_cache: see `ClickTraining`.
    """

    def __init__(self, embedding_cache: str | os.PathLike[str] | None = None) -> None:
        self.encoder = FrozenEncoderInferer(embedding_cache)

    def __call__(self, engine: Any, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        inputs, label = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking)
        engine.network.eval()
        masks = []
        with torch.no_grad():
            embedding = self.encoder.embed(engine.network, inputs[:, :3])
            for start, stages in STAGES.items():
                boxes = prompt_to_boxes(inputs[:, 3]) if start == "box" else None
                user = SimulatedUser(label, boxes, sides=_sides(inputs))
                rounds = _rounds(engine.network, embedding, user, max(stages) + (boxes is not None))
                found = [output.logits > 0 for output in rounds]
                masks += [found[clicks - (boxes is None)] for clicks in stages]
        pred = torch.cat(masks, dim=1)
        engine.state.output = {CommonKeys.PRED: pred.float(), CommonKeys.LABEL: label.expand_as(pred)}
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output


def _rounds(network: Any, embedding: torch.Tensor, user: SimulatedUser, count: int) -> Iterator[PromptedOutput]:
    """The network's answers, each to what the user says of the one before."""
    for number in range(count):
        output = PromptedOutput(*network.decode(embedding, **user.prompts._asdict()), embedding)
        yield output
        if number + 1 < count:
            user.look(output.logits)


def _sides(inputs: torch.Tensor) -> list[tuple[int, int]]:
    """Height and width of each picture in its square, without the black border on the right and below."""
    held = (inputs[:, :3] > 0).any(dim=1).cpu()
    return [tuple(_length(image.any(dim=1 - axis)) for axis in (0, 1)) for image in held]  # type: ignore[misc]


def _length(held: torch.Tensor) -> int:
    places = held.nonzero()
    return int(places[-1]) + 1 if len(places) else len(held)
