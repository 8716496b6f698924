# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Packed files as the MONAI Model Zoo's hooks and formatters leave them.

The library is written as black writes it. What packing changes is done here: the library's modules become those of the
bundle, so that their imports move; and a text below a name of a module, which the zoo's hooks take for a second
docstring, becomes a comment.
"""

from __future__ import annotations

import ast
import json
import re
import sys

__all__ = ["formatted_code", "formatted_json"]

_LINE = 120


def formatted_json(text: str) -> str:
    """JSON with its keys in order, four spaces a level, ASCII alone, and a line end.

    Raises:
        ValueError: when it is none.
    """
    return json.dumps(json.loads(text), indent=4) + "\n"


def formatted_code(text: str, package: str) -> str:
    """Python with its imports of a package sorted among the others, as isort does by black's profile, wrapped at 120.

    Args:
        text: a module whose imports were sorted before some of them were moved into the package.
        package: a name that the zoo knows nothing of, so that it takes it for third party.
    """
    lines = text.splitlines(keepends=True)
    tree = ast.parse(text)
    changed: list[tuple[int, int, str]] = []  # first line, line after the last, what stands there instead
    for node in tree.body[1:]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            comment = "".join(f"# {line}".rstrip() + "\n" for line in node.value.value.splitlines())
            changed.append((node.lineno - 1, node.end_lineno or 0, comment))
    for run in _runs_of_imports(tree):
        if any(module.split(".")[0] == package for module in map(_module, run)):
            changed.append((run[0].lineno - 1, run[-1].end_lineno or 0, _sorted(run, lines)))
    for first, end, instead in sorted(changed, reverse=True):
        lines[first:end] = [instead]
    return "".join(lines)


def _runs_of_imports(tree: ast.Module) -> list[list[ast.Import | ast.ImportFrom]]:
    """Imports that follow each other, at any depth."""
    runs: list[list[ast.Import | ast.ImportFrom]] = []
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            follows = False
            for statement in body if isinstance(body, list) else ():
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    runs += [] if follows else [[]]
                    runs[-1].append(statement)
                    follows = True
                else:
                    follows = False
    return runs


def _module(node: ast.Import | ast.ImportFrom) -> str:
    return node.names[0].name if isinstance(node, ast.Import) else node.module or ""


def _sorted(run: list[ast.Import | ast.ImportFrom], lines: list[str]) -> str:
    """The lines of some imports by section, a blank line between two; comments stay above what they stood above."""
    sections: dict[int, list[tuple[bool, list[int | str], str]]] = {}
    after = run[0].lineno - 1
    for node in run:
        root = _module(node).split(".")[0]
        section = 0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2
        chunk = "".join(line for line in lines[after : node.end_lineno] if line.strip())
        after = node.end_lineno or 0
        words = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", _module(node).lower())]
        sections.setdefault(section, []).append((isinstance(node, ast.ImportFrom), words, _wrapped(chunk)))
    parts = ["".join(_spaced([chunk for *_, chunk in sorted(sections[each])])) for each in sorted(sections)]
    return "\n".join(parts)


def _spaced(chunks: list[str]) -> list[str]:
    """A blank line before a comment, but for the first."""
    return ["\n" + chunk if chunk.lstrip().startswith("#") and place else chunk for place, chunk in enumerate(chunks)]


def _wrapped(line: str) -> str:
    """An import on one line, or with a line a name where it is too long."""
    found = re.fullmatch(r"( *)(from \S+ import )([^(#\n]+)\n", line)
    if not found or len(line) <= _LINE + 1:
        return line
    indent, start, names = found.groups()
    return f"{indent}{start}(\n" + "".join(f"{indent}    {name},\n" for name in names.split(", ")) + f"{indent})\n"
