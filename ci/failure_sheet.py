# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A sheet of the pictures that fail: those with the lowest scores of each evaluation, as the evaluation drew them.

    python ci/failure_sheet.py --out bundles/mininet/docs/failures.jpg --score f1 EVALUATION [EVALUATION ...]

An evaluation is the output folder of a bundle's evaluate.json, with scores.csv and pictures/.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from litemed.files import replacing
from litemed.metrics.tables import read_rows
from PIL import Image, ImageDraw, ImageOps

SIDE, GAP, TEXT, TITLE = 250, 10, 30, 34
COLUMNS = 4
WIDE = 1.5  # pictures of a larger ratio, such as result and truth side by side, get two columns


def lowest(folder: Path, score: str, most: int) -> list[tuple[str, float]]:
    """Cases with their scores, the lowest first; those whose score is undefined are left out.

    Raises:
        ValueError: when the evaluation has no such score.
    """
    rows = read_rows(folder / "scores.csv")
    if score not in rows[0]:
        raise ValueError(f"{folder / 'scores.csv'} has no score {score}: {', '.join(list(rows[0])[1:])}")
    scored = [(row["case"], float(row[score] or math.nan)) for row in rows]
    return sorted((each for each in scored if not math.isnan(each[1])), key=lambda each: each[1])[:most]


def sheet(folders: list[Path], score: str, most: int) -> Image.Image:
    """The pictures of each evaluation, under its folder's name."""
    canvas = Image.new("RGB", (COLUMNS * (SIDE + GAP) - GAP, 0), "white")
    for folder in folders:
        title = Image.new("RGB", (canvas.width, TITLE), "white")
        ImageDraw.Draw(title).text((4, 6), folder.name.replace("_", " "), "black", font_size=22)
        canvas = _below(canvas, 0, canvas.height, title)
        left, top = 0, canvas.height
        for case, value in lowest(folder, score, most):
            panel = _panel(folder, case, value)
            if left + panel.width > canvas.width:
                left, top = 0, canvas.height
            canvas = _below(canvas, left, top, panel)
            left += panel.width + GAP
    return canvas


def _below(canvas: Image.Image, left: int, top: int, part: Image.Image) -> Image.Image:
    """A part put into the canvas, which grows downwards."""
    larger = Image.new("RGB", (canvas.width, max(canvas.height, top + part.height)), "white")
    larger.paste(canvas, (0, 0))
    larger.paste(part, (left, top))
    return larger


def _panel(folder: Path, case: str, value: float) -> Image.Image:
    """A picture as the evaluation drew it, with its name and score below."""
    with Image.open(folder / "pictures" / f"{case}_overlay.png") as picture:
        width = 2 * SIDE + GAP if picture.width > WIDE * picture.height else SIDE
        shown = ImageOps.contain(picture.convert("RGB"), (width, SIDE))
    panel = Image.new("RGB", (width, shown.height + TEXT), "white")
    panel.paste(shown, (0, 0))
    ImageDraw.Draw(panel).text((4, shown.height + 4), f"{case}  {value:.2f}", (70, 70, 70), font_size=18)
    return panel


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluations", type=Path, nargs="+", metavar="EVALUATION")
    parser.add_argument("--score", required=True, help="column of scores.csv")
    parser.add_argument("--most", type=int, default=4, help="pictures of each evaluation (default 4)")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        canvas = sheet(given.evaluations, given.score, given.most)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    with replacing(given.out) as temporary:
        canvas.save(temporary, quality=80)
    print(given.out)


if __name__ == "__main__":
    main()
