# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How well an object of a volume is followed from one box, as on the page: Dice by set, for ends of several kinds.

    python bundles/swiftmedsam/eval/following.py ARCHIVES/validation_volumes [--least "0 0.85 0.9 0.95"]

The box is that of the true mask on the slice where it is largest; at most two objects of a volume, six volumes of a
set. The object ends where its mask is empty or the predicted IoU falls below that share of what it is on the first
slice (`litemed.prompting.following`); 0 goes on as long as there is a mask, and is also scored without what lies before
the object's first slice and behind its last, as if the true end were known. Choose by validation.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from litemed.command_line import run_command
from litemed.datasets.challenge import read_challenge
from litemed.datasets.challenge_cases import set_of
from litemed.deploy.box_networks import deploy_boxes
from litemed.images.boxes import mask_boxes
from litemed.metrics import overlap_scores
from litemed.prompting import Session
from litemed.training.pretrained import weights_path
from swiftmedsam import BUNDLE_ROOT, load_network
from tqdm import tqdm

__all__ = ["measure"]


def measure(
    volumes: str | os.PathLike[str],
    least: str = "0 0.85 0.9 0.95",
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    most: int = 6,
    objects: int = 2,
    runtime: str = "auto",
) -> None:
    """Follow objects and print the mean Dice of each set, and of the sets.

    Args:
        volumes: folder of 3D archives of the challenge, ``3D_<modality>_<set>_<name>.npz``.
        least: shares, divided by blanks.
        ckpt_path: weights of the network.
        most: volumes of a set.
        objects: of a volume.
        runtime: see `litemed.deploy.deploy_boxes`.

    Raises:
        FileNotFoundError: when the folder has no volume.
    """
    sets: dict[str, list[Path]] = {}
    for path in sorted(Path(volumes).glob("3D_*.npz")):
        sets.setdefault(set_of(path.stem), []).append(path)
    if not sets:
        raise FileNotFoundError(f"no 3D archive in {volumes}")
    network = deploy_boxes(load_network(weights_path(ckpt_path)), runtime)
    chosen = [(name, path) for name, paths in sets.items() for path in paths[:most]]
    shares = [float(share) for share in least.split()]
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in tqdm(chosen, disable=None):
            labels = read_challenge(path).labels
            assert labels is not None
            for number in np.unique(labels[labels > 0])[:objects]:
                truth = labels == number
                index = int(truth.sum(axis=(1, 2)).argmax())
                (box,), _ = mask_boxes(truth[index].astype(np.uint8))
                for share in shares:
                    with Session(network, path, folder=folder, least=share) as session:
                        session.add_object("object")
                        session.box("object", box.tolist(), "axial", index)
                        session.wait()
                        mask = session.image.seen_in("axial", session.mask("object"))
                    found.setdefault((f"least {share:g}", name), []).append(overlap_scores(mask, truth).dice)
                    if share == 0:
                        within = mask & truth.any(axis=(1, 2), keepdims=True)
                        found.setdefault(("true end", name), []).append(overlap_scores(within, truth).dice)
    for end in dict.fromkeys(end for end, _ in found):
        means = {name: float(np.mean(found[end, name])) for name in sets}
        text = "  ".join(f"{name} {mean:.3f} ({len(found[end, name])})" for name, mean in means.items())
        print(f"{end}: mean of sets {np.mean(list(means.values())):.3f}  {text}", flush=True)


if __name__ == "__main__":
    run_command(measure, "following")
