# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Starting a network from the weights of another one: what has the same name and shape, and chosen parts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from litemed.networks.architecture import without_application
from litemed.networks.published import count_members, published_by_shapes
from litemed.training.checkpoints import Checkpoint, CheckpointError, found_in, read_checkpoint
from litemed.training.pretrained import weights_path
from litemed.training.weights import StartFrom

__all__ = ["WarmStart", "WarmStartFrom", "warm_start"]


class WarmStartFrom(StartFrom):
    """Start a training from another network's weights, and print what was taken of them.

    Args:
        network: what to load into.
        path: the checkpoint, see `litemed.training.pretrained.weights_path`; None or "" is random initialisation.
        keep_blocks: see `warm_start`.
        narrow: see `warm_start`.
    """

    def __init__(
        self,
        network: nn.Module,
        path: str | Path | None,
        keep_blocks: Mapping[int | str, Sequence[int]] | None = None,
        narrow: bool = False,
    ) -> None:
        super().__init__(network, path)
        self.keep_blocks = keep_blocks
        self.narrow = narrow

    def load(self, path: str | Path) -> None:
        """Load what fits of a checkpoint into the network."""
        report = warm_start(self.network, weights_path(path), self.keep_blocks, self.narrow)
        print(f"start from {path}: {report}", flush=True)


class WarmStart(NamedTuple):
    """What a network took from a checkpoint, and what it left.

    Attributes:
        taken: names of the entries that were copied.
        left: names of the network's entries that weren't: the checkpoint has none of that name and shape.
        unused: names of the checkpoint's entries that were not copied.
        parameters_taken: number of parameters copied.
        parameters: number of the network's parameters.
        changed: what isn't as in the checkpoint though it was copied: blocks and channels that were chosen, and options
            that change no shape, as "decoder_heads 8 -> 4".
    """

    taken: tuple[str, ...]
    left: tuple[str, ...]
    unused: tuple[str, ...]
    parameters_taken: int
    parameters: int
    changed: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"took {len(self.taken)} of {len(self.taken) + len(self.left)} entries "
            f"({self.parameters_taken:,} of {self.parameters:,} parameters)"
        ]
        for title, names in (("left", self.left), ("unused", self.unused), ("changed", self.changed)):
            if names:
                lines.append(f"{title}: {', '.join(names)}")
        return "\n".join(lines)


def warm_start(
    network: nn.Module,
    path: str | os.PathLike[str],
    keep_blocks: Mapping[int | str, Sequence[int]] | None = None,
    narrow: bool = False,
) -> WarmStart:
    """Copy what a checkpoint has of the same name and shape, and report it.

    A network with fewer blocks in a stage of its encoder takes the first ones by name; ``keep_blocks`` takes others.

    Args:
        network: what to copy into.
        path: the file, see `read_checkpoint`.
        keep_blocks: for a stage (from 0), which of the checkpoint's blocks become the network's, in order. Stages
            of which the checkpoint has no more blocks than the network are taken by name.
        narrow: give an MLP of the mask decoder with fewer hidden channels the checkpoint's strongest: those whose
            weights towards and from them have the largest product of norms.

    Raises:
        CheckpointError: when the file can't be read, or nothing in it fits.
        ValueError: when a stage hasn't the blocks to keep.
    """
    state, architecture = read_checkpoint(path)
    state, own = without_application(state), without_application(network.state_dict())
    origin, kept = _with_blocks(state, own, keep_blocks or {})
    source = {name: state[old] for name, old in origin.items()}
    cut = _cut_to_strongest(source, own) if narrow else []
    taken = tuple(name for name, value in own.items() if name in source and source[name].shape == value.shape)
    if not taken:
        expected = f"an entry of the name and shape of one of {type(network).__name__}"
        raise CheckpointError(path, expected, found_in(Checkpoint(state, architecture)))
    network.load_state_dict({name: source[name] for name in taken}, strict=False)
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    wanted = getattr(network, "architecture", None)
    found = architecture or published_by_shapes(state)
    silent = ("decoder_heads", "pooling")
    used = {origin[name] for name in taken}
    return WarmStart(
        taken,
        tuple(name for name in own if name not in taken),
        tuple(name for name in state if name not in used),
        sum(sizes.get(name, 0) for name in taken),
        sum(sizes.values()),
        (
            *kept,
            *cut,
            *(
                f"{option} {found[option]} -> {wanted[option]}"
                for option in silent
                if wanted and found and option in wanted and option in found and wanted[option] != found[option]
            ),
        ),
    )


def _with_blocks(
    state: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], keep_blocks: Mapping[int | str, Sequence[int]]
) -> tuple[dict[str, str], list[str]]:
    """The names that the checkpoint's entries get, with those they have, and what was kept where."""
    origin, kept = {name: name for name in state}, []
    for stage, blocks in keep_blocks.items():
        prefix = f"image_encoder.layers.{stage}.blocks."
        places, there = count_members(own, prefix), count_members(state, prefix)
        if there <= places:
            continue
        if len(blocks) != places or len(set(blocks)) != places or not set(blocks) <= set(range(there)):
            raise ValueError(
                f"expected {places} different blocks of stage {stage} to keep, of 0 to {there - 1}, got {list(blocks)}"
            )
        origin = {name: old for name, old in origin.items() if not name.startswith(prefix)}
        for place, block in enumerate(blocks):
            own_prefix = f"{prefix}{block}."
            names = [name for name in state if name.startswith(own_prefix)]
            origin |= {f"{prefix}{place}.{name.removeprefix(own_prefix)}": name for name in names}
        kept.append(f"stage {stage} keeps blocks {' '.join(map(str, blocks))} of {there}")
    return origin, kept


def _cut_to_strongest(source: dict[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> list[str]:
    """Cut the mask decoder's MLPs, in place, to as many hidden channels as the network has; says what was cut."""
    cut = []
    for name, value in own.items():
        if not (name.startswith("mask_decoder.transformer.") and name.endswith(".mlp.lin1.weight")):
            continue
        stem = name.removesuffix("lin1.weight")
        if name not in source or len(source[name]) <= len(value):
            continue
        to, bias, back = (source[f"{stem}{entry}"] for entry in ("lin1.weight", "lin1.bias", "lin2.weight"))
        strength = to.float().norm(dim=1) * back.float().norm(dim=0)
        strongest = strength.topk(len(value)).indices.sort().values
        source[name], source[f"{stem}lin1.bias"] = to[strongest], bias[strongest]
        source[f"{stem}lin2.weight"] = back[:, strongest]
        cut.append(f"{stem.removesuffix('.')} keeps {len(value)} of {len(to)} channels")
    return cut
