# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed measure``: photographs and videos of eyes, segmented and measured."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litemed.images.names import VIDEO_SUFFIXES

from tiu_ocular import BUNDLE_ROOT

if TYPE_CHECKING:
    from tiu_ocular.series import Course

__all__ = ["Measured", "measure", "measured", "measured_series"]

_COLUMNS = 4
_FPS = 10.0


@dataclass
class Measured:
    """Measurements of each picture.

    Attributes:
        content: of ``measurements.json``: ``pictures``, ``comparison`` and ``definitions``.
        output_dir: where the results are.
        failed: for each picture that could not be measured, why.
        courses: of a video or a series, what the lid of each eye does over time.
    """

    content: dict[str, Any]
    output_dir: str
    failed: dict[str, str]
    courses: list[Course] = field(default_factory=list)

    def as_json(self) -> str:
        """All of it."""
        eyes = {"eyes": [asdict(one) for one in self.courses]} if self.courses else {}
        return json.dumps({**self.content, **eyes, "output_dir": self.output_dir, "failed": self.failed}, indent=4)

    def tables(self) -> str:
        """A row for each measurement, a column for each picture, and the same for pairs of eyes; ``-`` is unknown."""
        if self.courses:
            blocks = [_table([_summary(one) for one in self.courses])]
        else:
            blocks = [_table(self.content["pictures"])]
        if self.content["comparison"]:
            blocks.append(_table(self.content["comparison"]))
        lines = [f"not measured: {picture}: {why}" for picture, why in self.failed.items()]
        if self.content["pictures"]:
            lines.append(f"written to {self.output_dir}")
        return "\n\n".join([*filter(None, blocks), "\n".join(lines)])


def measure(eye: str, out: str = "measured", json: bool = False, fps: float | None = None, **options: Any) -> None:
    """Segment the eyes in a photograph, in each of a folder, or in a video, and measure their regions.

    Examples::

        litemed measure anna_left.png --spacing 0.05
        litemed measure faces/ --iris_mm 11.7 --out measured
        litemed measure upgaze.mp4 --iris_mm 11.7

    Two eyes in a picture are compared, and so are two files that differ in ``_left`` and ``_right`` alone. The folder
    also gets the masks, pictures to look at, and the tables as files. Of a video, or of a folder with ``--fps``, it
    gets MRD1 over time without blinks, its slope and the time to a drop of 2 mm: series.html, .png, .csv and .json. A
    file that can't be measured is listed; the exit code is then 1.

    Args:
        eye: a picture, a folder of them, or a video.
        out: folder for the results.
        json: print JSON.
        fps: pictures a second to measure of a video, by default 10; or at which the pictures of a folder were taken.
        options: any other value of the bundle's configs/inference.json; ``--spacing`` is the side of a pixel in mm,
            or ``--iris_mm`` the diameter of the person's iris, 11.7 in the mean of adults; without either lengths are
            in pixels.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"expected a positive number of pictures a second, got fps={fps}")
    is_video = Path(eye).suffix.lower() in VIDEO_SUFFIXES and not Path(eye).is_dir()
    if is_video or (fps is not None and Path(eye).is_dir()):
        found = measured_series(eye, out, options, fps=fps or _FPS, progress=not json)
    elif fps is not None:
        raise ValueError(f"fps is for a video or a folder of pictures, and {eye} is neither")
    else:
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


def measured_series(
    source: str, output_dir: str, overrides: Mapping[str, Any], *, fps: float, progress: bool = True
) -> Measured:
    """Segment and measure a video, or the pictures of a folder in the order of their names.

    Args:
        source: a video, or a folder of pictures.
        output_dir: where the results are written: those of the pictures in ``frames``, and see
            :func:`tiu_ocular.series.write_series`.
        overrides: values by id of ``configs/inference.json``.
        fps: pictures a second.
        progress: show a bar.

    Raises:
        FileNotFoundError, ValueError: as :func:`measured`, and for a video that can't be read.
    """
    from tiu_ocular.measurements import check_scale
    from tiu_ocular.series import write_series
    from tiu_ocular.video import save_frames

    options = dict(overrides)
    spacing, iris_mm = options.pop("spacing", None), options.pop("iris_mm", None)
    check_scale(spacing, iris_mm)
    path, output = Path(source).expanduser(), Path(output_dir).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"no picture, folder or video at {path}")
    with tempfile.TemporaryDirectory() as folder:
        seconds: list[float] | None = None
        if path.is_file():
            seconds = save_frames(path, Path(folder), fps)
        done = measured(folder if path.is_file() else str(path), str(output / "frames"), options, progress=progress)
    eyes: dict[str, dict[str, Any]] = {Path(name).name: {} for name in done.failed}
    for row in done.content["pictures"]:
        name, _, side = row["picture"].partition(" (")
        eyes.setdefault(name, {})[side.removesuffix(" eye)")] = row
    names = sorted(eyes, key=natural)
    seconds = [place / fps for place in range(len(names))] if seconds is None else seconds
    courses = write_series(output, path.name, [eyes[name] for name in names], seconds, spacing, iris_mm)
    return Measured(done.content | {"comparison": []}, str(output), done.failed, courses)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sorting key of names in which 2 comes before 10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name.lower())]


def _summary(one: Course) -> dict[str, Any]:
    """An eye's course as a column of a table."""
    values = asdict(one)
    values = {
        "eye": one.eye or "the only eye",
        **{k: v for k, v in values.items() if not isinstance(v, list) and k != "eye"},
    }
    return values | {state: one.state.count(state) for state in ("open", "blink", "closed", "not measured")}


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
