# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writing files whole or not at all, by one writer at a time in a folder, and where litemed keeps its own."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["clear_leftovers", "litemed_home", "only_writer", "read_json", "replacing", "scratch", "typed_path"]

_MARK = ".litemed-"
_LOCK = ".litemed.lock"
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def litemed_home() -> Path:
    """Folder of what litemed keeps between runs: ``$LITEMED_HOME``, or ``~/.cache/litemed``."""
    return Path(os.environ.get("LITEMED_HOME") or "~/.cache/litemed").expanduser()


def typed_path(path: Any) -> Path:
    """The path that a user typed, from what a MONAI configuration has made of it.

    MONAI's parser turns ``#`` into ``::``; its command line takes digits for a number, and ``#`` for a comment.

    Raises:
        ValueError: for a number, and where the command line has left something out.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"expected a path, got the number {path}: write ./ before a name of digits")
    for word in (word for argument in sys.argv[1:] for word in (argument, argument.partition("=")[2])):
        if "#" in word and word.partition("#")[0].rstrip() == str(path):
            raise ValueError(f"MONAI's command line made {path} of {word}: write ./ before it")
    found = Path(path).expanduser()
    as_typed = Path(str(found).replace("::", "#"))
    return as_typed if not found.exists() and as_typed.exists() else found


def read_json(path: str | os.PathLike[str]) -> Any:
    """Content of a JSON file.

    Raises:
        ValueError: naming the file, when it isn't JSON in UTF-8 or is nested too deeply.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} isn't readable JSON: {error}") from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path that takes the place of ``path`` when the block ends without an error.

    Folders that lack are made. The temporary file has the same name in a hidden folder beside, so that writers that go
    by the name, or write it into the file, do as they would. Its permissions are those of any new file.

    Args:
        path: the file to write.

    Yields:
        the path to write to.

    Raises:
        OSError: when the disk is full, with the folder.
    """
    target = Path(path)
    try:
        with scratch(target.parent) as folder:
            temporary = folder / target.name
            yield temporary
            temporary.replace(target)
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(error.errno, os.strerror(error.errno), str(target.parent)) from error
        raise


@contextmanager
def scratch(parent: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a hidden folder for the length of the block, on the same disk as ``parent``, which is made where it lacks.

    What a killed process leaves of it is removed by `clear_leftovers`.
    """
    Path(parent).mkdir(parents=True, exist_ok=True)
    prefix = f"{_MARK}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def clear_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove what killed processes left of `scratch` in a folder and in those right below it."""
    for pattern in (f"{_MARK}*", f"*/{_MARK}*"):
        for left in Path(folder).glob(pattern):
            process = left.name.removeprefix(_MARK).partition("-")[0]
            is_elsewhere = left.is_symlink() or (left.parent != Path(folder) and left.parent.is_symlink())
            if process.isdecimal() and not is_elsewhere and not _runs(int(process)):
                shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    if sys.platform == "win32":  # where asking would stop it: it runs for certain only if it is this one
        return process == os.getpid()
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


@contextmanager
def only_writer(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes and threads from writing into a folder until the block ends; they are refused, not kept.

    The folder is made where it lacks, and what killed runs left in it is removed. The lock ends with the process,
    however that ends. Where the file system has no locks nobody is kept out.

    Raises:
        BlockingIOError: when somebody else is writing there.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    handle = _lock_file(path)
    try:
        clear_leftovers(path)
        yield
    finally:
        with suppress(OSError):  # a system that keeps open files leaves it for the next
            (path / _LOCK).unlink()
        os.close(handle)


def _lock_file(folder: Path) -> int:
    """Open the lock of a folder, and hold it."""
    lock = folder / _LOCK
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        if not _locked(handle):
            holder = b""
            with suppress(OSError):
                holder = os.read(handle, 100)
            os.close(handle)
            raise BlockingIOError(
                f"{folder} is being written by {holder.decode() or 'another process'}: wait for its end, or choose "
                "another folder"
            )
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(lock)):
                with suppress(OSError):  # on a full disk the lock holds without a name in it
                    os.truncate(handle, 0)
                    os.write(handle, f"process {os.getpid()}".encode())
                return handle
        os.close(handle)  # whoever held it before has just removed the file: take the new one


def _locked(handle: int) -> bool:
    """Lock an open file; False where somebody else has locked it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _HELD
    return True
