# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Measurements of eyes from photographs, by a bundle whose inference writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litemed.tools.segment import segment

__all__ = ["Measured", "measure"]

_COLUMNS = 4


@dataclass
class Measured:
    """Measurements of each picture.

    Attributes:
        content: of the bundle's ``measurements.json``: ``pictures``, ``comparison`` and ``definitions``.
        output_dir: where the results are.
        failed: for each picture that could not be measured, why.
    """

    content: dict[str, Any]
    output_dir: str
    failed: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**self.content, "output_dir": self.output_dir, "failed": self.failed}

    def tables(self) -> str:
        """A row for each measurement, a column for each picture, and the same for pairs of eyes; ``-`` is unknown."""
        blocks = [_table(self.content["pictures"])]
        if self.content["comparison"]:
            blocks.append(_table(self.content["comparison"]))
        lines = [f"not measured: {picture}: {why}" for picture, why in self.failed.items()]
        if self.content["pictures"]:
            lines.append(f"written to {self.output_dir}")
        return "\n\n".join([*filter(None, blocks), "\n".join(lines)])


def measure(
    eye: str | os.PathLike[str],
    bundle: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Measured:
    """Segment and measure one photograph of an eye, or those of a folder.

    Args:
        eye: a picture, or a folder of them.
        bundle: name or folder of a bundle whose ``inference.json`` writes ``measurements.json``.
        output_dir: where the results are written, see :func:`litemed.tools.segment.segment`.
        overrides: values by id of the configuration.
        progress: show a bar.

    Raises:
        FileNotFoundError, ValueError: as :func:`litemed.tools.segment.segment` does; ValueError also when the bundle
            measures nothing.
    """
    done = segment(eye, bundle, output_dir, together=True, overrides=overrides, progress=progress)
    content: dict[str, Any] = {"pictures": [], "comparison": []}
    if done.results:
        if "measurements.json" not in done.tables:
            raise ValueError(f"{done.bundle} measures nothing: expected measurements.json in {done.output_dir}")
        content = json.loads((Path(done.output_dir) / "measurements.json").read_text(encoding="utf-8"))
    return Measured(content, done.output_dir, done.failed)


def _table(entries: list[dict[str, Any]]) -> str:
    """Entries as columns, some beside each other, with their first value as the heading."""
    blocks = []
    for start in range(0, len(entries), _COLUMNS):
        beside = entries[start : start + _COLUMNS]
        rows = [[name, *(_cell(entry.get(name)) for entry in beside)] for name in beside[0]]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        blocks.append(
            "\n".join(
                "  ".join(
                    [
                        row[0].ljust(widths[0]),
                        *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
                    ]
                )
                for row in rows
            )
        )
    return "\n\n".join(blocks)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
