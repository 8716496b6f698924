# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Errors of command lines."""

from __future__ import annotations

import pytest
from litemed.command_line import run_command


def divide(by: float) -> float:
    """Divides one."""
    if by == 0:
        raise ValueError(f"expected a number to divide by, got {by}")
    if by < 0:
        raise KeyboardInterrupt
    return 1 / by


@pytest.mark.parametrize(
    ("by", "code", "message"),
    [("0", 2, "divide: expected a number to divide by, got 0\n"), ("-1", 130, "divide: interrupted\n")],
)
def test_errors_are_a_line(capsys: pytest.CaptureFixture[str], by: str, code: int, message: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(divide, "divide", ["--by", by])
    assert ended.value.code == code
    assert capsys.readouterr().err == message


def test_a_command_that_resumes_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_command(divide, "divide", ["--by", "-1"], resumes=True)
    assert capsys.readouterr().err == "divide: interrupted: the same command goes on from here\n"


def test_results_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(divide, "divide", ["--by", "4"])
    assert capsys.readouterr().out == "0.25\n"


def test_errors_of_the_program_keep_their_traceback() -> None:
    with pytest.raises(TypeError):
        run_command(divide, "divide", ["--by", "four"])
