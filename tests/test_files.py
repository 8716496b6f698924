# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Whole files or none, and one writer at a time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from litemed.files import clear_leftovers, only_writer, replacing, scratch


def test_replaces_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "volume.nii.gz"
    with replacing(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.name == target.name
    assert target.read_text() == "whole"
    assert os.listdir(target.parent) == ["volume.nii.gz"]


def test_an_error_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write_half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("ha")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_permissions_that_the_user_asked_for(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "table.csv") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(before)
    assert (tmp_path / "table.csv").stat().st_mode & 0o777 == mode


def test_a_full_disk_is_told_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device") as told, replacing(tmp_path / "a.png") as temporary:
        raise OSError(errno.ENOSPC, "No space left on device", str(temporary))
    assert told.value.filename == str(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_second_writer_is_refused_in_a_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused: list[str] = []

    def write() -> None:
        try:
            with only_writer(out):
                refused.append("")
        except BlockingIOError as error:
            refused.append(str(error))

    with only_writer(out):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        command = f"from litemed.files import only_writer\nwith only_writer({str(out)!r}): print('wrote')"
        other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    line = f"{out} is being written by process {os.getpid()}: wait for its end, or choose another folder"
    assert refused == [line]
    assert other.stderr.splitlines()[-1] == f"BlockingIOError: {line}"
    assert os.listdir(out) == []
    write()
    assert refused == [line, ""]


def test_many_writers_come_one_after_the_other(tmp_path: Path) -> None:
    """However the lock's file comes and goes under them, no two hold it."""
    inside, most, wrote = 0, 0, 0
    guard = threading.Lock()

    def write() -> None:
        nonlocal inside, most, wrote
        while True:
            try:
                with only_writer(tmp_path):
                    with guard:
                        inside += 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
                        wrote += 1
                    return
            except BlockingIOError:
                continue

    threads = [threading.Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, wrote) == (1, 16)
    assert os.listdir(tmp_path) == []


KILLED = """
import sys, time
from pathlib import Path
from litemed.files import only_writer, replacing, scratch
with only_writer({out!r}), replacing(Path({out!r}, "masks/a.png")) as half, scratch({out!r}) as folder:
    half.write_text("ha")
    (folder / "deep").mkdir()
    print("writing", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", KILLED.format(out=str(out))], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    assert len(list(out.rglob(".litemed-*"))) == 2
    with pytest.raises(BlockingIOError), only_writer(out):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (out / "mine.txt").write_text("stays")
    with only_writer(out), scratch(out) as running:
        clear_leftovers(out)
        assert list(out.rglob(".litemed-*")) == [running]
    assert sorted(path.name for path in out.rglob("*")) == ["masks", "mine.txt"]


def test_left_overs_are_never_looked_for_through_links(tmp_path: Path) -> None:
    left = tmp_path / "elsewhere/.litemed-99999999-x"
    left.mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.litemed-99999999-y").symlink_to(left)
    (tmp_path / "out/link").symlink_to(left.parent)
    clear_leftovers(tmp_path / "out")
    assert left.is_dir()
    clear_leftovers(left.parent)
    assert not left.exists()
