# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a network was built with travels in its state dictionary, and weights of another network are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

__all__ = ["differences", "named", "set_architecture", "stated_architecture"]

_ENTRY = "architecture"


def set_architecture(module: nn.Module, /, **options: Any) -> None:
    """State what a network is, in plain values: ``network.architecture``.

    It travels in the metadata of `torch.nn.Module.state_dict`, beside the versions that PyTorch keeps there, so the
    dictionary itself holds tensors alone. ``load_state_dict`` then refuses a dictionary that states an option
    differently: options that change no shape, such as the number of heads or the application, would load silently.

    Args:
        module: the network to describe; a second call adds to what the first one stated.
        options: plain values by name; ``network`` is the name of the class, None is nothing stated.
    """
    stated = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    known = getattr(module, "architecture", None)
    module.architecture = {**(known or {}), **{name: value for name, value in stated.items() if value is not None}}  # type: ignore[assignment]
    if known is None:
        module.register_state_dict_post_hook(_state)
        module.register_load_state_dict_pre_hook(_check)


def stated_architecture(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a state dictionary says of the network it is of; None where it says nothing."""
    return getattr(state, "_metadata", {}).get("", {}).get(_ENTRY)


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
    found, expected = metadata.get(_ENTRY), module.architecture
    different = differences(found, expected) if found else []  # type: ignore[arg-type]
    if different:
        raise ValueError(
            f"expected weights of {named(expected)}, found weights of {named(found)}: {', '.join(different)}"  # type: ignore[arg-type]
        )
