# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Box networks side by side: cases, boxes, means, intervals and paired differences."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import compare_networks
import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.networks import MODALITIES


class Filling:
    """Its mask of a box is the box, cut by some pixels of the square at the right."""

    def __init__(self, cut: float = 0) -> None:
        self.cut = cut
        self.encoded = 0

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += 1
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        place = torch.arange(256.0)
        across = (place >= boxes[:, :1]) & (place <= boxes[:, 2:3] - self.cut)
        down = (place >= boxes[:, 1:2]) & (place <= boxes[:, 3:4])
        return torch.where(down[:, None, :, None] & across[:, None, None, :], 9.0, -9.0), boxes.new_ones(len(boxes), 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    labels = np.zeros((256, 256), np.uint8)
    labels[20:60, 20:60], labels[100:180, 100:180] = 1, 2
    boxes = np.array([[20, 20, 59, 59], [100, 100, 179, 179]])
    names = ("seen/2D_CT_one_p1_a", "seen/2D_CT_one_p2_b", "unseen/2D_MR_two_x", "unseen/2D_MR_three_y_z007")
    for number, name in enumerate(names):
        pixels = np.where(labels > 0, 200, number).astype(np.uint8)
        pixels[0, 0] = 255
        write_challenge(tmp_path / f"data/test/{name}.npz", pixels, boxes=boxes, labels=labels)
    rows = [{"set": "one", "patient": r"^(p\d)_"}, {"set": "two", "family": "folk"}, {"set": "three", "new_kind": True}]
    (tmp_path / "sets.json").write_text(json.dumps(rows))
    return tmp_path / "data"


def _compare(data: Path, monkeypatch: pytest.MonkeyPatch, networks: dict[str, Any], **options: Any) -> list[Any]:
    for name in networks:
        (data / name).write_text(name)
    monkeypatch.setattr(compare_networks, "load_any", lambda path: networks[path.name])
    named = " ".join(f"{name}={data / name}" for name in networks)
    out = data.parent / "out"
    compare_networks.compare(data, out, named, table=str(data.parent / "sets.json"), resamples=50, **options)
    return list(json.loads((out / "table.json").read_text()))


def test_groups_patients_and_pairs(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = {"whole": Filling(), "cut": Filling(8)}
    lines = _compare(data, monkeypatch, networks)
    assert [network.encoded for network in networks.values()] == [4, 4]
    found = {(line["group"], line["boxes"], line["network"], line["score"]): line for line in lines}
    counts = [found[group, "exact", "whole", "dice"]["cases"] for group in ("seen", "unseen", "new kind", "all")]
    assert counts == [2, 2, 1, 4]
    assert found["all", "exact", "whole", "dice"]["mean"] == pytest.approx(1)
    # columns 40 and 80 of which 8 are cut: 2 * 32 / 72 and 2 * 72 / 152
    cut = found["all", "exact", "cut", "dice"]
    assert cut["mean"] == pytest.approx((64 / 72 + 144 / 152) / 2)
    assert cut["difference"]["mean"] == pytest.approx(cut["mean"] - 1)
    assert cut["modalities"].keys() == {"CT", "MR"}
    assert found["all", "10 %", "whole", "dice"]["mean"] < found["all", "5 %", "whole", "dice"]["mean"] < 1
    assert "difference" not in found["all", "exact", "whole", "dice"]
    with (data.parent / "out/cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 * 3
    assert {row["patient"] for row in rows} == {"one/p1", "one/p2", "folk/x", "three/y"}
    assert "all, dice, whole: CT 1.000  MR 1.000" in capsys.readouterr().out


def test_a_second_run_measures_what_is_missing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _compare(data, monkeypatch, {"whole": Filling()}, most=1)
    network, other = Filling(), Filling(8)
    lines = _compare(data, monkeypatch, {"whole": network, "cut": other})
    assert network.encoded == 1  # the other picture of set one
    assert other.encoded == 4
    assert first[0]["cases"] == 1
    assert lines[0]["cases"] == 2
    fewer = Filling()
    _compare(data, monkeypatch, {"whole": fewer}, objects=1)
    assert fewer.encoded == 4  # with fewer objects they are other measurements


def test_what_cannot_be_told_apart_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data.parent / "out").mkdir()
    (data.parent / "out/cases.csv").write_text("network,weights,case\n")
    with pytest.raises(ValueError, match=r"cases\.csv has other columns than network, .*: give another OUTPUT"):
        _compare(data, monkeypatch, {"whole": Filling()})
    picture = next((data / "test").rglob("2D_*.npz"))
    picture.rename(picture.with_name("2D_CT_1.npz"))
    with pytest.raises(ValueError, match=r"2D_CT_1\.npz: expected a name like 2D_<modality>_<set>_<case>\.npz"):
        _compare(data, monkeypatch, {"whole": Filling()})


class Told(Filling):
    """It cuts more the further the class that it is told stands in the list; untold it cuts nothing."""

    sure = 0.5

    def classify(self, embedding: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(embedding), len(MODALITIES))

    def decode(
        self, embedding: torch.Tensor, boxes: torch.Tensor, class_id: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.cut = 0 if class_id is None else 4 * int(class_id)
        return super().decode(embedding, boxes)


def test_a_network_is_told_the_right_modality_or_another(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Told()
    (data / "told").write_text("weights")
    monkeypatch.setattr(compare_networks, "load_any", lambda path: network)
    named = f"none={data / 'told'} right={data / 'told@right'} wrong={data / 'told@wrong'}"
    options = {"table": str(data.parent / "sets.json"), "embedding_cache": str(data.parent / "kept")}
    compare_networks.compare(data, data.parent / "out", named, resamples=50, **options)
    assert network.encoded == 4 + 3  # each picture once; the picture by which each network is known
    found = {
        (line["network"], line["boxes"], line["score"]): line["modalities"]
        for line in json.loads((data.parent / "out/table.json").read_text())
        if line["group"] == "all"
    }

    def cut(pixels: int) -> float:
        return (2 * (40 - pixels) / (80 - pixels) + 2 * (80 - pixels) / (160 - pixels)) / 2

    assert found["none", "exact", "dice"] == pytest.approx({"CT": 1, "MR": 1})
    assert found["right", "exact", "dice"] == pytest.approx({"CT": 1, "MR": cut(4)})
    assert found["wrong", "exact", "dice"] == pytest.approx({"CT": cut(4), "MR": cut(8)})


def test_a_network_that_takes_no_modality_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "plain").write_text("weights")
    monkeypatch.setattr(compare_networks, "load_any", lambda path: Filling())
    with pytest.raises(ValueError, match=r"plain@right: .*plain can't be told a modality"):
        compare_networks.compare(
            data, data.parent / "out", f"a={data / 'plain'}@right", table=str(data.parent / "sets.json")
        )


def test_interval_of_patients_within_modalities() -> None:
    first, second, third = ({"modality": m, "patient": p} for m, p in (("CT", "a"), ("CT", "b"), ("MR", "c")))
    values = [*[(first, 1.0)] * 9, (second, 0.0), (third, 0.5)]
    found = compare_networks.interval(values, 2000)
    assert found["mean"] == pytest.approx((0.9 + 0.5) / 2)
    assert (found["low"], found["high"]) == (0.25, 0.75)  # only a's or only b's
    assert found["cases"] == 11


def test_jittered_boxes_stay_inside_and_near() -> None:
    boxes = np.array([[0, 0, 99, 49], [90, 40, 91, 41]])
    moved = compare_networks.jittered(boxes, 0.1, (50, 100), np.random.default_rng(0))
    assert (np.abs(moved[0] - boxes[0]) <= [9.9, 4.9, 9.9, 4.9]).all()
    assert (moved[:, :2] >= 0).all()
    assert (moved[:, 2:] <= [99, 49]).all()
    assert (moved[:, 2:] - moved[:, :2] >= 1).all()
    assert np.array_equal(compare_networks.jittered(boxes, 0.0, (50, 100), np.random.default_rng(0)), boxes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": "lite"}, "name=checkpoint"),
        ({"networks": "lite=x", "part": "training"}, "test or validation"),
        ({"networks": "lite=x", "part": "validation"}, "no picture of validation"),
    ],
)
def test_wrong_arguments(data: Path, tmp_path: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        compare_networks.compare(data, tmp_path / "out", **options)
