# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training the class head alone, before the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from ignite.engine import Engine, Events
from litemed.datasets.balance import balanced_weights
from litemed.datasets.challenge_cases import set_of
from litemed.networks.class_prompt import ClassHead
from litemed.prompting.frozen_encoder import FrozenEncoderInferer
from monai.data import Dataset
from torch.utils.data import WeightedRandomSampler

from classprompt.network import UNKNOWN, PromptedNetwork

__all__ = ["ClassHeadStart", "fit_class_head"]


class ClassHeadStart:
    """Train the class head on the pooled embeddings of the training images, when a training starts.

    The encoder is frozen, so a step costs next to nothing; and the mask decoder is told right modalities from its
    first step on. Modalities are drawn equally often, and so are the data sets of a modality, by the names of their
    archives: a head that sees one set more than others learns the set.

    A head that is frozen for the training itself is trained here too: sums over 4096 pixels make it too lively for one
    rate with the rest.

    Args:
        network: whose head it is.
        dataset: of the training, items of ``image``; its data say each one's ``image`` (path) and ``class_id``.
        inferer: of the training.
        pictures: more of the same, whose labels nobody needs to know; None for none.
        steps: of 64 images; 0 leaves the head as it is.
        learning_rate: of AdamW.
    """

    def __init__(
        self,
        network: PromptedNetwork,
        dataset: Dataset,
        inferer: FrozenEncoderInferer,
        pictures: Dataset | None = None,
        steps: int = 300,
        learning_rate: float = 5e-4,
    ) -> None:
        self.network = network
        self.dataset = dataset
        self.inferer = inferer
        self.pictures = pictures
        self.steps = steps
        self.learning_rate = learning_rate

    def attach(self, engine: Engine) -> None:
        """Register with the trainer, after what starts it from given weights, before what takes up a training."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        head = self.network.class_head
        if not self.steps:
            return
        device = next(self.network.parameters()).device
        pooled, classes, sets = [], [], []
        for dataset in (self.dataset, self.pictures or Dataset([])):
            for index, source in enumerate(dataset.data):
                class_id = int(source.get("class_id", UNKNOWN))
                if class_id == UNKNOWN:
                    continue
                embedding = self.inferer.embed(self.network, dataset[index]["image"][None, :3].to(device))
                pooled.append(head.pool(embedding))
                classes.append(class_id)
                sets.append(set_of(source["image"]))
        if not classes:
            return
        features, truth = torch.cat(pooled), torch.tensor(classes, device=device)
        first, last = fit_class_head(head, features, truth, sets, self.steps, self.learning_rate)
        with torch.no_grad():
            right = (head.perceptron(features).argmax(dim=1) == truth).sum().item()
        print(
            f"class head: cross entropy {first:.3f} to {last:.3f} in {self.steps} steps, "
            f"{right} of {len(truth)} training images right",
            flush=True,
        )


def fit_class_head(
    head: ClassHead,
    features: torch.Tensor,
    classes: torch.Tensor,
    sets: Sequence[str],
    steps: int = 300,
    learning_rate: float = 5e-4,
) -> tuple[float, float]:
    """Train a class head, also a frozen one, on pooled embeddings: all classes, and all sets of a class, equally often.

    Args:
        head: left with the gradients required as before, and none kept.
        features: of ``ClassHead.pool``, ``(N, channels)``.
        classes: ``(N,)``.
        sets: of each.
        steps: of 64 images, at least 1.
        learning_rate: of AdamW.

    Returns:
        Cross entropy of the first step and of the last.
    """
    weights = balanced_weights(classes.tolist(), sets)
    trained = [parameter.requires_grad for parameter in head.parameters()]
    head.requires_grad_(True)
    optimizer = torch.optim.AdamW(head.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        drawn = list(WeightedRandomSampler(weights, 64))
        loss = F.cross_entropy(head.perceptron(features[drawn]), classes[drawn])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for parameter, requires_grad in zip(head.parameters(), trained, strict=True):
        parameter.requires_grad_(requires_grad)
        parameter.grad = None
    return losses[0], losses[-1]
