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
from tfnet.collab.networks import NEUTRAL, can_not_tell, reconsidered
from tqdm import tqdm

_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_NEUTRAL = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5)


def run(dataset_dir: str, part: str = "validation", models_dir: str = f"{BUNDLE_ROOT}/models") -> None:
    """Print the accuracy of the classes by the weight of TF-Net's evidence, and by the evidence that says nothing.

    Args:
        dataset_dir: data set in the layout of TFM.
        part: of it; never the test part, by which nothing is chosen.
        models_dir: folder of the weights.
    """
    models = Networks(models_dir, opinion=0.0)
    found: list[tuple[int, np.ndarray, float | None]] = []
    for case in tqdm(load_cases(dataset_dir, "classification", part), desc="asking", disable=None):
        with Image.open(case["image"]) as picture:
            frame = np.asarray(picture.convert("L"))
        probabilities, rings = models.classify(frame), models.detect(frame)
        box = None if rings is None else rings.crop_box(*frame.shape)
        evidence = None
        if box is not None and can_not_tell(probabilities):
            x0, y0, x1, y1 = box
            evidence = models.evidence(np.ascontiguousarray(frame[y0:y1, x0:x1]))
        found.append((int(case["label"]), probabilities, evidence))
    unsure = [label for label, _, evidence in found if evidence is not None]
    shares = ", ".join(f"{unsure.count(index)} {name}" for index, name in enumerate(CLASSES))
    print(f"{len(found)} frames of {part}, {len(unsure)} of them unsure: {shares}")
    print("weight    " + "".join(f"{f'from {each:g}':>10}" for each in _NEUTRAL))
    for weight in _WEIGHTS:
        row = [_accuracy(found, weight, neutral) for neutral in _NEUTRAL]
        print(f"{weight:<10g}" + "".join(f"{each:>10.4f}" for each in row))
    print(f"used: weight {Networks(models_dir).opinion:g}, from {NEUTRAL:g}")


def _accuracy(found: list[tuple[int, np.ndarray, float | None]], weight: float, neutral: float) -> float:
    hits = []
    for label, probabilities, evidence in found:
        known = probabilities if evidence is None else reconsidered(probabilities, weight * (evidence - neutral))
        hits.append(known.argmax() == label)
    return float(np.mean(hits))


if __name__ == "__main__":
    run_command(run, "second_opinion")
