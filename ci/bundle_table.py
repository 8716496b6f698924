# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The README's table of bundles, from their metadata.

Run: python ci/bundle_table.py [--write]

Prints the table; with --write it replaces the one in README.md. A test fails when the two differ.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SHOWN = 5
_PLACE = re.compile(r"(<!-- bundles: [^\n]* -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    """One row a bundle: what it does, what its shipped weights score and on what."""
    lines = ["| bundle | does | weights score | on |", "| --- | --- | --- | --- |"]
    for file in sorted(ROOT.glob("bundles/*/configs/metadata.json")):
        bundle, metadata = file.parents[1], json.loads(file.read_text())
        scores = list(metadata["eval_metrics"].items())
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in scores[:SHOWN])
        more = f" and {len(scores) - SHOWN} more" if len(scores) > SHOWN else ""
        weights = (bundle / "models/model.pt").is_file()
        results = told + more or ("see the card" if weights else "none yet")
        link = f"[`{bundle.name}`](bundles/{bundle.name}/docs/README.md)"
        lines.append(f"| {link} | {metadata['task']} | {results} | {metadata['data_source']} |")
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
