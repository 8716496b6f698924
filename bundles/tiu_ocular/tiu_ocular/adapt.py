# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Weights adapted to one's own pictures, of which none needs labels: ``python -m tiu_ocular.adapt --help``."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.datasets.pictures import list_pictures
from litemed.training.checkpoints import load_checkpoint, save_checkpoint
from litemed.training.weight_record import read_record
from litemed.transforms import LoadPictured
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from tiu_ocular import BUNDLE_ROOT
from tiu_ocular.augmentation import RandPhotometryd
from tiu_ocular.finding import find_eyes, section
from tiu_ocular.framing import FitFramed
from tiu_ocular.network import build_network

__all__ = ["adapt", "adapt_statistics", "mean_teacher"]

_MARGIN = 1.35  # as FrameInferer's
_BATCH = 8


def adapt(
    pictures: str,
    out: str,
    method: str = "batch_norm",
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    architecture: str = "unet",
    variant: str = "light",
    spatial_size: Sequence[int] = (240, 160),
    epochs: int = 3,
    learning_rate: float = 1e-4,
    prior: float = 16,
    seed: int = 0,
) -> None:
    """Adapt weights to a folder of pictures of one camera or clinic, without labels.

    Examples::

        python -m tiu_ocular.adapt MY_EYES adapted.pt
        litemed measure MY_EYES --ckpt_path adapted.pt

    Compare the overlays before and after: no labels, no proof that it helped.

    Args:
        pictures: a folder, of ten pictures or more.
        out: file of the adapted weights.
        method: ``batch_norm`` takes means and variances of the layers from the pictures, ``mean_teacher`` also trains
            the network to say of a picture in other light what its own average says of it as it is.
        ckpt_path: weights to adapt.
        architecture: of the weights.
        variant: of the weights.
        spatial_size: width and height that the network works at.
        epochs: passes over the pictures, of ``mean_teacher``.
        learning_rate: of ``mean_teacher``.
        prior: of ``batch_norm``: as many pictures as the weights' own means and variances count for.
        seed: of ``mean_teacher``.

    Raises:
        FileNotFoundError, ValueError: for no such pictures or weights, another method, or numbers out of range.
    """
    if method not in ("batch_norm", "mean_teacher"):
        raise ValueError(f"expected method batch_norm or mean_teacher, got {method!r}")
    if not (epochs >= 1 and learning_rate > 0 and prior >= 0):
        raise ValueError(
            f"expected at least 1 epoch, a learning rate above 0 and a prior of at least 0, got {epochs}, "
            f"{learning_rate} and {prior}"
        )
    if Path(out).suffix != ".pt":
        raise ValueError(f"expected a file of weights, as adapted.pt, got {out}")
    network = build_network(architecture, variant, spatial_size)
    load_checkpoint(network, ckpt_path)
    frames = _frames(pictures, network, (int(spatial_size[0]), int(spatial_size[1])))
    if len(frames) < 2:
        raise ValueError(f"expected several pictures in {pictures}, for means and variances, found one")
    if method == "batch_norm":
        adapt_statistics(network, frames, prior)
    else:
        network = mean_teacher(network, frames, epochs, learning_rate, seed)
    record = {k: v for k, v in (read_record(ckpt_path) or {}).items() if k not in ("weights", "sha256", "scores")}
    # whoever adapts knows the pictures' terms
    own = {"name": "pictures of the user, unlabelled", "licence": "unknown", "simulated": False, "use": "adaptation"}
    save_checkpoint(out, network, None, {**record, "data": [*record.get("data", []), own]})
    print(f"adapted to {len(frames)} views of {pictures} by {method}, written to {out}")


def adapt_statistics(network: nn.Module, frames: torch.Tensor, prior: float = 16) -> None:
    """Set the running statistics of batch normalisation to those of pictures, mixed with what they were.

    Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation", NeurIPS 2020:
    the statistics of the training count as ``prior`` pictures.

    Args:
        network: with batch normalisation; changed in place and left in evaluation.
        frames: (N, 3, W, H), 0 to 255.
        prior: 0 forgets the training's.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    before = [(layer.momentum, layer.running_mean.clone(), layer.running_var.clone()) for layer in layers]  # type: ignore[union-attr]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
        layer.train()
    with torch.no_grad():
        for batch in _batches(frames):
            network(_normalised(batch))
    share = len(frames) / (len(frames) + prior)
    for layer, (momentum, mean, variance) in zip(layers, before, strict=True):
        layer.momentum = momentum
        layer.running_mean.lerp_(mean, 1 - share)  # type: ignore[union-attr]
        layer.running_var.lerp_(variance, 1 - share)  # type: ignore[union-attr]
    network.eval()


def mean_teacher(
    network: nn.Module, frames: torch.Tensor, epochs: int = 3, learning_rate: float = 1e-4, seed: int = 0
) -> nn.Module:
    """Train a network on its own average's answers (Tarvainen and Valpola, NeurIPS 2017), and return the average.

    The average sees a picture as it is and the network sees it in other light, colours and sharpness; where the average
    gives a class at least 0.8, the network's cross entropy with it counts.

    Args:
        network: changed in place.
        frames: (N, 3, W, H), 0 to 255.
        epochs: passes over them.
        learning_rate: of AdamW.
        seed: of the order and the changes of light.
    """
    generator = torch.Generator().manual_seed(seed)
    change = RandPhotometryd("image", prob=1.0)
    change.set_random_state(seed)
    teacher = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate)
    network.train()
    momentum = 0.99
    for _ in tqdm(range(epochs), desc="adapting", disable=None):
        for batch in _batches(frames[torch.randperm(len(frames), generator=generator)]):
            with torch.no_grad():
                truth = teacher(_normalised(batch)).softmax(1)
            changed = torch.stack([change({"image": frame})["image"] for frame in batch])
            loss = F.cross_entropy(network(_normalised(changed)), truth, reduction="none")
            sure = (truth.amax(1) >= 0.8).float()
            optimizer.zero_grad()
            ((loss * sure).sum() / sure.sum().clamp_min(1)).backward()
            optimizer.step()
            with torch.no_grad():
                for mean, value in zip(_tensors(teacher), _tensors(network), strict=True):
                    mean.lerp_(value, 1 - momentum)
    return teacher


def _tensors(network: nn.Module) -> Iterator[torch.Tensor]:
    return (value for value in network.state_dict().values() if value.is_floating_point())


def _batches(frames: torch.Tensor) -> Iterator[torch.Tensor]:
    """Batches of nearly one size, none of a single frame."""
    return iter(frames.tensor_split(max(1, round(len(frames) / _BATCH))))


def _normalised(frames: torch.Tensor) -> torch.Tensor:
    """Each channel of each frame of zero mean and unit deviation, as the configurations do."""
    deviation, mean = torch.std_mean(frames, dim=(2, 3), keepdim=True, correction=0)
    return (frames - mean) / deviation.clamp_min(1e-6)


def _frames(pictures: str, network: nn.Module, size: tuple[int, int]) -> torch.Tensor:
    """Each picture as a whole and each eye found in it, as the network sees them at inference: (N, 3, W, H)."""
    load, fit = LoadPictured("image", min_side=8), FitFramed("image", size)
    network.eval()
    frames = []
    for item in tqdm(list_pictures(pictures), desc="looking", disable=None):
        picture = load(item)["image"]
        whole = fit({"image": picture})["image"]
        with torch.no_grad():
            labels = network(_normalised(whole[None])).argmax(1)[0]
        frames.append(whole)
        factors = [side / frame for side, frame in zip(picture.shape[-2:], size, strict=True)]
        factor = max(factors)  # the picture fits into the frame along this axis
        before = [(frame - side / factor) / 2 for side, frame in zip(picture.shape[-2:], size, strict=True)]
        for eye in find_eyes(np.asarray(labels)):
            place = tuple(
                slice(round(max(0, (part.start - gap) * factor)), round(min(side, (part.stop - gap) * factor)))
                for part, gap, side in zip(eye, before, picture.shape[-2:], strict=True)
            )
            if all(part.stop > part.start for part in place):
                across, along = section((place[0], place[1]), picture.shape[-2:], size, _MARGIN)
                frames.append(fit({"image": picture[:, across, along]})["image"])
    return torch.stack(frames)


if __name__ == "__main__":
    run_command(adapt, "tiu_ocular.adapt")
