# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed measure``: photographs of eyes, segmented and measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiu_ocular import BUNDLE_ROOT

__all__ = ["Measured", "measure", "measured"]

_COLUMNS = 4


@dataclass
class Measured:
    """Measurements of each picture.

    Attributes:
        content: of ``measurements.json``: ``pictures``, ``comparison`` and ``definitions``.
        output_dir: where the results are.
        failed: for each picture that could not be measured, why.
    """

    content: dict[str, Any]
    output_dir: str
    failed: dict[str, str]

    def as_json(self) -> str:
        """All of it."""
        return json.dumps({**self.content, "output_dir": self.output_dir, "failed": self.failed}, indent=4)

    def tables(self) -> str:
        """A row for each measurement, a column for each picture, and the same for pairs of eyes; ``-`` is unknown."""
        blocks = [_table(self.content["pictures"])]
        if self.content["comparison"]:
            blocks.append(_table(self.content["comparison"]))
        lines = [f"not measured: {picture}: {why}" for picture, why in self.failed.items()]
        if self.content["pictures"]:
            lines.append(f"written to {self.output_dir}")
        return "\n\n".join([*filter(None, blocks), "\n".join(lines)])


def measure(eye: str, out: str = "measured", json: bool = False, **options: Any) -> None:
    """Segment the eye in a photograph, or in each of a folder, and measure its regions.

    Examples::

        litemed measure anna_left.png --spacing 0.05
        litemed measure eyes/ --out measured

    Two files that differ in ``_left`` and ``_right`` alone are compared. The folder also gets the masks, pictures
    to look at, and the tables as files. A file that can't be measured is listed; the exit code is then 1.

    Args:
        eye: a picture, or a folder of them.
        out: folder for the results.
        json: print JSON.
        options: any other value of the bundle's configs/inference.json; ``--spacing`` is the side of a pixel in mm,
            and without it lengths are in pixels.
    """
    found = measured(eye, out, options, progress=not json)
    print(found.as_json() if json else found.tables())
    if found.failed:
        sys.exit(1)


def measured(eye: str, output_dir: str, overrides: Mapping[str, Any], *, progress: bool = True) -> Measured:
    """Segment and measure one photograph of an eye, or those of a folder.

    Args:
        eye: a picture, or a folder of them.
        output_dir: where the results are written, see :func:`litemed.tools.segment.segment`.
        overrides: values by id of ``configs/inference.json``.
        progress: show a bar.

    Raises:
        FileNotFoundError, ValueError: as :func:`litemed.tools.segment.segment` does.
    """
    from litemed.tools.segment import segment  # here, so that help needs no network

    done = segment(eye, BUNDLE_ROOT, output_dir, overrides=overrides, progress=progress)
    content: dict[str, Any] = {"pictures": [], "comparison": []}
    if done.results:
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
