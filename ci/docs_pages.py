# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A hook of MkDocs: pages that lie elsewhere in the checkout, and one of the docstrings of each room.

README, CONTRIBUTING, CHANGELOG and the bundles' cards become pages without a copy in the repository; their links are
turned to where the pages lie; a file that is no page is named instead. The names of a room's page are those
that its ``lazy_names`` offers, in the order of their modules.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "common/litemed"
BUNDLES = sorted(file.parents[1].name for file in ROOT.glob("bundles/*/configs/metadata.json"))
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def pages() -> dict[str, Path]:
    """Pages of the site that lie elsewhere, by their place in it."""
    found = {"index.md": ROOT / "README.md"}
    found |= {f"{name.lower()}.md": ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")}
    for name in BUNDLES:
        found[f"bundles/{name}.md"] = ROOT / f"bundles/{name}/docs/README.md"
        found[f"bundles/{name}_results.md"] = ROOT / f"bundles/{name}/docs/results.md"
    return found


def pictures() -> dict[str, Path]:
    """Pictures of the bundles' pages, by their place in the site."""
    folders = {name: ROOT / f"bundles/{name}/docs" for name in BUNDLES}
    return {f"pictures/{name}_{file.name}": file for name, folder in folders.items() for file in folder.glob("*.*g")}


def linked(text: str, source: Path, place: str) -> str:
    """A page's text with its links turned to the site.

    Args:
        text: Markdown.
        source: the file that it is from.
        place: of the page in the site.

    Raises:
        FileNotFoundError: for a link to a file that isn't there.
    """
    sites = {str(file): page for page, file in pages().items()}

    def turn(match: re.Match[str]) -> str:
        target, _, anchor = match.group(3).partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return match.group(0)
        file = (source.parent / target).resolve()
        if not file.exists():
            raise FileNotFoundError(f"{source}: there is no {target}")
        if file.is_relative_to(ROOT / "docs"):
            page = file.relative_to(ROOT / "docs").as_posix()
        elif str(file) in sites:
            page = sites[str(file)]
        elif match.group(1):
            page = f"pictures/{file.parents[1].name}_{file.name}"
        else:
            return f"{match.group(2)} (`{file.relative_to(ROOT).as_posix()}`)"
        there = posixpath.relpath(page, posixpath.dirname(place) or ".")
        return f"{match.group(1)}[{match.group(2)}]({there}{'#' + anchor if anchor else ''})"

    return _LINK.sub(turn, text)


def room_page(room: str) -> str:
    """The page of a room: what it answers, and each name that it offers."""
    tree = ast.parse((LIBRARY / room / "__init__.py").read_text(encoding="utf-8"))
    lines = [f"# litemed.{room}", "", ast.get_docstring(tree) or "", ""]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy_names":
            for module, names in ast.literal_eval(node.args[1]).items():
                lines += [line for name in names for line in (f"::: litemed.{room}.{module}.{name}", "")]
    return "\n".join(lines)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to the site's files."""
    from mkdocs.structure.files import File

    for place, source in pages().items():
        files.append(File.generated(config, place, content=linked(source.read_text(encoding="utf-8"), source, place)))
    for place, picture in pictures().items():
        files.append(File.generated(config, place, abs_src_path=str(picture)))
    for room in sorted(each.parent.name for each in LIBRARY.glob("*/__init__.py")):
        if "lazy_names" in (LIBRARY / room / "__init__.py").read_text(encoding="utf-8") and room != "samples":
            files.append(File.generated(config, f"reference/{room}.md", content=room_page(room)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn the links of the pages in ``docs/`` that lead out of it."""
    source = ROOT / "docs" / page.file.src_uri
    return linked(markdown, source, page.file.src_uri) if source.is_file() else markdown
