# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed info``: what it tells, and what it does about a record that isn't one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from litemed.bundles import bundle_folders
from litemed.tools.info import as_text, best_score, describe, score_text

SIMULATED = {"data": "made-up eyes", "metric": "dice", "mean": 0.81, "simulated": True}
REAL = {"data": "EYES", "cases": 12, "metric": "mean_dice", "mean": 0.5, "low": 0.41, "high": 0.6, "simulated": False}
RECORD: dict[str, Any] = {
    "sha256": "0" * 64,
    "network": "Net",
    "architecture": {"application": "lids"},
    "parameters": 1234567,
    "licence": {"code": "Apache-2.0", "weights": "CC0-1.0"},
    "data": [{"name": "made-up eyes", "licence": "CC0-1.0", "simulated": True}],
    "scores": [SIMULATED, REAL],
    "speed": [
        {"input": "512x512", "seconds": 0.25, "memory_mib": 1024, "processor": "Abacus 9", "runtime": "torch"},
        {"input": "64x64", "seconds": 0.1, "processor": "Abacus 9", "runtime": "onnxruntime"},
    ],
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "lids"
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True)
    metadata = {
        "version": "1.2.0",
        "task": "Segmentation of lids",
        "intended_use": "Research",
        "litemed": {"commands": {"blink": "Count blinks."}, "readers": {"films": "Films of lids."}},
    }
    (folder / "configs/metadata.json").write_text(json.dumps(metadata))
    (folder / "models/model.pt").write_bytes(b"x" * 100_000)
    (folder / "models/model.json").write_text(json.dumps(RECORD))
    (folder / "models/a.pt").write_bytes(b"x" * 2_000_000)
    return folder


def test_the_main_points_are_told_real_data_first(bundle: Path) -> None:
    assert as_text(describe(bundle)).splitlines() == [
        "lids 1.2.0: Segmentation of lids",
        "  model.pt: lids, 1,234,567 parameters, 0.1 MB",
        "    mean dice 0.5 (0.41 to 0.6) on EYES, 12 cases",
        "    0.25 s, 1,024 MiB for 512x512 on Abacus 9 (torch)",
        "    licence of the weights: CC0-1.0",
        "  a.pt: 2.0 MB",
        "  commands: blink",
    ]
    assert best_score({"scores": [SIMULATED]}) == SIMULATED
    assert best_score({}) is None
    untold = {"data": "validation", "metric": "dice", "mean": 0.7}  # as a training writes it
    assert best_score({"scores": [untold]}) == untold
    assert score_text(untold) == "dice 0.7 on validation"


def test_all_of_a_bundle_is_told_when_it_is_named(bundle: Path) -> None:
    lines = as_text(describe(bundle), details=True).splitlines()
    assert "    dice 0.81 on made-up eyes, simulated" in lines
    assert "    0.1 s for 64x64 on Abacus 9 (onnxruntime)" in lines
    assert "    learnt from made-up eyes (CC0-1.0, simulated)" in lines
    assert lines[-4:] == ["  commands:", "    blink: Count blinks.", "  readers:", "    films: Films of lids."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": [{"metric": "dice"}]}, "expected scores as a list of data, mean, metric, found"),
        ({"scores": 3}, "expected scores as a list"),
        ({"speed": [1]}, "expected speed as a list of input, processor, runtime, seconds"),
        ({"sha256": None}, "JSON without its sha256"),
    ],
)
def test_a_record_that_is_none_is_told_with_its_file(change: dict[str, Any], said: str, bundle: Path) -> None:
    (bundle / "models/model.json").write_text(json.dumps({**RECORD, **change}))
    with pytest.raises(ValueError, match=r"models/model\.json") as told:
        describe(bundle)
    assert said in str(told.value)


@pytest.mark.parametrize("name", ["classprompt", "mininet", "swiftmedsam", "tfnet", "tiu_ocular"])
def test_every_bundle_is_told_with_score_licence_and_origin(name: str) -> None:
    described = describe(name)
    assert described["folder"] == str(bundle_folders()[name])
    for record in described["weights"]:
        assert best_score(record) is not None
        assert record["licence"]["weights"]
        assert record["data"]
    assert json.loads(json.dumps(described)) == described
