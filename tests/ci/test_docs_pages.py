# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The site's pages that lie elsewhere: links that lead somewhere, and every name of a room. Needs no MkDocs."""

from __future__ import annotations

import importlib
import posixpath
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
hook = runpy.run_path(str(ROOT / "ci/docs_pages.py"))
PAGES = hook["pages"]() | {file.name: file for file in (ROOT / "docs").glob("*.md")}


@pytest.mark.parametrize("place", PAGES)
def test_links_lead_to_pages_and_pictures(place: str) -> None:
    text = hook["linked"](PAGES[place].read_text(), PAGES[place], place)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    found = {posixpath.normpath(posixpath.join(posixpath.dirname(place), target)) for target in targets if target}
    assert found <= PAGES.keys() | hook["pictures"]().keys() | {file.name for file in (ROOT / "docs").glob("*.*g")}


def test_a_link_to_nothing_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"README\.md: there is no docs/gone\.md"):
        hook["linked"]("[a](docs/gone.md)", ROOT / "README.md", "index.md")
    assert hook["linked"]("[the terms](LICENSE)", ROOT / "README.md", "index.md") == "the terms (`LICENSE`)"


def test_a_rooms_page_has_each_of_its_names_and_the_menu_each_page() -> None:
    page = hook["room_page"]("metrics")
    names = [line.rpartition(".")[2] for line in page.splitlines() if line.startswith("::: ")]
    assert sorted(names) == sorted(importlib.import_module("litemed.metrics").__all__)
    menu = (ROOT / "mkdocs.yml").read_text()
    assert [place for place in PAGES if f": {place}" not in menu] == []
