# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training the class head alone, before the rest."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from ignite.engine import Engine, Events
from litemed.datasets.balance import balanced_weights
from litemed.prompting.frozen_encoder import FrozenEncoderInferer
from torch.utils.data import Dataset, WeightedRandomSampler

from classprompt.data import UNKNOWN
from classprompt.network import PromptedNetwork

__all__ = ["ClassHeadStart"]


class ClassHeadStart:
    """Train the class head on the pooled embeddings of the training images, when a training starts.

    The encoder is frozen, so a step costs next to nothing; and the mask decoder is told right modalities from its
    first step on. Modalities are drawn equally often.

    A head that is frozen for the training itself is trained here too: sums over 4096 pixels make it too lively for one
    rate with the rest.

    Args:
        network: whose head it is.
        dataset: of the training, items of ``image`` and ``class_id``.
        inferer: of the training.
        steps: of 64 images; 0 leaves the head as it is.
        learning_rate: of AdamW.
    """

    def __init__(
        self,
        network: PromptedNetwork,
        dataset: Dataset[dict[str, Any]],
        inferer: FrozenEncoderInferer,
        steps: int = 300,
        learning_rate: float = 5e-4,
    ) -> None:
        self.network = network
        self.dataset = dataset
        self.inferer = inferer
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
        pooled, classes = [], []
        for index in range(len(self.dataset)):  # type: ignore[arg-type]
            item = self.dataset[index]
            if item["class_id"] == UNKNOWN:
                continue
            embedding = self.inferer.embed(self.network, item["image"][None, :3].to(device))
            pooled.append(head.pool(embedding))
            classes.append(item["class_id"])
        if not classes:
            return
        features, truth = torch.cat(pooled), torch.stack(classes).to(device)
        weights = balanced_weights([int(index) for index in classes])
        trained = [parameter.requires_grad for parameter in head.parameters()]
        head.requires_grad_(True)
        optimizer = torch.optim.AdamW(head.parameters(), lr=self.learning_rate)
        for start in range(self.steps):
            drawn = list(WeightedRandomSampler(weights, 64))
            loss = F.cross_entropy(head.perceptron(features[drawn]), truth[drawn])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if start == 0:
                first = loss.item()
        for parameter, requires_grad in zip(head.parameters(), trained, strict=True):
            parameter.requires_grad_(requires_grad)
            parameter.grad = None
        with torch.no_grad():
            right = (head.perceptron(features).argmax(dim=1) == truth).sum().item()
        print(
            f"class head: cross entropy {first:.3f} to {loss.item():.3f} in {self.steps} steps, "
            f"{right} of {len(truth)} training images right",
            flush=True,
        )
