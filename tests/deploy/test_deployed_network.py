# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A network in a runtime, in its own place: the same numbers for every shape, and MONAI's metadata."""

from __future__ import annotations

import pytest
import torch
from litemed.deploy import DeployedNetwork, available_runtimes
from monai.data import MetaTensor
from torch import nn


@pytest.mark.parametrize("runtime", available_runtimes())
def test_it_gives_what_the_network_gives(runtime: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
    deployed = DeployedNetwork(network, runtime)
    with torch.no_grad():  # weights that come before the first call
        for value in network.parameters():
            value.normal_()
    deployed.eval()
    for size in ((8, 12), (16, 4)):
        picture = MetaTensor(torch.rand(1, 3, *size), meta={"filename_or_obj": "a.png"})
        with torch.inference_mode():
            found = deployed(picture)
            expected = network.eval()(picture.as_tensor())
        torch.testing.assert_close(torch.Tensor(found), expected, rtol=1e-4, atol=1e-4)
        assert found.meta["filename_or_obj"] == "a.png"
