# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What TF-Net's benchmark and the training of its peers compute around their measurements."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import bench_tfnet as bench
import peers
import pytest
import torch
import train_peers as training
from torch import nn


def test_calls_are_timed_in_turns() -> None:
    order: list[str] = []
    times = bench.interleaved({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3)
    assert "".join(order) == 3 * "aabb"
    assert {name: len(spent) for name, spent in times.items()} == {"a": 3, "b": 3}
    slow = bench.interleaved({"slow": lambda: time.sleep(0.01)}, rounds=1)["slow"][0]
    assert 10 <= slow < 1000
    asleep = bench.interleaved({"slow": lambda: time.sleep(0.02)}, rounds=1, clock=bench.CLOCKS["cpu"])["slow"][0]
    assert asleep < 10


def test_a_result_is_saved_as_far_as_it_is(tmp_path: Path) -> None:
    setting = {"cpu": "a CPU", "threads": 2, "clock": "wall", "torch": "2", "openvino": "3", "peak": 99.6}
    result = {
        "setting": {**setting, "peak_by": "openvino"},
        "peers": [{"network": "a", "ms": 1.5}],
        "missed": ["speed"],
    }
    bench.save(result, tmp_path / "out")
    text = (tmp_path / "out" / "speed.md").read_text()
    assert text.startswith(
        "a CPU, 2 threads, wall time; torch 2, OpenVINO 3; measured peak 100 GFLOP/s in f32 (openvino"
    )
    assert text.endswith("### peers\n\n| network | ms |\n| --- | --- |\n| a | 1.5 |\n\nMISSED: speed\n")
    assert json.loads((tmp_path / "out" / "speed.json").read_text()) == result


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    # the third round was disturbed, for both
    assert bench.speed_up([10, 12, 900], [2, 3, 100]) == 5
    # 2 GMAC are 4 GFLOP; in 40 ms 100 GFLOP/s, half of the peak
    assert bench.percent_of_peak(gmac=2, milliseconds=40, peak=200) == pytest.approx(50)


def test_gmac_of_a_known_convolution() -> None:
    network = nn.Conv2d(3, 8, 3, padding=1)
    assert bench.count_gmac(network, (1, 3, 20, 10)) == pytest.approx(20 * 10 * 9 * 3 * 8 / 1e9)
    assert bench.millions(network) == pytest.approx((9 * 3 * 8 + 8) / 1e6)


def test_decisions_that_differ() -> None:
    logits = torch.tensor([[[[2.0, 0.0]], [[1.0, 1.0]]]])
    assert bench.differing(logits, logits) == 0
    assert bench.differing(logits.flip(1), logits) == 2
    boxes = torch.full((1, 13), 0.5)
    moved = boxes.clone()
    moved[0, 0] = 9.0  # the presence of rings is no box
    moved[0, 3] += 0.02 / 1280
    assert bench.differing(moved, boxes) == 1


def test_tables() -> None:
    rows = [{"network": "a", "ms": 12.345, "error": 2e-6}, {"network": "b", "ms": 123.4, "error": 0.0}]
    assert bench.markdown(rows).splitlines() == [
        "| network | ms | error |",
        "| --- | --- | --- |",
        "| a | 12.3 | 2e-06 |",
        "| b | 123 | 0 |",
    ]
    row = bench.peer_row("pspnet", (4.426, 1.2, 3.4, 1.3), {"openvino": ([30, 40, 50], [10, 20, 10])})
    assert row == {
        "network": "PSPNet",
        "M parameters, trained / fused": "4.43 / 1.20",
        "GMAC, trained / fused": "3.40 / 1.30",
        "ms, OpenVINO f32": 40,
        "times TF-Net's, OpenVINO f32": 3,
    }
    assert bench.peer_row(bench.OURS, (1, 1, 1, 1), {"torch": ([8], [8])})["network"] == bench.OURS


def test_stages_are_summed() -> None:
    stages = bench.Stages()
    for _ in range(2):
        with stages("wait"):
            time.sleep(0.01)
    (row,) = bench.stage_rows("clip", stages, count=4)
    assert (row["video"], row["stage"]) == ("clip", "wait")
    assert 5 <= row["ms a frame"] < 500
    assert row["CPU ms a frame"] < row["ms a frame"]


def test_all_networks_of_a_comparison_are_trained_alike(tmp_path: Path) -> None:
    options = argparse.Namespace(
        output_dir=tmp_path, side=192, max_epochs=7, lr_patience=3, compile=False, autocast=True, dataset_dir=["A", "B"]
    )
    found = {name: training.overrides(name, options) for name in training.NETWORKS}
    assert list(found) == ["tfnet", "pspnet", "unet", "segformer"]
    assert found["unet"].pop("network_def") == {"_target_": "peers.baseline", "name": "unet"}
    assert found["unet"].pop("output_dir") == str(tmp_path / "unet")
    ours = found["tfnet"]
    assert ours.pop("output_dir") == str(tmp_path / "tfnet")
    assert "network_def" not in ours
    assert found["unet"] == ours
    assert ours == {
        "spatial_size": [192, 192],
        "max_epochs": 7,
        "lr_patience": 3,
        "augmentation": True,
        "compile": False,
        "autocast": True,
        "dataset_dir": ["A", "B"],
    }


def test_epochs_are_counted_from_the_history(tmp_path: Path) -> None:
    assert training.epochs_done(tmp_path) == 0
    (tmp_path / "history.csv").write_text("epoch,loss\n1,0.5\n2,0.4\n")
    assert training.epochs_done(tmp_path) == 2


def test_score_table() -> None:
    scores = {column: {"mean": 0.5, "low": 0.4, "high": 0.6} for column in training.COLUMNS.values()}
    scores["monai_hd95"] = {"mean": 21.26, "low": None, "high": None}
    scores["monai_assd"] = {"mean": None, "low": None, "high": None}
    lines = training.table({"tfnet": {"scores": scores}, "pspnet": {"scores": scores}}).splitlines()
    interval = "0.500 (0.400 to 0.600)"
    assert lines[2] == f"| TF-Net mini0 | {' | '.join([interval] * 4)} | 21.3 | undefined |"
    assert lines[3].startswith("| PSPNet, MobileOne-s0 | ")


def test_score_per_millisecond() -> None:
    scores = {"scores": {"mean_dice": {"mean": 0.8, "low": None, "high": None}}}
    speed = [bench.peer_row(bench.OURS, (1, 1, 1, 1), {"torch": ([20.0], [20.0]), "openvino": ([16.0], [16.0])})]
    lines = training.table({"tfnet": scores, "pan": scores}, speed).splitlines()
    assert lines[0].endswith("| mDSC per ms, OpenVINO f32 |")
    assert lines[2].endswith(" | 20.0 | 0.0400 | 16.0 | 0.0500 |")
    assert lines[3].endswith(" | not timed |  | not timed |  |")
    assert len({line.count("|") for line in lines}) == 1


def test_the_papers_eleven_baselines() -> None:
    assert len(peers.BASELINES) == 11
    assert all(fused < trained for each in peers.BASELINES.values() for trained, fused in [each.parameters, each.gmac])
    with pytest.raises(ValueError, match=r"expected a baseline among unet, .*, got 'vit'"):
        peers.baseline("vit")
