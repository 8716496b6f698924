# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The README's table of bundles, from their metadata and the records of their weights.

Run: python ci/bundle_table.py [--write]

Prints the table; with --write it replaces the one in README.md. A test fails when the two differ.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from litemed.tools.info import best_score, describe, score_text, speed_text

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
_PLACE = re.compile(r"(<!-- bundles: [^\n]* -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    """One row a bundle: what it is for, its best known score on real data, its speed, and its licence."""
    lines = ["| bundle | for | scores (95 % interval) | time and memory | weights' licence |", "| --- " * 5 + "|"]
    for folder in sorted(file.parents[1] for file in ROOT.glob("bundles/*/configs/metadata.json")):
        described = describe(folder)
        told: dict[str, str] = {}  # by hash: the same weights may lie there under two names
        scores, speeds, licences = [], [], []
        for record in described["weights"]:
            name = record["weights"].removeprefix("model").removesuffix(".pt").lstrip("_")
            if told.setdefault(record.get("sha256", name), name) != name:
                continue
            said = f"`{name}`: " if name else ""
            scores += [said + score_text(score)] if (score := best_score(record)) else []
            speeds += [said + speed_text(speed) for speed in record.get("speed", [])[:1]]
            licences += [(said, record["licence"]["weights"])] if "licence" in record else []
        different = len({licence for _, licence in licences}) > 1
        terms = [said * different + licence for said, licence in licences]
        link = f"[`{folder.name}`](bundles/{folder.name}/docs/README.md)"
        cells = [link, described["task"], *("<br>".join(dict.fromkeys(each)) for each in (scores, speeds, terms))]
        lines.append(f"| {' | '.join(cell or 'see the card' for cell in cells)} |")
    return "\n".join(lines) + "\n"


def written() -> str:
    """The table that README.md has now.

    Raises:
        ValueError: when its marks are gone.
    """
    found = _PLACE.search(README.read_text())
    if found is None:
        raise ValueError(f"{README} lacks the marks of the table")
    return found.group(0).removeprefix(found.group(1)).removesuffix(found.group(2))


def main() -> None:
    """Print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        written()
        README.write_text(_PLACE.sub(lambda found: found.group(1) + table() + found.group(2), README.read_text()))
    else:
        print(table(), end="")


if __name__ == "__main__":
    main()
