# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How often the class head is right, and when it should say nothing, on sets that it wasn't trained on.

    python bundles/classprompt/eval/modality_head.py ARCHIVES EMBEDDINGS OUT.json

ARCHIVES is what SwiftMedSAM's ``eval/prepare_data.py`` made: archives whose names say modality and set. Each set of a
modality that has others is left out of a head's training once, and asked: what the head is right in, and with which
probability, is what a user's own pictures can expect. The least probability by which a modality should be told
(`classprompt.SURE`) is chosen on these, and on nothing else. Then the shipped head is asked about the validation and
test pictures. Volumes count by their slices.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classprompt import BUNDLE_ROOT, fit_class_head, load_network, with_classes
from litemed.command_line import run_command
from litemed.datasets.challenge_cases import list_archives, set_of
from litemed.files import replacing
from litemed.networks import MODALITIES, ClassHead
from litemed.prompting.embedding_store import EmbeddingStore
from litemed.transforms import LoadSquared
from torch.nn import functional as F
from tqdm import tqdm

__all__ = ["ask_heads"]

THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
Row = dict[str, Any]


def ask_heads(
    archives: str | os.PathLike[str],
    embeddings: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    steps: int = 600,
    seed: int = 0,
) -> None:
    """Prints both tables and writes the answer to each picture.

    Args:
        archives: folder of ``training``, ``pictures``, ``validation``, ``test/seen`` and ``test/unseen``.
        embeddings: folder that keeps the embeddings, see `litemed.prompting.EmbeddingStore`.
        output_path: JSON file.
        ckpt_path: weights of the class prompt's network.
        steps: of a head's training, as ``--head_steps`` of train.json.
        seed: of the heads' beginnings and drawings.

    Raises:
        ValueError: when no modality has two sets to learn from.
    """
    network = load_network(ckpt_path)
    store, load = EmbeddingStore(embeddings), LoadSquared()

    def pooled(folders: Sequence[str]) -> tuple[list[Row], torch.Tensor]:
        items = with_classes(list_archives(archives, folders))
        with torch.inference_mode():
            found = [
                network.class_head.pool(store(network, load(item)["image"][None]))[0]
                for item in tqdm(items, desc=folders[0], disable=None)
            ]
        rows = [{"case": Path(item["image"]).stem, "set": set_of(item["image"]), **item} for item in items]
        return rows, torch.stack(found) if found else torch.empty(0, 256)

    rows, features = pooled(["training", "pictures"])
    heads = _left_out(rows, features.clone(), network.class_head.pooling, steps, seed)
    asked = {"left out": heads}
    for part in ("validation", "test/seen", "test/unseen"):
        others, own = pooled([part])
        if others:
            with torch.inference_mode():
                asked[part] = _answers(network.class_head, others, own)
    with replacing(Path(output_path)) as temporary:
        temporary.write_text(json.dumps(asked, indent=1) + "\n")
    _print(asked)


def _left_out(rows: Sequence[Row], features: torch.Tensor, pooling: str, steps: int, seed: int) -> list[Row]:
    """Answers about each set of a head that wasn't trained on it; the sets of modalities that have more than one."""
    classes = torch.tensor([int(row["class_id"]) for row in rows])
    sets = [row["set"] for row in rows]
    answers: list[Row] = []
    pairs = sorted({(row["modality"], row["set"]) for row in rows})
    pairs = [pair for pair in pairs if sum(modality == pair[0] for modality, _ in pairs) > 1]
    if not pairs:
        raise ValueError("no modality has two sets to learn from: leave none out")
    for _, name in tqdm(pairs, desc="left out", disable=None):
        torch.manual_seed(seed)
        head = ClassHead(pooling)
        kept = [index for index, each in enumerate(sets) if each != name]
        fit_class_head(head, features[kept], classes[kept], [sets[index] for index in kept], steps)
        own = [index for index, each in enumerate(sets) if each == name]
        with torch.no_grad():
            answers += _answers(head, [rows[index] for index in own], features[own])
    return answers


def _answers(head: ClassHead, rows: Sequence[Row], features: torch.Tensor) -> list[Row]:
    probability, predicted = F.softmax(head.perceptron(features), dim=1).max(dim=1)
    return [
        {
            "case": row["case"],
            "set": row["set"],
            "modality": MODALITIES[int(row["class_id"])],
            "predicted": MODALITIES[int(index)],
            "probability": round(float(value), 4),
        }
        for row, value, index in zip(rows, probability, predicted, strict=True)
    ]


def _print(asked: dict[str, list[Row]]) -> None:
    """Mean over the sets of the share that is right; of the left out ones also by the least probability."""
    for part, answers in asked.items():
        shares = _by_set(answers, lambda row: row["predicted"] == row["modality"])
        pictures = np.mean([row["predicted"] == row["modality"] for row in answers])
        print(
            f"{part}: right in {pictures:.3f} of {len(answers)} pictures; {len(shares)} sets, mean {_mean(shares):.3f}"
        )
        print("  " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))
    print("of sets left out, by the least probability: told, right of those told, told wrong")
    for least in THRESHOLDS:
        told = _by_set(asked["left out"], lambda row, least=least: row["probability"] >= least)
        wrong = _by_set(
            asked["left out"],
            lambda row, least=least: row["probability"] >= least and row["predicted"] != row["modality"],
        )
        share, mistaken = _mean(told), _mean(wrong)
        right = (share - mistaken) / share if share else float("nan")
        print(f"  {least:.2f} {share:.3f} {right:.3f} {mistaken:.3f}")


def _by_set(answers: Sequence[Row], holds: Any) -> dict[str, float]:
    names = sorted({row["set"] for row in answers})
    return {name: float(np.mean([holds(row) for row in answers if row["set"] == name])) for name in names}


def _mean(shares: dict[str, float]) -> float:
    return float(np.mean(list(shares.values())))


if __name__ == "__main__":
    run_command(ask_heads, "modality_head")
