# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Running a bundle's configurations as ``python -m monai.bundle run`` does, with errors for people.

A bundle is reached through its configuration files alone: its package is imported by them, from its folder.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import pydoc
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow

from litemed.bundles import find_bundle, importable
from litemed.causes import cause_of

__all__ = ["configuration_files", "open_workflow", "quiet", "reason", "run_training", "set_value", "user_errors"]

_KNOWN_WARNINGS = ("parsing config_file", "NvImgCodecPydicomReader")
_GIVEN = "__given"


def configuration_files(
    bundle: str | os.PathLike[str], name: str, overrides: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """The files of a configuration, and what overrides them.

    An application of a bundle, such as nuclei, is an override file of its name that says ``"application": "nuclei"``.
    Asking for ``application=nuclei`` reads that file too.

    Args:
        bundle: its name or folder.
        name: of the configuration: ``inference``, ``collab``.
        overrides: values by id.

    Returns:
        Paths of the files in the order they are read, and the overrides that are left.

    Raises:
        FileNotFoundError: when there is no such bundle or configuration.
        ValueError: for an application that the bundle doesn't have, or an id that the configuration doesn't; an id may
            go into the depth, as in ``network_def#in_channels``.
    """
    folder = find_bundle(bundle)
    main = folder / "configs" / f"{name}.json"
    if not main.is_file():
        raise FileNotFoundError(f"bundle {folder.name} has no configuration {main}")
    files, left = [str(main)], dict(overrides)
    default = _read(files).get("application")
    if default is not None and left.get("application", default) != default:
        applications = {default: None, **_applications(folder)}
        wanted = left.pop("application")
        if wanted not in applications:
            raise ValueError(f"{folder.name} has no application {wanted}: expected one of {', '.join(applications)}")
        files.append(str(applications[wanted]))
    known = _read(files)
    for key in left:
        if key.replace("::", "#").split("#")[0] not in known:
            near = difflib.get_close_matches(key, known)
            hint = f"did you mean {' or '.join(near)}?" if near else f"see {main}"
            raise ValueError(f"{folder.name} has no option {key}: {hint}")
    return files, left


def open_workflow(
    bundle: str | os.PathLike[str], name: str, overrides: Mapping[str, Any], kind: str | None = None
) -> ConfigWorkflow:
    """Open a configuration of a bundle, ready to be initialized; its folder is put on the path for imports.

    Args:
        bundle: its name or folder.
        name: of the configuration, see :func:`configuration_files`.
        overrides: values by id, see :func:`set_value`.
        kind: workflow type: ``"infer"``, ``"train"``, or None for another.

    Raises:
        FileNotFoundError, ValueError: as :func:`configuration_files` does.
    """
    files, left = configuration_files(bundle, name, overrides)
    importable(bundle)
    with quiet():
        workflow = ConfigWorkflow(files, logging_file=False, workflow_type=kind)
    for key, value in left.items():
        set_value(workflow.parser, key, value)
    return workflow


def set_value(parser: ConfigParser, key: str, value: Any) -> None:
    """Put a value into a configuration as it is: whatever characters it holds, nothing of it is evaluated.

    MONAI's parser reads text that begins with ``$`` as Python, with ``@`` as a reference, with ``%`` as a file to
    include, and each ``#`` as ``::``. Here the configuration only gets an expression that names the value.

    Args:
        parser: of the configuration; parse it again when it has been parsed.
        key: id of the value; may go into the depth.
        value: any object.
    """
    given = parser.globals.setdefault(_GIVEN, [])
    parser[key] = f"${_GIVEN}[{len(given)}]"
    given.append(value)


def run_training(bundle_root: str | os.PathLike[str], names: Sequence[str], **overrides: Any) -> None:
    """Run configurations of a bundle together, ``train`` and ``evaluate`` say, as ``python -m monai.bundle run`` does.

    Args:
        bundle_root: its folder.
        names: of the configurations, in the order they are read.
        overrides: values by id; text may refer to others and be an expression.
    """
    files = [str(Path(bundle_root) / "configs" / f"{name}.json") for name in names]
    workflow = ConfigWorkflow(files, workflow_type="train", **overrides)
    workflow.initialize()
    workflow.run()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep log lines back, whose errors are told in other ways, and what MONAI warns of whatever it reads."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in _KNOWN_WARNINGS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        logging.disable(before)


@contextmanager
def user_errors() -> Iterator[None]:
    """Raise an error of the user's input as it was first raised, without the engine's and the parser's wrapping.

    Raises:
        OSError, ValueError, ImportError: as raised first; ValueError for what else a configuration raised.
        KeyboardInterrupt: when that was raised first, within an import say.
    """
    try:
        yield
    except Exception as error:
        if _was_interrupted(error):
            raise KeyboardInterrupt from None
        cause = cause_of(error)
        if isinstance(cause, (OSError, ValueError, ImportError)):
            raise cause from None
        if cause is not error:
            raise ValueError(reason(error)) from error
        raise


def reason(error: BaseException) -> str:
    """What went wrong, in a line, from an error that MONAI may have wrapped in others."""
    cause = cause_of(error)
    text = " ".join(str(cause).split())
    if isinstance(cause, OSError) and cause.strerror and cause.filename:
        return f"{cause.strerror}: {cause.filename}"
    return text if isinstance(cause, (OSError, ValueError)) and text else f"{type(cause).__name__}: {text}"


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an error wraps Ctrl-C: as its cause or context, or, where MONAI looks a module up, in pydoc's own way."""
    while error is not None:
        inner = error.value if isinstance(error, pydoc.ErrorDuringImport) else None
        if isinstance(error, KeyboardInterrupt) or isinstance(inner, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _applications(folder: Path) -> dict[str, Path]:
    """Override files that turn a bundle to another application, by the application's name."""
    found = {}
    for file in sorted((folder / "configs").glob("*.json")):
        content = json.loads(file.read_text())
        if "application" in content and "bundle_root" not in content and file.stem == content["application"]:
            found[file.stem] = file
    return found


def _read(files: list[str]) -> dict[str, Any]:
    with quiet():
        return ConfigParser.load_config_files(files)
