# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What TF-Net's word is worth where the classifier can't tell clear from broken: accuracy by its weight.

python bundles/tfnet/eval/second_opinion.py --dataset_dir DATA [--part validation]
"""

from __future__ import annotations

import numpy as np
from litemed.command_line import run_command
from PIL import Image
from tfnet import BUNDLE_ROOT, CLASSES, load_cases
from tfnet.collab import Networks
from tfnet.collab.networks import OPINION, can_not_tell, reconsidered
from tqdm import tqdm

_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


def run(dataset_dir: str, part: str = "validation", models_dir: str = f"{BUNDLE_ROOT}/models") -> None:
    """Print the accuracy, and the recall of each class, by the weight of TF-Net's evidence.

    Args:
        dataset_dir: data set in the layout of TFM.
        part: of it; never the test part, by which nothing is chosen.
        models_dir: folder of the weights.
    """
    models = Networks(models_dir, opinion=0.0)
    labels: list[int] = []
    asked: list[float | None] = []
    alone: list[np.ndarray] = []
    for case in tqdm(load_cases(dataset_dir, "classification", part), desc="asking", disable=None):
        with Image.open(case["image"]) as picture:
            frame = np.asarray(picture.convert("L"))
        labels.append(int(case["label"]))
        alone.append(models.classify(frame))
        asked.append(models.evidence(frame) if can_not_tell(alone[-1]) else None)
    print(f"{len(labels)} frames of {part}, TF-Net asked in {sum(each is not None for each in asked)}")
    print(f"{'weight':<10}{'accuracy':>10}" + "".join(f"{name:>10}" for name in CLASSES))
    truth = np.asarray(labels)
    for weight in _WEIGHTS:
        known = [
            one if evidence is None else reconsidered(one, weight * evidence)
            for one, evidence in zip(alone, asked, strict=True)
        ]
        hits = np.argmax(known, axis=1) == truth
        recalls = [hits[truth == index].mean() for index in range(len(CLASSES))]
        print(f"{weight:<10g}" + "".join(f"{each:>10.4f}" for each in (hits.mean(), *recalls)))
    print(f"used: {OPINION:g}")


if __name__ == "__main__":
    run_command(run, "second_opinion")
