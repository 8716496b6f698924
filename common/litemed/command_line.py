# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Command lines that take words and paths as typed, and whose errors are a line, not a traceback."""

from __future__ import annotations

import inspect
import os
import re
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union

import fire
from fire.decorators import SetParseFn
from fire.parser import DefaultParseValue

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

__all__ = ["numbers", "parse_value", "refuse_unknown_ids", "run_command"]

_CONSTANTS = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)")
_WORD = re.compile(r"[A-Za-z]\w*")
_PATH_NAMES = ("_path", "_dir", "_file")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}


def run_command(component: Any, name: str, arguments: list[str] | None = None, resumes: bool = False) -> None:
    """Run a function or class as a command line by fire; an error of the user's input is one line and exit code 2.

    What an option takes is what its annotation says: text as typed, a whole number, a number, True or False, or several
    of them divided by commas. Options without such an annotation take what `parse_value` makes of them, but for those
    whose name ends in ``_path``, ``_dir`` or ``_file``, which are text. ``--no-NAME`` is ``--NAME False``. An unknown
    option is refused before anything is done, and not afterwards, as fire does.

    Args:
        component: what to run, see ``fire.Fire``.
        name: of the command, before its errors.
        arguments: by default those of the process.
        resumes: the same command goes on after an interruption, and says so.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        function = _called(component, given)
        if function is not None:
            given = _negated(function, given)
            _refuse_unknown_options(function, given)
            _declare(function, given)
        fire.Fire(component, command=given, name=name)
    except (OSError, ValueError, ImportError) as error:
        is_of_system = isinstance(error, OSError) and error.strerror and error.filename
        told = f"{error.strerror}: {error.filename}" if is_of_system else str(error)  # type: ignore[union-attr]
        print(f"{name}: {told}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as stopped:
        goes_on = resumes or str(stopped)
        print(f"{name}: interrupted" + (": the same command goes on from here" if goes_on else ""), file=sys.stderr)
        sys.exit(130)


def parse_value(text: str) -> Any:
    """The value that a text means where no annotation says what it is to be.

    - ``True``, ``False``, ``None`` and their spellings in JSON;
    - a number in decimal digits, without underscores and leading zeros;
    - a list of such values and words, divided by commas, with or without brackets, or a dictionary in braces;
    - any other text stays as it is.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and not re.match(r"[+-]?0\d", text):
        return float(text)
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and all(part in _CONSTANTS or _NUMBER.fullmatch(part) or _WORD.fullmatch(part) for part in parts):
        return [parse_value(part) for part in parts]
    is_bracketed = len(text) > 1 and _BRACKETS.get(text[0]) == text[-1]
    if not is_bracketed or "#" in text or re.search(r"\d_", text):
        return text
    value = DefaultParseValue(text)
    return list(value) if isinstance(value, tuple) else value


def _called(component: Any, arguments: Sequence[str]) -> Callable[..., Any] | None:
    """The function that a command line calls."""
    if inspect.isclass(component):
        component = getattr(component, arguments[0].replace("-", "_"), None) if arguments else None
    return component if inspect.isfunction(component) else None


def _declare(function: Callable[..., Any], arguments: Sequence[str]) -> None:
    """Tell fire how to read each option of a function."""
    hints = typing.get_type_hints(function)
    for parameter in inspect.signature(function).parameters.values():
        parse = _parser(parameter.name, hints.get(parameter.name, Any))
        if parameter.kind is parameter.VAR_POSITIONAL:
            SetParseFn(parse)(function)
        elif parameter.kind is parameter.VAR_KEYWORD:
            SetParseFn(parse)(function)
            options = {each.partition("=")[0][2:].replace("-", "_") for each in arguments if each.startswith("--")}
            paths = [option for option in options if option.endswith(_PATH_NAMES)]
            if paths:
                SetParseFn(str, *paths)(function)
        else:
            SetParseFn(parse, parameter.name)(function)


def _parser(name: str, hint: Any) -> Callable[[str], Any]:
    """What reads an option of an annotation."""
    kinds = _kinds(hint)
    optional = NoneType in kinds
    kinds = [kind for kind in kinds if kind is not NoneType]
    if kinds and all(kind in (str, os.PathLike) for kind in kinds):
        return str
    if len(kinds) == 1 and kinds[0] in _READERS:
        read = _READERS[kinds[0]]
        return lambda text: None if optional and text in ("None", "null") else read(name, text)
    members = typing.get_args(hint) if typing.get_origin(hint) in (Union, UnionType) else (hint,)
    sequence = next((member for member in members if member is not NoneType), None)
    parameters = typing.get_args(sequence)
    if len(kinds) == 1 and typing.get_origin(sequence) in (Sequence, list, tuple) and parameters:
        each = _parser(name, parameters[0])

        def several(text: str) -> list[Any] | None:
            if optional and text in ("None", "null"):
                return None
            return [each(part.strip(" '\"")) for part in text.strip("[]() ").split(",") if part.strip()]

        return several
    return parse_value


def _kinds(hint: Any) -> list[Any]:
    """The types of a union, without their parameters."""
    origin = typing.get_origin(hint)
    if origin in (Union, UnionType):
        return [kind for each in typing.get_args(hint) for kind in _kinds(each)]
    if origin is Literal:
        return [str] if all(isinstance(each, str) for each in typing.get_args(hint)) else [Any]
    return [origin or hint]


def _whole_number(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(f"expected --{name} as a whole number, got {text!r}")
    return int(text)


def _number(name: str, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected --{name} as a number, got {text!r}")
    return float(text)


def _truth(name: str, text: str) -> bool:
    value = _CONSTANTS.get(text)
    if value is None:
        raise ValueError(f"expected --{name} as True or False, got {text!r}")
    return value


_READERS: dict[Any, Callable[[str, str], Any]] = {int: _whole_number, float: _number, bool: _truth}


def _negated(function: Callable[..., Any], arguments: Sequence[str]) -> list[str]:
    """The arguments with ``--no-NAME`` of an option that is True or False as fire spells it."""
    hints = typing.get_type_hints(function)
    switches = {f"--no-{name.replace('_', '-')}": f"--no{name}" for name, hint in hints.items() if hint is bool}
    return [switches.get(argument, argument) for argument in arguments]


def _refuse_unknown_options(function: Callable[..., Any], arguments: Sequence[str]) -> None:
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    known = {"help", *parameters, *(f"no{name}" for name in parameters)} - {"self", "noself"}
    for argument in arguments:
        if argument == "--":
            return
        option = argument.partition("=")[0]
        if len(option) > 3 and option.startswith("--") and option[2:].replace("-", "_") not in known:
            options = ", ".join(f"--{name}" for name in parameters if name != "self")
            raise ValueError(f"unknown option {option}: expected one of {options}")


def refuse_unknown_ids(bundle: str, ids: Iterable[str], known: ConfigParser) -> None:
    """Refuse options that override nothing: mistyped ids of a configuration, which MONAI takes as new ones.

    Args:
        bundle: whose configuration it is, for the error.
        ids: of the options.
        known: the configuration.

    Raises:
        ValueError: naming the ids that the configuration doesn't have.
    """
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise ValueError(f"{bundle} has no option {', '.join(unknown)}")


def numbers(text: str, name: str) -> list[float]:
    """Numbers with commas between them.

    Args:
        text: as typed.
        name: of the option, for the error.

    Raises:
        ValueError: for anything else.
    """
    parts = [part.strip() for part in text.strip("[]() ").split(",")]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"expected {name} as numbers with commas between, got {text!r}")
    return [float(part) for part in parts]
