# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting a smaller encoder to a teacher's without gradients: least squares, part by part.

A block that lost its neighbours still ends in a linear layer. What that layer would have to give, so that the block's
output were the teacher's, is known; which weights come nearest is a linear system. Parts are fitted from the image on,
each on what the fitted parts before it give, so that a part also mends what they left. It takes a pass of student and
teacher over some images, and gives a training a better start than the teacher's own weights.

Run ``python -m swiftmedsam.refit --help`` for its use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from litemed.command_line import run_command
from litemed.datasets.files import check_option
from litemed.networks.tiny_vit import ConvNorm, TinyViT, TinyViTBlock
from litemed.training.checkpoints import save_checkpoint
from litemed.training.pretrained import weights_path
from litemed.training.warm_start import warm_start
from monai.bundle import ConfigParser
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from tqdm import tqdm

from swiftmedsam.network import KEPT_BLOCKS, PromptedNetwork, load_network

__all__ = ["Part", "PartError", "encoder_parts", "refit_encoder"]

_NOTHING = 1e-5
"""Error of two equal parts, whose inputs are rounded to half precision."""


class Part(NamedTuple):
    """A part of the encoder.

    Attributes:
        name: of the student's module.
        student: the student's module.
        teacher: the teacher's, with an output of the same shape.
        layer: the student's linear layer whose output is added to the part's, or is the part's; None fits nothing.
    """

    name: str
    student: nn.Module
    teacher: nn.Module
    layer: nn.Module | None


class PartError(NamedTuple):
    """Squared error of a part on held-out images, as a share of the variance of the teacher's output.

    Attributes:
        name: of the part.
        before: before its layer was fitted, the parts before it fitted already.
        after: after that.
    """

    name: str
    before: float
    after: float


def encoder_parts(student: TinyViT, teacher: TinyViT) -> list[Part]:
    """Parts of two encoders of equal widths, in their order.

    Blocks are parts of their own in stages of equal depth; in a stage of which the student has fewer, all blocks
    together are one. Convolutional blocks end in a GELU and have no layer to fit.
    """
    parts = [Part("patch_embed", student.patch_embed, teacher.patch_embed, None)]
    own: Any
    taught: Any
    for index, (own, taught) in enumerate(zip(student.layers, teacher.layers, strict=True)):
        blocks, models = list(own.blocks), list(taught.blocks)
        if len(blocks) != len(models):
            blocks, models = [nn.Sequential(*blocks)], [nn.Sequential(*models)]
        for number, (block, model) in enumerate(zip(blocks, models, strict=True)):
            last = block[-1] if isinstance(block, nn.Sequential) else block
            layer = last.mlp.fc2 if isinstance(last, TinyViTBlock) else None
            parts.append(Part(f"layers.{index}.blocks.{number}", block, model, layer))
        if not isinstance(own.downsample, nn.Identity):
            merge: Any = own.downsample
            parts.append(Part(f"layers.{index}.downsample", merge, taught.downsample, merge.conv3))
    for index, (own, taught) in enumerate(zip(student.neck, teacher.neck, strict=True)):
        parts.append(Part(f"neck.{index}", own, taught, own if isinstance(own, nn.Conv2d) else None))
    return parts


@torch.no_grad()
def refit_encoder(
    student: TinyViT,
    teacher: TinyViT,
    images: Sequence[torch.Tensor],
    held_out: Sequence[torch.Tensor],
    ridge: float = 1e-4,
) -> Iterator[PartError]:
    """Fit the student's linear layers, in place.

    Args:
        student: in evaluation mode: batch normalisations use the statistics that they came with.
        teacher: in evaluation mode, of the same widths.
        images: to fit on, each ``(1, 3, 256, 256)``, values 0 to 1.
        held_out: to measure on.
        ridge: pull towards the layer's present weights, as a share of the mean square of its input.

    Yields:
        The error of each part as soon as it was fitted, in the order of the parts.
    """
    own, taught = ([image.half() for image in (*images, *held_out)] for _ in range(2))
    for part in encoder_parts(student, teacher):
        taught = [part.teacher(x.float()).half() for x in taught]
        before = float("nan")
        if part.layer is not None:
            before = _error(map(part.student, _floats(own[len(images) :])), taught[len(images) :])
            if before > _NOTHING:
                _fit(part, own[: len(images)], taught, ridge)
        own = [part.student(x).half() for x in _floats(own)]
        if part.layer is not None:
            yield PartError(part.name, before, _error(_floats(own[len(images) :]), taught[len(images) :]))


def _floats(values: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    return (value.float().contiguous(memory_format=torch.channels_last) for value in values)


def _error(found: Iterator[torch.Tensor], wanted: Sequence[torch.Tensor]) -> float:
    pairs = [
        (F.mse_loss(value, target.float()), target.float().var()) for value, target in zip(found, wanted, strict=True)
    ]
    squares, variances = (torch.stack(column).mean() for column in zip(*pairs, strict=True))
    return (squares / variances).item()


def _fit(part: Part, given: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor], ridge: float) -> None:
    """Solve for the weights of a part's layer by which its output comes nearest to the wanted one."""
    layer: Any = part.layer
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = layer.register_forward_hook(lambda module, arguments, output: seen.append((arguments[0], output)))
    present = _weights(layer)
    gram = torch.zeros(present.shape[1], present.shape[1], dtype=torch.float64)
    change = torch.zeros(present.shape, dtype=torch.float64)
    try:
        for x, target in zip(_floats(given), wanted, strict=False):
            missing = target.float() - part.student(x)
            features = _rows(layer, seen.pop()[0])
            gram += (features.T @ features).double()
            change += (missing.permute(0, 2, 3, 1).flatten(0, 2).T @ features).double()
    finally:
        hook.remove()
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    _set_weights(layer, present + torch.linalg.solve(gram, change.T).T.float())


def _rows(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """What a layer's weights are multiplied with, a row for each pixel; 1 last where the layer has a bias."""
    if isinstance(layer, nn.Linear):
        return F.pad(x.flatten(0, -2), (0, 1), value=1.0)
    if isinstance(layer, ConvNorm):
        return F.pad(x.permute(0, 2, 3, 1).flatten(0, 2), (0, 1), value=1.0)
    side = layer.kernel_size[0]
    return F.unfold(x, side, padding=side // 2).transpose(1, 2).flatten(0, 1)


def _weights(layer: Any) -> torch.Tensor:
    """A layer's weights ``(out, inputs)``, the bias in the last column; batch normalisation folded in."""
    if isinstance(layer, nn.Linear):
        return torch.cat([layer.weight, layer.bias[:, None]], dim=1)
    if isinstance(layer, ConvNorm):
        folded: Any = fuse_conv_bn_eval(layer.c, layer.bn)
        return torch.cat([folded.weight.flatten(1), folded.bias[:, None]], dim=1)
    return layer.weight.flatten(1)


def _set_weights(layer: Any, weights: torch.Tensor) -> None:
    if isinstance(layer, nn.Linear):
        layer.weight.copy_(weights[:, :-1])
        layer.bias.copy_(weights[:, -1])
    elif isinstance(layer, ConvNorm):
        norm: Any = layer.bn
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        layer.c.weight.copy_((weights[:, :-1] / scale[:, None]).view_as(layer.c.weight))
        norm.bias.copy_(weights[:, -1] + norm.running_mean * scale)
    else:
        layer.weight.copy_(weights.view_as(layer.weight))


def refit(
    output_path: str,
    dataset_dir: str | None = None,
    init_path: str = "lite_medsam",
    teacher_path: str = "lite_medsam",
    decoder_path: str | None = None,
    variant: str = "v2",
    most: int = 10,
    val_most: int = 1,
    ridge: float = 1e-4,
) -> None:
    """Write weights whose image encoder comes as near to the teacher's as its linear layers allow.

    Args:
        output_path: file for the new weights.
        dataset_dir: folder of archives, see train.json; by default the built-in sample. Labels take no part.
        init_path: weights to begin with; of a larger network the blocks and channels that the variant keeps.
        teacher_path: checkpoint of the teacher.
        decoder_path: weights whose prompt encoder and mask decoder the new ones have, in place of those to begin with.
        variant: v1 or v2.
        most: pictures or slices of each modality to fit on.
        val_most: of each modality of the validation part, to measure on.
        ridge: pull towards the weights to begin with.
    """
    from swiftmedsam import BUNDLE_ROOT

    check_option("variant", variant, ("v1", "v2"))
    parser = ConfigParser()
    parser.read_config(f"{BUNDLE_ROOT}/configs/train.json")
    parser.update({"most": most, "val_most": val_most, "flip_probability": 0.0, "cache_rate": 0.0})
    parser["validate#dataset#transform"] = "@train#preprocessing"  # what the encoder sees, not whole images
    if dataset_dir is not None:
        parser["dataset_dir"] = str(dataset_dir)
    student = _started(variant, init_path)
    if decoder_path is not None:
        other = _started(variant, decoder_path)
        student.prompt_encoder, student.mask_decoder = other.prompt_encoder, other.mask_decoder
    teacher = load_network(weights_path(teacher_path))
    images, held_out = (
        [torch.as_tensor(item["image"])[None, :3] for item in parser.get_parsed_content(f"{part}#dataset")]
        for part in ("train", "validate")
    )
    parts = refit_encoder(student.eval().image_encoder, teacher.image_encoder, images, held_out, ridge)
    print(f"fitting on {len(images)} pictures; squared error on {len(held_out)} others, before and after", flush=True)
    for error in tqdm(parts, desc="fitting", disable=None):
        tqdm.write(f"{error.name:<20}{error.before:8.3f}{error.after:8.3f}")
    save_checkpoint(output_path, student)
    print(f"written to {output_path}")


def _started(variant: str, path: str) -> PromptedNetwork:
    """A network with what it has in common with some weights, which is printed."""
    network = PromptedNetwork(variant)
    report = warm_start(network, weights_path(path), KEPT_BLOCKS[variant], narrow=True)
    print(f"start from {path}: {report}", flush=True)
    return network


if __name__ == "__main__":
    run_command(refit, "swiftmedsam.refit")
