# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How long clicks take, by a network that takes a known time."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import latency
import pytest
import torch

from tests.conftest import Bright

ENCODING, DECODING = 0.25, 0.02
"""Seconds."""


class Slow(Bright):
    """Bright after a while."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        time.sleep(ENCODING)
        return super().encode_image(image)

    def decode(self, *prompts: Any) -> tuple[torch.Tensor, torch.Tensor]:
        time.sleep(DECODING)
        return super().decode(*prompts)


def test_what_each_step_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, Any]] = []
    network = Slow()
    monkeypatch.setattr(latency, "session_network", lambda bundle, options: asked.append(options) or network)
    monkeypatch.setattr(latency, "SIDES", (64, 300))
    monkeypatch.setattr(latency, "VOLUME", (64, 64, 1))  # no slice to follow to
    latency.measure(clicks=5, json_file=str(tmp_path / "rows.json"), variant="lite")
    assert asked == [{"variant": "lite"}]
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [row["image"] for row in rows] == ["picture_64", "picture_300", "volume"]
    for row in rows:
        # at opening the encoder is known by a picture of its own, and the middle slice begins to be embedded
        assert row["opening"] >= ENCODING
        assert row["opening"] + row["encoding"] >= 2 * ENCODING
        assert row["worst click"] >= row["click"] >= DECODING
        assert row["reopening"] >= ENCODING + DECODING
    # an encoder's name and an embedding of each image, and at reopening its name alone
    assert network.encoded == 3 * 3
    head, titles, *lines = capsys.readouterr().out.splitlines()
    assert "median of 5 clicks, seconds" in head
    assert titles.split() == ["image", "opening", "encoding", "click", "worst", "click", "reopening"]
    assert [[float(value) for value in line.split()[1:]] for line in lines] == [
        pytest.approx(list(row.values())[1:], abs=6e-4) for row in rows
    ]
