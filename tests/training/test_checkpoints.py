# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what they say, what is refused, and what a warm start takes."""

from __future__ import annotations

import hashlib
import pickle
from functools import partial
from pathlib import Path

import pytest
import torch
from litemed.networks.architecture import application_of, set_architecture
from litemed.training.checkpoints import (
    CheckpointError,
    load_checkpoint,
    load_network,
    read_checkpoint,
    save_checkpoint,
)
from litemed.training.warm_start import warm_start
from litemed.training.weight_record import read_record, record_path, write_record
from torch import nn


class _Network(nn.Sequential):
    """A network whose number of heads changes no shape."""

    def __init__(self, heads: int, width: int = 3, application: str | None = None) -> None:
        super().__init__(nn.Linear(4, width), nn.BatchNorm1d(width))
        set_architecture(self, network="Network", decoder_heads=heads, application=application)


@pytest.fixture
def network() -> _Network:
    torch.manual_seed(0)
    return _Network(heads=8)


def test_saved_and_loaded(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.pt"
    save_checkpoint(path, network)
    checkpoint = read_checkpoint(path)
    assert checkpoint.architecture == {"network": "Network", "decoder_heads": 8}
    other = _Network(heads=8)
    load_checkpoint(other, path)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)
    assert [file.name for file in path.parent.iterdir()] == ["model.pt"]


def test_half_precision_is_for_matrices_only(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, network, torch.float16)
    kinds = {name: value.dtype for name, value in read_checkpoint(path).state.items()}
    assert kinds == {
        "0.weight": torch.float16,
        "0.bias": torch.float32,
        "1.weight": torch.float32,
        "1.bias": torch.float32,
        "1.running_mean": torch.float32,
        "1.running_var": torch.float32,
        "1.num_batches_tracked": torch.int64,
    }
    other = _Network(heads=8)
    load_checkpoint(other, path)
    assert other[0].weight.dtype == torch.float32
    torch.testing.assert_close(other[0].weight, network[0].weight, rtol=1e-3, atol=1e-6)


def test_the_file_is_a_plain_state_dictionary(network: _Network, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", network)
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert list(content) == list(network.state_dict())
    # what any loader ends in refuses what changes no shape
    _Network(heads=8).load_state_dict(content)
    with pytest.raises(ValueError, match=r"expected weights of Network, found weights of Network: decoder_heads is 8"):
        _Network(heads=4).load_state_dict(content)


def test_equal_weights_give_equal_bytes_whatever_the_name(network: _Network, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "one.pt", network)
    save_checkpoint(tmp_path / "another.pt", _Network(heads=8))
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()


def test_another_application_is_refused_but_to_train_on(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "nuclei.pt", _Network(heads=8, application="nuclei"))
    vessels = _Network(heads=8, application="vessels")
    with pytest.raises(CheckpointError, match="expected weights of Network for vessels, found Network for nuclei"):
        load_checkpoint(vessels, tmp_path / "nuclei.pt")
    load_checkpoint(vessels, tmp_path / "nuclei.pt", any_application=True)
    with pytest.raises(CheckpointError, match="heads is 8, not 4"):
        load_checkpoint(_Network(heads=4), tmp_path / "nuclei.pt", any_application=True)


def test_the_application_stays_in_a_file_without_metadata(tmp_path: Path) -> None:
    nuclei, vessels = _Network(heads=8, application="nuclei"), _Network(heads=8, application="vessels")
    torch.save(dict(nuclei.state_dict()), tmp_path / "nuclei.pt")
    with pytest.raises(CheckpointError, match="application is nuclei, not vessels"):
        load_checkpoint(vessels, tmp_path / "nuclei.pt")
    load_checkpoint(vessels, tmp_path / "nuclei.pt", any_application=True)
    assert torch.equal(vessels[0].weight, nuclei[0].weight)
    assert application_of(vessels.state_dict()) == "vessels"
    assert warm_start(_Network(heads=8, application="skin"), tmp_path / "nuclei.pt").left == ()


def test_a_file_from_before_applications_were_entries_is_loaded(tmp_path: Path) -> None:
    earlier, network = _Network(heads=8), _Network(heads=8, application="vessels")
    torch.save(earlier.state_dict(), tmp_path / "earlier.pt")
    load_checkpoint(network, tmp_path / "earlier.pt")
    assert torch.equal(network[0].weight, earlier[0].weight)
    networks = {name: partial(_Network, 8, 3, name) for name in ("vessels", "skin")}
    assert application_of(load_network(tmp_path / "earlier.pt", networks).state_dict()) == "vessels"


def test_the_record_is_of_the_very_file(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, network, record={"bundle": "some", "threshold": 0.5})
    record = read_record(path)
    assert record is not None
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(record)[:3] == ["weights", "sha256", "bundle"]
    assert (record["weights"], record["network"], record["parameters"]) == ("model.pt", "_Network", 4 * 3 + 3 + 3 + 3)
    assert record["architecture"] == network.architecture
    load_checkpoint(network, path)
    torch.save({name: value + 1 for name, value in network.state_dict().items()}, path)
    with pytest.raises(
        CheckpointError, match=r"model\.pt: expected the file that model\.json beside it describes, of SHA"
    ):
        load_checkpoint(network, path)
    record_path(path).write_text("{}")
    with pytest.raises(
        CheckpointError, match=r"model\.json: expected the record of model\.pt, found JSON without its sha"
    ):
        load_checkpoint(network, path)
    save_checkpoint(path, network)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]


def test_the_record_states_what_the_file_does_not(network: _Network, tmp_path: Path) -> None:
    torch.save(dict(network.state_dict()), tmp_path / "model.pt")
    write_record(tmp_path / "model.pt", {"architecture": network.architecture})
    with pytest.raises(CheckpointError, match="heads is 8, not 4"):
        load_checkpoint(_Network(heads=4), tmp_path / "model.pt")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_neither_written_nor_read(
    network: _Network, tmp_path: Path, value: float
) -> None:
    network[1].running_var[1] = value
    with pytest.raises(ValueError, match=r"1\.running_var isn't finite"):
        save_checkpoint(tmp_path / "model.pt", network)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"model\.pt: expected finite weights, found 1\.running_var that isn't"):
        load_checkpoint(_Network(heads=8), tmp_path / "model.pt")


def test_a_weight_too_large_for_half_precision_is_refused(network: _Network, tmp_path: Path) -> None:
    nn.init.constant_(network[0].weight, 70_000)
    with pytest.raises(ValueError, match=r"0\.weight isn't finite as torch\.float16"):
        save_checkpoint(tmp_path / "model.pt", network, torch.float16)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"model": state, "optimizer": {"lr": 0.1}, "epoch": 3},
        lambda state: {f"module.{name}": value for name, value in state.items()},
    ],
)
def test_raw_and_training_checkpoints_are_read(network: _Network, tmp_path: Path, wrap) -> None:
    path = tmp_path / "model.pth"
    torch.save(wrap(network.state_dict()), path)
    other = _Network(heads=8)
    load_checkpoint(other, path)
    torch.testing.assert_close(other[0].weight, network[0].weight)


def test_other_heads_are_refused_though_every_shape_fits(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, network)
    other = _Network(heads=4)
    before = other[0].weight.clone()
    with pytest.raises(
        ValueError, match=r"model\.pt: expected weights of Network, found Network \(decoder_heads is 8, not 4\)"
    ):
        load_checkpoint(other, path)
    torch.testing.assert_close(other[0].weight, before, rtol=0, atol=0)


def test_entries_that_do_not_fit_are_named(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    state = network.state_dict()
    del state["0.bias"]
    state["extra"] = torch.zeros(1)
    state["0.weight"] = torch.zeros(5, 4)
    torch.save(state, path)
    before = network[1].weight.clone()
    with pytest.raises(
        ValueError,
        match=r"missing 0\.bias; unexpected extra; of another shape 0\.weight \(\[5, 4\], expected \[3, 4\]\)",
    ):
        load_checkpoint(network, path)
    torch.testing.assert_close(network[1].weight, before, rtol=0, atol=0)


def test_missing_truncated_and_foreign_files_are_refused(network: _Network, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.pt: expected a state dictionary, found no such file"):
        read_checkpoint(tmp_path / "none.pt")
    whole, part = tmp_path / "whole.pt", tmp_path / "part.pt"
    save_checkpoint(whole, network)
    part.write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"part\.pt: expected .*, found 1,000 bytes that are truncated"):
        load_checkpoint(network, part)
    torch.save([1, 2, 3], part)
    with pytest.raises(CheckpointError, match="found list of other things"):
        load_checkpoint(network, part)
    torch.save({"model": nn.Linear(1, 1)}, part)
    with pytest.raises(CheckpointError, match="truncated or something else"):
        load_checkpoint(network, part)


def test_warm_start_reports_what_it_took_and_left(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, network)
    other = _Network(heads=4)
    other.append(nn.Linear(3, 2))
    report = warm_start(other, path)
    torch.testing.assert_close(other[0].weight, network[0].weight)
    assert report.left == ("2.weight", "2.bias")
    assert report.unused == ()
    # 12 + 3 of the first layer and 3 + 3 of the normalisation, of those and 6 + 2
    assert (report.parameters_taken, report.parameters) == (21, 29)
    assert str(report).splitlines() == [
        "took 7 of 9 entries (21 of 29 parameters)",
        "left: 2.weight, 2.bias",
        "changed: decoder_heads 8 -> 4",
    ]


def test_warm_start_that_takes_nothing_is_refused(network: _Network, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"other": torch.zeros(2)}, path)
    with pytest.raises(
        ValueError, match=r"expected an entry of the name and shape of one of _Network, found 1 entries: other"
    ):
        warm_start(network, path)


class _Staged(nn.Module):
    """An encoder of one stage of several blocks, and an MLP as the mask decoder's."""

    def __init__(self, blocks: int, channels: int) -> None:
        super().__init__()
        stage = nn.Module()
        stage.blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(blocks))
        self.image_encoder = nn.Module()
        self.image_encoder.layers = nn.ModuleList([stage])
        layer = nn.Module()
        layer.mlp = nn.Module()
        layer.mlp.lin1, layer.mlp.lin2 = nn.Linear(2, channels), nn.Linear(channels, 2)
        self.mask_decoder = nn.Module()
        self.mask_decoder.transformer = nn.Module()
        self.mask_decoder.transformer.layers = nn.ModuleList([layer])

    @property
    def blocks(self) -> nn.ModuleList:
        return self.image_encoder.layers[0].blocks

    @property
    def mlp(self) -> nn.Module:
        return self.mask_decoder.transformer.layers[0].mlp


def test_warm_start_with_chosen_blocks_and_the_strongest_channels(tmp_path: Path) -> None:
    teacher, student = _Staged(3, 4), _Staged(2, 2)
    with torch.no_grad():
        # products of norms: 1 * 5, 3 * 1, 4 * 2 and 2 * 2
        teacher.mlp.lin1.weight.copy_(torch.tensor([[1.0, 0], [0, 3], [4, 0], [0, 2]]))
        teacher.mlp.lin2.weight.copy_(torch.tensor([[5.0, 1, 0, 2], [0, 0, 2, 0]]))
    save_checkpoint(tmp_path / "teacher.pt", teacher)
    report = warm_start(student, tmp_path / "teacher.pt", {"0": [2, 0]}, narrow=True)
    for own, block in enumerate((2, 0)):
        assert torch.equal(student.blocks[own].weight, teacher.blocks[block].weight)
        assert torch.equal(student.blocks[own].bias, teacher.blocks[block].bias)
    assert student.mlp.lin1.weight.tolist() == [[1, 0], [4, 0]]
    assert torch.equal(student.mlp.lin1.bias, teacher.mlp.lin1.bias[[0, 2]])
    assert student.mlp.lin2.weight.tolist() == [[5, 0], [0, 2]]
    assert report.left == ()
    assert report.unused == ("image_encoder.layers.0.blocks.1.weight", "image_encoder.layers.0.blocks.1.bias")
    assert report.changed == (
        "stage 0 keeps blocks 2 0 of 3",
        "mask_decoder.transformer.layers.0.mlp keeps 2 of 4 channels",
    )
    warm_start(student, tmp_path / "teacher.pt")
    assert torch.equal(student.blocks[1].weight, teacher.blocks[1].weight)
    same = _Staged(3, 4)
    assert warm_start(same, tmp_path / "teacher.pt", {0: [2, 1, 0]}, narrow=True).changed == ()
    assert torch.equal(same.blocks[0].weight, teacher.blocks[0].weight)


@pytest.mark.parametrize("blocks", [[0], [0, 0], [0, 3]])
def test_blocks_that_cannot_be_kept_are_refused(tmp_path: Path, blocks: list[int]) -> None:
    save_checkpoint(tmp_path / "teacher.pt", _Staged(3, 4))
    with pytest.raises(ValueError, match=r"expected 2 different blocks of stage 0 to keep, of 0 to 2, got \["):
        warm_start(_Staged(2, 4), tmp_path / "teacher.pt", {0: blocks})


def test_the_network_that_fits_is_built(tmp_path: Path) -> None:
    networks = {"small": lambda: nn.Linear(2, 1), "large": lambda: nn.Linear(3, 1)}
    large = nn.Linear(3, 1)
    save_checkpoint(tmp_path / "large.pt", large)
    found = load_network(tmp_path / "large.pt", networks)
    assert torch.equal(found.weight, large.weight)
    assert not found.training
    with pytest.raises(
        ValueError,
        match=r"large\.pt: expected weights of Linear, found others: .*weight \(\[1, 3\], expected \[1, 2\]\)",
    ):
        load_network(tmp_path / "large.pt", {"small": networks["small"]})
    save_checkpoint(tmp_path / "other.pt", nn.Linear(4, 1))
    with pytest.raises(
        ValueError, match=r"other\.pt: expected weights of one of small, large, found 2 entries: weight, bias"
    ):
        load_network(tmp_path / "other.pt", networks)


def test_the_error_comes_whole_out_of_another_process() -> None:
    error = pickle.loads(pickle.dumps(CheckpointError("model.pt", "weights", "a picture")))
    assert isinstance(error, CheckpointError)
    assert str(error) == "model.pt: expected weights, found a picture"
