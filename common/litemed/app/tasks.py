# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the bundles do beside sessions, run as the command runs it, in a process of its own."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from litemed.bundles import offers
from litemed.images.names import image_stem

__all__ = ["Task", "Tasks", "tools"]

_BAR = re.compile(r"(\d+)/(\d+) \[")
_HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""A call is interrupted also where a shell has Ctrl-C ignored, as in its background."""
_CALL = "import sys; from litemed.tools.cli import main; sys.argv[0] = 'litemed'; main()"
_SHOWN = (".png", ".jpg", ".html", ".pdf", ".csv", ".json", ".mp4", ".tif", ".tiff", ".nii.gz", ".txt")


def tools() -> dict[str, dict[str, str]]:
    """What the bundles that are found offer for a file: by name a line of ``text``, and what it ``takes``."""
    takes, found = offers("takes"), {}
    for kind in ("applications", "commands"):
        for name, offer in offers(kind).items():
            if name in takes:
                found[name] = {"text": offer.text, "takes": takes[name].text}
    return found


class Task:
    """A call of the command on one file, that runs.

    Args:
        number: by which the page names it.
        tool: one of `tools`.
        source: the file.
        output_dir: for its results.

    Raises:
        ValueError: for another tool.
    """

    def __init__(self, number: str, tool: str, source: Path, output_dir: Path) -> None:
        if tool not in tools():
            raise ValueError(f"expected one of {', '.join(tools())}, got {tool!r}")
        self.number = number
        self.tool = tool
        self.source = source
        self.output_dir = output_dir
        self.done, self.total = 0, 0
        self._said: dict[str, str] = {"out": "", "err": ""}
        words = [tool, str(source)]
        if tool in offers("applications"):
            bundle = offers("applications")[tool].bundle
            words = ["segment", str(source), "--bundle", str(bundle), "--application", tool]
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _HEARS + _CALL, *words, "--out", str(output_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", self._process.stdout), ("err", self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[bytes]) -> None:
        while part := stream.read1(1 << 16):  # type: ignore[attr-defined]
            self._said[name] = (self._said[name] + part.decode(errors="replace"))[-(1 << 16) :]
            if name == "err" and (bars := _BAR.findall(self._said[name])):
                self.done, self.total = map(int, bars[-1])

    def state(self) -> dict[str, Any]:
        """How far it is, and when it has ended what it said and wrote."""
        code = self._process.poll()
        if code is not None:
            for reader in self._readers:
                reader.join(1)
        lines = [line.rpartition("\r")[2] for line in self._said["err"].splitlines()]
        errors = [line for line in lines if line.strip() and not _BAR.search(line)]
        return {
            "number": self.number,
            "tool": self.tool,
            "name": self.source.name,
            "is_running": code is None,
            "done": self.done,
            "total": self.total,
            "said": self._said["out"].strip() if code is not None else "",
            "error": None if code in (None, 0) else "\n".join(errors[-3:]) or f"it ended with code {code}",
            "files": [] if code is None else self._files(),
        }

    def _files(self) -> list[str]:
        """What it wrote, below its folder's parent: first what is to be looked at."""
        root = self.output_dir.parent
        found = [file for file in self.output_dir.rglob("*") if file.name.endswith(_SHOWN) and file.is_file()]
        visible = [file for file in found if _is_visible(file.relative_to(self.output_dir))]
        order = sorted(
            visible, key=lambda file: (len(file.parts), not file.name.endswith((".html", ".png")), file.name)
        )
        return [file.relative_to(root).as_posix() for file in order[:60]]

    def holds(self, path: Path) -> bool:
        """Whether a path without links lies in its folder, and isn't hidden there."""
        root = self.output_dir.resolve()
        return path.is_relative_to(root) and _is_visible(path.relative_to(root))

    def cancel(self) -> None:
        """Interrupt it, as Ctrl-C does."""
        if self._process.poll() is None:
            self._process.terminate() if sys.platform == "win32" else self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Interrupt it, and wait for its end."""
        self.cancel()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Tasks:
    """All of them, by number.

    Args:
        output_dir: each has a folder in it, of its file's and its tool's name.
    """

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._tasks: dict[str, Task] = {}
        self._numbers = map(str, itertools.count(1))
        self._lock = threading.Lock()

    def start(self, tool: str, source: Path) -> Task:
        """Run a tool on a file.

        Raises:
            ValueError: for another tool, or one that runs on this file already.
        """
        output = self._output_dir / f"{image_stem(source).removesuffix(source.suffix)}_{tool}"
        with self._lock:
            if any(each.output_dir == output and each.state()["is_running"] for each in self._tasks.values()):
                raise ValueError(f"{tool} is running on {source.name} already")
            task = Task(next(self._numbers), tool, source, output)
            self._tasks[task.number] = task
            return task

    def get(self, number: str) -> Task:
        """A task.

        Raises:
            FileNotFoundError: when there is none of the number.
        """
        if number not in self._tasks:
            raise FileNotFoundError(f"there is no task {number}")
        return self._tasks[number]

    def states(self) -> list[dict[str, Any]]:
        """How far they all are, in the order of their starts."""
        return [task.state() for task in self._all()]

    def holds(self, path: Path) -> bool:
        """Whether a path without links is among the results of one of them."""
        return any(task.holds(path) for task in self._all())

    def close(self) -> None:
        """Interrupt all that run."""
        for task in self._all():
            task.close()

    def _all(self) -> list[Task]:
        with self._lock:
            return list(self._tasks.values())


def _is_visible(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)
