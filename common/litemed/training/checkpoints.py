# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that say which network they are of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from litemed.files import replacing
from litemed.networks.architecture import application_of, differences, stated_architecture, without_application
from litemed.networks.published import name_of, published_by_shapes
from litemed.training.weight_record import CheckpointError, check_record, record_path, write_record

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "found_in",
    "load_checkpoint",
    "load_network",
    "read_checkpoint",
    "save_checkpoint",
    "write_state",
]


class Checkpoint(NamedTuple):
    """What a checkpoint file holds.

    Attributes:
        state: tensors by name.
        architecture: what the network was built with; None where neither the file nor its record says so.
    """

    state: dict[str, torch.Tensor]
    architecture: dict[str, Any] | None


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
    found = dict(architecture or (published_by_shapes(state) if expected else None) or {})
    if application := application_of(state):
        found |= {"application": application}
    if any_application:
        expected.pop("application", None)
    different = differences(found, expected)
    if different:
        raise CheckpointError(path, f"weights of {name_of(expected)}", f"{name_of(found)} ({', '.join(different)})")
    state, own = without_application(state), without_application(network.state_dict())
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
            raise CheckpointError(path, f"weights of one of {', '.join(networks)}", found_in(checkpoint))
    network = networks[name]()
    load_checkpoint(network, path)
    return network.eval()


def _fits(build: Callable[[], nn.Module], checkpoint: Checkpoint) -> bool:
    with torch.device("meta"):
        network = build()
    if differences(checkpoint.architecture or {}, getattr(network, "architecture", None) or {}):
        return False
    own, found = (without_application(state) for state in (network.state_dict(), checkpoint.state))
    return {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in found.items()}


def _not_finite(state: Mapping[str, torch.Tensor]) -> str | None:
    """The first entry with a value that isn't finite."""
    return next((name for name, value in state.items() if not value.isfinite().all()), None)


def found_in(checkpoint: Checkpoint) -> str:
    """What a checkpoint is of, in words."""
    architecture = checkpoint.architecture or published_by_shapes(checkpoint.state)
    if architecture is not None:
        return f"weights of {name_of(architecture)}"
    return f"{len(checkpoint.state)} entries: {', '.join(list(checkpoint.state)[:3])}, ..."
