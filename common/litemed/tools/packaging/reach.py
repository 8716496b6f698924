# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which files of the library a bundle's code and configurations reach, read from the text: nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import litemed

__all__ = ["LIBRARY", "reached"]

LIBRARY = Path(litemed.__file__).parent
ALWAYS = (LIBRARY / "__init__.py", LIBRARY / "packed.py")
_ALL = "*"
_DOTTED = re.compile(r"litemed(?:\.[A-Za-z_]\w*)+")
_CONFIG_IMPORT = re.compile(
    r"\bimport (litemed(?:\.\w+)*) as (\w+)|\bfrom (litemed(?:\.\w+)*) import (\w+)(?: as (\w+))?"
)


def reached(files: Mapping[str, bytes]) -> set[Path]:
    """Files of the library that a bundle needs: modules, the packages around them, what those reach, and data beside.

    A name that a package loads when it is first used (`litemed.lazy.lazy_names`), ``litemed.metrics.ScoreHandler`` say,
    reaches its module alone. A package that is imported whole reaches what is taken from it by name; and all that it
    offers where it is handed on whole.

    Args:
        files: the bundle's contents by path; ``.py`` and ``.json`` are read.

    Raises:
        ValueError: when the code can't be parsed.
    """
    configurations = [content.decode(errors="replace") for path, content in files.items() if path.endswith(".json")]
    names = set(_of_configurations(configurations))
    for path, content in files.items():
        if path.endswith(".py"):
            try:
                names |= _of_code(content.decode())
            except (SyntaxError, ValueError, RecursionError) as error:
                why = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else error
                raise ValueError(f"{path} is no Python: {why}") from error
    needed: set[Path] = set()
    pending = [*ALWAYS, *_modules(names)]
    while pending:
        file = pending.pop()
        if file in needed:
            continue
        needed.add(file)
        text = file.read_text(encoding="utf-8")
        pending += _modules(_of_code(text))
        if '"data"' in text and (file.parent / "data").is_dir():
            needed |= {each for each in (file.parent / "data").iterdir() if each.is_file()}
    return needed


def _modules(names: set[str]) -> list[Path]:
    return [file for name in names for file in _along(name)]


def _of_configurations(texts: list[str]) -> Iterator[str]:
    """Dotted names of the library in configurations, which see each other's imports."""
    together = "\n".join(texts)
    yield from _DOTTED.findall(together)
    for module, alias, package, name, other in _CONFIG_IMPORT.findall(together):
        whole = module or f"{package}.{name}"
        yield whole
        yield from (f"{whole}.{each}" for each in re.findall(rf"\b{alias or other or name}\.(\w+)", together))


def _of_code(text: str) -> set[str]:
    """Dotted names of the library that Python code imports, takes from what it imported, or has as strings."""
    tree, names, aliases = ast.parse(text), set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "litemed":
                    aliases[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "litemed":
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
            names.add(node.value)
    taken_from = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            names.add(f"{aliases[node.value.id]}.{node.attr}")
        elif isinstance(node, ast.Name) and node.id in aliases and id(node) not in taken_from:
            names.add(f"{aliases[node.id]}.{_ALL}")
    return names | set(aliases.values())


def _along(name: str) -> Iterator[Path]:
    """Files along a dotted name: packages, and the module that it ends in or that its last part is loaded from."""
    folder = LIBRARY
    yield folder / "__init__.py"
    for part in name.split(".")[1:]:
        offered = _offered(folder / "__init__.py")
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            yield folder / "__init__.py"
            continue
        modules = set(offered.values()) if part == _ALL else {offered.get(part, part)}
        yield from (file for module in sorted(modules) if (file := folder / f"{module}.py").is_file())
        return


@cache
def _offered(package: Path) -> dict[str, str]:
    """The names that a package loads when they are used, and the module that each is from."""
    for node in ast.walk(ast.parse(package.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy_names":
            return {name: module for module, names in ast.literal_eval(node.args[1]).items() for name in names}
    return {}
