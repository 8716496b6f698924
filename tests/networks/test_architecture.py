# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What state dictionaries of stated networks are refused, by the loaders of PyTorch and MONAI."""

from __future__ import annotations

import copy

import pytest
import torch
from litemed.networks.architecture import APPLICATION_ENTRY, application_of, set_architecture
from monai.networks.utils import copy_model_state
from torch import nn


class _Network(nn.Module):
    def __init__(self, depth: int = 2, application: str | None = None) -> None:
        super().__init__()
        set_architecture(self, network="Network", depth=depth, application=application)
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(depth))


def _plain(network: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of its tensors, without metadata."""
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_a_part_of_a_file_is_refused_by_a_sentence() -> None:
    network, other = _Network(), _Network(1)
    before = _plain(network)
    with pytest.raises(
        ValueError, match=r"^expected weights of Network, found none for 2 of its 4 tensors, such as"
    ) as e:
        copy_model_state(network, other)
    assert "layers.1.weight: name the network that the file is of, by net_override or model in mon" in str(e.value)
    with pytest.raises(ValueError, match=r"found none for 4 of its 4 tensors, such as layers\.0\.w"):
        copy_model_state(network, {"model": other.state_dict()})
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_whole_files_and_the_networks_own_dictionary_load() -> None:
    network, other = _Network(), _Network()
    network.load_state_dict(network.state_dict())
    copy_model_state(network, other)
    assert torch.equal(network.layers[1].weight, other.layers[1].weight)
    network.load_state_dict(_plain(network))
    started = network.state_dict()  # one's own dictionary with some of another, to start from
    started["layers.0.weight"] = torch.ones(3, 3)
    network.load_state_dict(started)
    assert network.layers[0].weight.eq(1).all()


def test_a_part_loads_where_it_is_asked_for() -> None:
    network, other = _Network(), _Network(1)
    mixed, taken, left = copy_model_state(network, other, inplace=False)
    assert left == ["layers.1.bias", "layers.1.weight"]
    network.load_state_dict({name: mixed[name] for name in taken}, strict=False)
    assert torch.equal(network.layers[0].weight, other.layers[0].weight)


def test_another_application_is_refused_without_metadata() -> None:
    vessels, nuclei = _Network(application="vessels"), _Network(application="nuclei")
    for load in (vessels.load_state_dict, lambda state: copy_model_state(vessels, state)):
        for state in (_plain(nuclei), {name: value.half() for name, value in _plain(nuclei).items()}):
            with pytest.raises(
                ValueError, match=r"expected weights of Network for vessels, found weights of Network for nuclei"
            ):
                load(state)
    copy_model_state(vessels, _Network(application="vessels"))
    assert application_of(vessels.state_dict()) == "vessels"


def test_a_file_that_says_no_application_loads_and_states_the_networks_own() -> None:
    vessels, earlier = _Network(application="vessels"), _Network()
    assert APPLICATION_ENTRY not in earlier.state_dict()
    for state in (_plain(earlier), earlier.state_dict()):
        vessels.load_state_dict(state)
        copy_model_state(vessels, state)
    assert torch.equal(vessels.layers[1].bias, earlier.layers[1].bias)
    assert application_of(vessels.state_dict()) == "vessels"


def test_a_network_of_no_application_takes_any() -> None:
    network, nuclei = _Network(), _Network(application="nuclei")
    network.load_state_dict(_plain(nuclei))
    assert torch.equal(network.layers[0].weight, nuclei.layers[0].weight)
    assert APPLICATION_ENTRY not in network.state_dict()


def test_the_entry_says_the_application_in_64_bytes() -> None:
    network = copy.deepcopy(_Network(application="Kapillären"))
    entry = network.state_dict()[APPLICATION_ENTRY]
    assert bytes(entry.tolist()) == "Kapillären".encode() + bytes(64 - 11)
    assert application_of(network.state_dict()) == "Kapillären"
    assert sum(value.numel() for value in network.parameters()) == 2 * (9 + 3)
    with pytest.raises(ValueError, match="expected an application of at most 64 bytes, got 'xxx"):
        _Network(application=65 * "x")


def test_a_network_within_another_is_checked_too() -> None:
    both, other = nn.Sequential(_Network(application="vessels")), nn.Sequential(_Network(1, application="vessels"))
    with pytest.raises(ValueError, match="for vessels, found none for 2 of its 4 tensors"):
        copy_model_state(both, other)
    both.load_state_dict(_plain(nn.Sequential(_Network(application="vessels"))))
    with pytest.raises(ValueError, match="for vessels, found weights of Network for skin"):
        both.load_state_dict(_plain(nn.Sequential(_Network(application="skin"))))
