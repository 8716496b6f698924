# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The nuclei as archives of the challenge and as pictures with boxes."""

from __future__ import annotations

from litemed.datasets.challenge_cases import load_cases
from litemed.samples.prompted import sample_archives
from litemed.transforms.challenge import LoadChallenged


def test_the_sample_is_converted_once() -> None:
    folder = sample_archives()
    assert folder == sample_archives()
    assert [len(load_cases(folder, part)) for part in ("training", "validation", "test")] == [8, 4, 4]
    item = LoadChallenged()(load_cases(folder, "test")[0])
    assert item["modality"] == "Microscopy"
    assert item["label"].max() == len(item["boxes"]) > 1
