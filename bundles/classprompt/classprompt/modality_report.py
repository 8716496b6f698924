# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The modalities of an evaluator's images: printed, written and scored."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from litemed.images.names import stem_of
from litemed.metrics.tables import write_rows
from monai.utils import string_list_all_gather

from classprompt.data import modality_name
from classprompt.inference import ClassPromptInferer

__all__ = ["ModalityReport"]

_COLUMNS = ("case", "modality", "predicted_modality", "modality_probability")


class ModalityReport:
    """Say what the class head made of each image.

    It prints a line an image and writes ``modality_of_cases.csv``; with true modalities it prints the share of images
    that are right, and puts it into the engine's metrics as ``modality_accuracy``. Attach it to the evaluator.

    Args:
        inferer: the evaluator's.
        output_dir: folder of the file; None writes none, and prints nothing.
        modality_of: the true modality of a case, from its name; cases whose name says none of the eleven don't count.

    Attributes:
        rows: case, modality, predicted modality and its probability of each image of the run.
    """

    def __init__(
        self,
        inferer: ClassPromptInferer,
        output_dir: str | Path | None = None,
        modality_of: Callable[[str], str] | None = None,
    ) -> None:
        self.inferer = inferer
        self.output_dir = None if output_dir is None else Path(output_dir)
        self.modality_of = modality_of
        self.rows: list[list[str]] = []

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.COMPLETED, self._complete)

    def _start(self, engine: Engine) -> None:
        self.rows = []

    def _collect(self, engine: Engine) -> None:
        output: Any = engine.state.output
        for item, (told, predicted, probability) in zip(output, self.inferer.modalities, strict=True):
            case = stem_of(item["image"].meta)
            self.rows.append([case, told or "", predicted, f"{probability:.4f}"])
            if self.output_dir is not None and self.modality_of is None:
                given = "" if told == predicted else f", told {told}" if told else ", unsure: not told"
                print(f"{case}: {predicted}, probability {probability:.2f}{given}", flush=True)

    def _complete(self, engine: Engine) -> None:
        rows = [text.split("\t") for text in string_list_all_gather(["\t".join(row) for row in self.rows])]
        if self.modality_of is not None:
            right = [row[2] == true for row in rows if (true := _known(self.modality_of(row[0])))]
            engine.state.metrics["modality_accuracy"] = sum(right) / len(right) if right else math.nan
            if self.output_dir is not None:
                print(f"modality right in {sum(right)} of {len(right)} cases", flush=True)
        self.write(rows)

    def write(self, rows: list[list[str]]) -> None:
        """Write the table of some images."""
        if self.output_dir is None:
            return
        columns = list(_COLUMNS)
        if self.modality_of is not None:
            columns.append("true_modality")
            rows = [[*row, _known(self.modality_of(row[0]))] for row in rows]
        lines = [dict(zip(columns, row, strict=True)) for row in rows]
        write_rows(self.output_dir / "modality_of_cases.csv", lines, columns)


def _known(name: str) -> str:
    """The modality that a case's name says, or nothing: a MONAI Label server's images are named by their users."""
    try:
        return modality_name(name)
    except ValueError:
        return ""
