# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of an evaluation by modality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from litemed.metrics.tables import Table, write_json, write_rows
from litemed.training.scores import CaseTable

__all__ = ["ModalityTable"]


class ModalityTable(CaseTable):
    """Print each score's mean for every modality with its bootstrap 95 % interval; write ``modalities.json|csv``.

    The last row, ``mean``, is the mean of the modalities' means, as in the challenge.

    Args:
        output_dir: folder of the files.
        modality_of: the modality of a case, from its name.
        scores: names of the scores to show.
    """

    def __init__(self, output_dir: str | Path, modality_of: Callable[[str], str], scores: list[str]) -> None:
        super().__init__(output_dir)
        self.modality_of = modality_of
        self.scores = scores

    def _write(self, cases: list[str], details: Mapping[str, torch.Tensor]) -> None:
        columns = {score: details[score].double().mean(dim=1).tolist() for score in self.scores}
        table = Table.of(columns, groups=[self.modality_of(case) for case in cases])
        write_json(self.output_dir / "modalities.json", table.as_dict())
        write_rows(self.output_dir / "modalities.csv", table.rows("modality"))
        print(table.text(), flush=True)
