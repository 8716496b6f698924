# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Freezing by name."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from litemed.networks.freezing import freeze
from torch import nn


def test_named_parts_take_no_gradients() -> None:
    network = nn.Sequential(OrderedDict(body=nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3)), head=nn.Linear(3, 1)))
    assert freeze(network, ["body.1", "head"]) is network
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert frozen == {"body.1.weight", "body.1.bias", "head.weight", "head.bias"}
    for name in ("tail", ""):
        with pytest.raises(ValueError, match=f"Sequential has no part '{name}' to freeze, its parts are body, head"):
            freeze(network, [name])
