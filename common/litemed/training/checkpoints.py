# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that say which network they are of, and starting a network from another's weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from litemed.files import replacing
from litemed.networks.architecture import differences, named, stated_architecture
from litemed.training.weight_record import CheckpointError, check_record, record_path, write_record

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "WarmStart",
    "load_checkpoint",
    "load_network",
    "read_checkpoint",
    "save_checkpoint",
    "warm_start",
    "write_state",
]

_PUBLISHED: dict[str, dict[str, Any]] = {
    "LiteMedSAM": {
        "network": "MedSAMLite",
        "encoder_depths": [2, 2, 6, 2],
        "decoder_depth": 2,
        "decoder_mlp_channels": 2048,
        "decoder_heads": 8,
        "iou_depth": 3,
    },
    "SwiftMedSAM v1": {
        "network": "MedSAMLite",
        "encoder_depths": [2, 2, 4, 2],
        "decoder_depth": 1,
        "decoder_mlp_channels": 1024,
        "decoder_heads": 8,
        "iou_depth": 2,
    },
    "SwiftMedSAM v2": {
        "network": "MedSAMLite",
        "encoder_depths": [1, 2, 2, 2],
        "decoder_depth": 1,
        "decoder_mlp_channels": 256,
        "decoder_heads": 4,
        "iou_depth": 2,
    },
}
_PUBLISHED["class-prompt TinyViT"] = _PUBLISHED["LiteMedSAM"] | {"network": "ClassPromptMedSAM"}


class Checkpoint(NamedTuple):
    """What a checkpoint file holds.

    Attributes:
        state: tensors by name.
        architecture: what the network was built with; None where neither the file nor its record says so.
    """

    state: dict[str, torch.Tensor]
    architecture: dict[str, Any] | None


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


def save_checkpoint(
    path: str | os.PathLike[str],
    network: nn.Module,
    dtype: torch.dtype | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write the weights of a network as a plain state dictionary, whole or not at all, and its record beside it.

    What the network states of itself travels in the dictionary's metadata (`litemed.networks.architecture`). The same
    weights give the same bytes, whatever the file's name.

    Args:
        path: the file.
        network: the network.
        dtype: of the weights, such as ``torch.float16`` for half the size. Entries of one dimension (biases,
            normalisations and their statistics) keep theirs. Loading turns them back.
        record: what to write into ``model.json`` of ``model.pt`` (`litemed.training.weight_record`), to which class,
            architecture and number of parameters are added; None writes none, and removes one of earlier weights.

    Raises:
        ValueError: when a weight isn't finite, naming it.
    """
    state = network.state_dict()
    for name, value in state.items():
        state[name] = value.detach().cpu()
        if dtype is not None and value.is_floating_point() and value.ndim > 1:
            state[name] = state[name].to(dtype)
    unfit = _not_finite(state)
    if unfit:
        raise ValueError(f"{path} isn't written: {unfit} isn't finite{'' if dtype is None else f' as {dtype}'}")
    record_path(path).unlink(missing_ok=True)
    write_state(path, state)
    if record is not None:
        described = {
            "network": type(network).__name__,
            "architecture": getattr(network, "architecture", None),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
        }
        write_record(path, {**record, **described})


def write_state(path: str | os.PathLike[str], state: Any) -> None:
    """Write what `torch.save` writes, whole or not at all; the same content gives the same bytes, whatever the name."""
    with replacing(path) as temporary, temporary.open("wb") as file:  # a path's name would go into the file
        torch.save(state, file)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a state dictionary, or one within ``{"model": ...}``, as training scripts write it.

    Nothing but tensors and plain values is unpickled. The prefix ``module.`` of distributed training is taken off.

    Raises:
        CheckpointError: when there is no such file, it is damaged, isn't the one its record is of, holds no state
            dictionary, or holds weights that aren't finite.
    """
    path, expected = Path(path), "a state dictionary"
    if not path.is_file():
        raise CheckpointError(path, expected, "no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        size = f"{path.stat().st_size:,} bytes"
        raise CheckpointError(path, expected, f"{size} that are truncated or something else ({reason})") from error
    state, architecture = content, None
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        state, architecture = content["model"], content.get("architecture")
    entries = state.items() if isinstance(state, Mapping) else ()
    if not entries or not all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in entries):
        raise CheckpointError(path, f'{expected}, itself or as "model"', f"{type(content).__name__} of other things")
    record = check_record(path) or {}
    architecture = architecture or stated_architecture(state) or record.get("architecture")
    unfit = _not_finite(state)
    if unfit:
        raise CheckpointError(path, "finite weights", f"{unfit} that isn't")
    if odd := next((name for name, value in state.items() if value.is_complex()), None):
        raise CheckpointError(path, "real weights", f"{odd} of complex ones")
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return Checkpoint(dict(state), architecture)


def load_checkpoint(network: nn.Module, path: str | os.PathLike[str], any_application: bool = False) -> None:
    """Load a checkpoint strictly, after checking that it is of this network.

    Where the file says what it is of, that must equal ``network.architecture``: the number of heads, the pooling and
    the application change no shape. Where it doesn't, the published networks are known by their shapes.

    Args:
        network: what to load into; it is left as it was when anything doesn't fit.
        path: the file, see `read_checkpoint`.
        any_application: take weights of another application too, to train on.

    Raises:
        CheckpointError: when the file can't be read, or is of another network; the text says which.
    """
    state, architecture = read_checkpoint(path)
    expected = dict(getattr(network, "architecture", None) or {})
    found = architecture or (_published_by_shapes(state) if expected else None) or {}
    if any_application:
        expected.pop("application", None)
    different = differences(found, expected)
    if different:
        raise CheckpointError(path, f"weights of {_name(expected)}", f"{_name(found)} ({', '.join(different)})")
    own = network.state_dict()
    problems = [
        f"{title} {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
        for title, names in (
            ("missing", [name for name in own if name not in state]),
            ("unexpected", [name for name in state if name not in own]),
            (
                "of another shape",
                [
                    f"{name} ({list(state[name].shape)}, expected {list(own[name].shape)})"
                    for name in own
                    if name in state and state[name].shape != own[name].shape
                ],
            ),
        )
        if names
    ]
    if problems:
        raise CheckpointError(path, f"weights of {type(network).__name__}", f"others: {'; '.join(problems)}")
    network.load_state_dict(state, strict=True)


def load_network(path: str | os.PathLike[str], networks: Mapping[str, Callable[[], nn.Module]]) -> nn.Module:
    """Build the network that a checkpoint is of, and load it.

    Args:
        path: the checkpoint, see `read_checkpoint`.
        networks: what builds each of the networks that it may be of, by name.

    Returns:
        The network in evaluation mode.

    Raises:
        CheckpointError: when the file can't be read, or is of another network.
    """
    name = next(iter(networks))
    if len(networks) > 1:
        checkpoint = read_checkpoint(path)
        fitting = (name for name, build in networks.items() if _fits(build, checkpoint))
        name = next(fitting, "")
        if not name:
            raise CheckpointError(path, f"weights of one of {', '.join(networks)}", _found(checkpoint))
    network = networks[name]()
    load_checkpoint(network, path)
    return network.eval()


def _fits(build: Callable[[], nn.Module], checkpoint: Checkpoint) -> bool:
    with torch.device("meta"):
        network = build()
    if differences(checkpoint.architecture or {}, getattr(network, "architecture", None) or {}):
        return False
    return {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in checkpoint.state.items()
    }


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
    own = network.state_dict()
    origin, kept = _with_blocks(state, own, keep_blocks or {})
    source = {name: state[old] for name, old in origin.items()}
    cut = _cut_to_strongest(source, own) if narrow else []
    taken = tuple(name for name, value in own.items() if name in source and source[name].shape == value.shape)
    if not taken:
        expected = f"an entry of the name and shape of one of {type(network).__name__}"
        raise CheckpointError(path, expected, _found(Checkpoint(state, architecture)))
    network.load_state_dict({name: source[name] for name in taken}, strict=False)
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    wanted = getattr(network, "architecture", None)
    found = architecture or _published_by_shapes(state)
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
    state: Mapping[str, torch.Tensor],
    own: Mapping[str, torch.Tensor],
    keep_blocks: Mapping[int | str, Sequence[int]],
) -> tuple[dict[str, str], list[str]]:
    """The names that the checkpoint's entries get, with those they have, and what was kept where."""
    origin, kept = {name: name for name in state}, []
    for stage, blocks in keep_blocks.items():
        prefix = f"image_encoder.layers.{stage}.blocks."
        places, there = _count(own, prefix), _count(state, prefix)
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


def _published_by_shapes(state: Mapping[str, torch.Tensor]) -> dict[str, Any] | None:
    """The published architecture that has these entries, if one does."""
    transformer, hidden = "mask_decoder.transformer.layers.", "mask_decoder.transformer.layers.0.mlp.lin1.bias"
    if hidden not in state:
        return None
    found = {
        "network": "ClassPromptMedSAM" if any(name.startswith("class_head.") for name in state) else "MedSAMLite",
        "encoder_depths": [_count(state, f"image_encoder.layers.{stage}.blocks.") for stage in range(4)],
        "decoder_depth": _count(state, transformer),
        "decoder_mlp_channels": len(state[hidden]),
        "iou_depth": _count(state, "mask_decoder.iou_prediction_head.layers."),
    }
    return next((known for known in _PUBLISHED.values() if not differences(found, known)), None)


def _count(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    """Number of a module list's members."""
    return len({name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)})


def _not_finite(state: Mapping[str, torch.Tensor]) -> str | None:
    """The first entry with a value that isn't finite."""
    return next((name for name, value in state.items() if not value.isfinite().all()), None)


def _found(checkpoint: Checkpoint) -> str:
    """What a checkpoint is of, in words."""
    architecture = checkpoint.architecture or _published_by_shapes(checkpoint.state)
    if architecture is not None:
        return f"weights of {_name(architecture)}"
    return f"{len(checkpoint.state)} entries: {', '.join(list(checkpoint.state)[:3])}, ..."


def _name(architecture: Mapping[str, Any]) -> str:
    """Name of the published network that has an architecture, else the class."""
    for name, known in _PUBLISHED.items():
        if known.keys() <= architecture.keys() and not differences(architecture, known):
            return name
    return named(architecture)
