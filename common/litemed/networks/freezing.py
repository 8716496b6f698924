# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Keeping parts of a network as they are in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import nn

__all__ = ["freeze"]

Network = TypeVar("Network", bound=nn.Module)


def freeze(network: Network, names: Sequence[str]) -> Network:
    """Let parts of a network take no gradients.

    Args:
        network: the whole.
        names: of its modules, as in `torch.nn.Module.named_modules`.

    Returns:
        The network itself.

    Raises:
        ValueError: when it has no module of a name.
    """
    modules = dict(network.named_modules())
    for name in names:
        if not name or name not in modules:
            parts = ", ".join(child for child, _ in network.named_children())
            raise ValueError(f"{type(network).__name__} has no part {name!r} to freeze, its parts are {parts}")
        modules[name].requires_grad_(False)
    return network
