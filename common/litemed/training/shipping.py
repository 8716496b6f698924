# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Putting weights of a training into a bundle.

    python -m litemed.training.shipping runs/RUN/model.pt BUNDLE/models/NAME.pt --variant v2 --half True

What the earlier record says of licence and data stays; correct it by hand where that has changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from litemed.command_line import refuse_unknown_ids, run_command
from litemed.training.checkpoints import load_checkpoint, save_checkpoint
from litemed.training.weight_record import read_record

__all__ = ["ship_weights"]


def ship_weights(source: str, target: str, half: bool = False, average_with: str | None = None, **options: Any) -> None:
    """Write weights as a plain state dictionary with its record into a bundle's ``models``.

    The network is that of ``train_<name>.json`` for ``model_<name>.pt`` where there is such a configuration, else of
    ``inference.json``.

    Args:
        source: the weights, of any format that `litemed.training.checkpoints.read_checkpoint` takes.
        target: ``BUNDLE/models/NAME.pt``.
        half: keep matrices in half precision.
        average_with: other weights of the network, such as those that a training began with; the mean of both is
            shipped (Wortsman et al., "Model soups", 2022).
        options: ids of the configuration that the network depends on, as ``--variant v2``.

    Raises:
        CheckpointError: when the weights are of another network.
        ValueError: for options that the configuration doesn't have.
    """
    bundle = Path(target).absolute().parents[1]
    own = bundle / f"configs/train_{Path(target).stem.partition('_')[2]}.json"
    parser = ConfigParser()
    parser.read_config(str(own if own.is_file() else bundle / "configs/inference.json"))
    refuse_unknown_ids(bundle.name, options, parser)
    parser.update(options)
    network = parser.get_parsed_content("network_def")
    load_checkpoint(network, source)
    if average_with is not None:
        first = {name: value.clone() for name, value in network.state_dict().items()}
        load_checkpoint(network, average_with)
        for name, value in network.state_dict().items():
            value.copy_((value + first[name]) / 2 if value.is_floating_point() else first[name])
    record = {"bundle": bundle.name, **(read_record(target) or {}), **(read_record(source) or {})}
    record = {key: value for key, value in record.items() if key not in ("weights", "sha256")}
    save_checkpoint(target, network, torch.float16 if half else None, record)
    print(f"written to {target}")


if __name__ == "__main__":
    run_command(ship_weights, "litemed.training.shipping")
