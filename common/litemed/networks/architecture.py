# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a network was built with travels in its state dictionary, and weights of another network are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

__all__ = [
    "APPLICATION_ENTRY",
    "application_of",
    "differences",
    "named",
    "set_architecture",
    "stated_architecture",
    "without_application",
]

APPLICATION_ENTRY = "stated_application"
"""Name of the entry in which a state dictionary says the application in bytes."""

_ENTRY = "architecture"
_BYTES = 64
"""Length of that entry, whatever the application: its name in UTF-8, then zeros."""


def set_architecture(module: nn.Module, /, **options: Any) -> None:
    """State what a network is, in plain values: ``network.architecture``.

    It travels in the metadata of `torch.nn.Module.state_dict`, beside the versions that PyTorch keeps there, so the
    dictionary itself holds tensors alone. ``load_state_dict`` then refuses a dictionary that states an option
    differently: options that change no shape, such as the number of heads or the application, would load silently.

    MONAI's `copy_model_state`, in which `monai.bundle.load` ends, drops the metadata and fills what a file lacks with
    the network's own tensors. ``load_state_dict`` therefore also refuses a dictionary without metadata in which some
    tensors are the network's own; a part is loaded by the tensors to take alone, with ``strict=False``. Files of other
    applications have equal shapes: the application is an entry of the dictionary too, `APPLICATION_ENTRY`. A file
    without it loads as before.

    Args:
        module: the network to describe; a second call adds to what the first one stated.
        options: plain values by name; ``network`` is the name of the class, None is nothing stated.

    Raises:
        ValueError: when ``application`` is longer than 64 bytes.
    """
    stated = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    known = getattr(module, "architecture", None)
    module.architecture = {**(known or {}), **{name: value for name, value in stated.items() if value is not None}}  # type: ignore[assignment]
    if options.get("application") is not None:
        module.register_buffer(APPLICATION_ENTRY, _in_bytes(options["application"]))
    if known is None:
        module.register_state_dict_post_hook(_state)
        module.register_load_state_dict_pre_hook(_check)


def stated_architecture(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a state dictionary says of the network it is of; None where it says nothing."""
    return getattr(state, "_metadata", {}).get("", {}).get(_ENTRY)


def application_of(state: Mapping[str, Any]) -> str | None:
    """The application that an entry of a state dictionary says; None where it has no such entry."""
    value = state.get(APPLICATION_ENTRY)
    if value is None:
        return None
    return bytes(value.flatten().to(torch.uint8).tolist()).rstrip(b"\0").decode(errors="replace")


def without_application(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dictionary's entries but the one that says the application, which is no weight."""
    return {name: value for name, value in state.items() if name != APPLICATION_ENTRY}


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Options that both state, and differently, as "decoder_heads is 8, not 4"."""
    return [
        f"{option} is {found[option]}, not {expected[option]}"
        for option in expected
        if option in found and found[option] != expected[option]
    ]


def named(architecture: Mapping[str, Any]) -> str:
    """An architecture in a few words, as "MiniNet for nuclei"."""
    words = str(architecture.get("network", "a network"))
    if "variant" in architecture:
        words += f" {architecture['variant']}"
    if "application" in architecture:
        words += f" for {architecture['application']}"
    return words


def _state(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
    metadata[_ENTRY] = dict(module.architecture)  # type: ignore[arg-type]


def _check(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any], *_: Any) -> None:
    expected: dict[str, Any] = module.architecture  # type: ignore[assignment]
    found = dict(metadata.get(_ENTRY) or {})
    if _ENTRY not in metadata:
        _refuse_own(module, state, prefix)
    application = application_of({APPLICATION_ENTRY: state.pop(prefix + APPLICATION_ENTRY, None)})
    if application is not None:
        found = {"network": expected.get("network"), **found, "application": application}
    different = differences(found, expected)
    if different:
        raise ValueError(
            f"expected weights of {named(expected)}, found weights of {named(found)}: {', '.join(different)}"
        )
    if APPLICATION_ENTRY in module._buffers:
        state[prefix + APPLICATION_ENTRY] = module._buffers[APPLICATION_ENTRY]


def _refuse_own(module: nn.Module, state: Mapping[str, Any], prefix: str) -> None:
    """Refuse a dictionary that the network's own tensors fill up: a file of another network, or a part of one."""
    own = {name: value for name, value in module.state_dict().items() if name != APPLICATION_ENTRY and value.numel()}
    kept = [name for name, value in own.items() if _is_same(state.get(prefix + name), value)]
    if kept:
        raise ValueError(
            f"expected weights of {named(module.architecture)}, found none for {len(kept)} of its {len(own)} tensors, "  # type: ignore[arg-type]
            f"such as {kept[0]}: name the network that the file is of, by net_override or model in monai.bundle.load, "
            "or give the tensors to take alone, with strict=False"
        )


def _is_same(given: Any, own: torch.Tensor) -> bool:
    """Whether two tensors are one in memory."""
    return isinstance(given, torch.Tensor) and not own.is_meta and given.data_ptr() == own.data_ptr()


def _in_bytes(application: str) -> torch.Tensor:
    """An application's name as an entry of a state dictionary, ``(64,)`` of uint8."""
    name = application.encode()
    if len(name) > _BYTES:
        raise ValueError(f"expected an application of at most {_BYTES} bytes, got {application!r}")
    return torch.tensor(list(name.ljust(_BYTES, b"\0")), dtype=torch.uint8)
