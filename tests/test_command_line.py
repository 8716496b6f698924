# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Command lines: what becomes of the words that are typed, and errors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from litemed.command_line import parse_value, run_command

AS_TYPED = ["2024_01_15", "1.10", "0x1f", "visit#1", "study #2", "$x", "@y", "%z", "a,b", "[1]", "True", "None", "'a'"]
"""Words that fire, or MONAI's configurations, would take for something else."""


def divide(by: float) -> float:
    """Divides one."""
    if by == 0:
        raise ValueError(f"expected a number to divide by, got {by}")
    if by < 0:
        raise KeyboardInterrupt
    return 1 / by


@pytest.mark.parametrize(
    ("by", "code", "message"),
    [
        ("0", 2, "divide: expected a number to divide by, got 0.0\n"),
        ("four", 2, "divide: expected --by as a number, got 'four'\n"),
        ("1_0", 2, "divide: expected --by as a number, got '1_0'\n"),
        ("-1", 130, "divide: interrupted\n"),
    ],
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
    def fail(text: str) -> None:
        raise TypeError(text)

    with pytest.raises(TypeError, match="so"):
        run_command(fail, "fail", ["so"])


called: list[dict[str, Any]] = []


class Commands:
    """Commands of every kind of annotation."""

    def one(
        self,
        path: str,
        out: str | None = None,
        source: str | os.PathLike[str] = "",
        engine: Literal["local", "ray"] = "local",
        workers: int | None = None,
        share: float = 0.5,
        names: Sequence[str] = (),
        sizes: tuple[int, ...] = (),
        sets: list[str] | None = None,
        flips: list[bool] | None = None,
        json: bool = False,
        **options: Any,
    ) -> None:
        """Note the call."""
        called.append({name: value for name, value in locals().items() if name != "self"})

    def many(self, *paths: str) -> None:
        """Note the call."""
        called.append({"paths": paths})


def call(*arguments: str) -> dict[str, Any]:
    run_command(Commands, "commands", list(arguments))
    return called.pop()


@pytest.mark.parametrize("word", AS_TYPED)
def test_words_and_paths_are_taken_as_typed(word: str) -> None:
    found = call("one", word, "--out", word, f"--source={word}", "--ckpt-path", word, f"--dataset_dir={word}")
    assert [found[name] for name in ("path", "out", "source")] == [word] * 3
    assert found["options"] == {"ckpt_path": word, "dataset_dir": word}
    assert call("many", word, "b", word) == {"paths": (word, "b", word)}


def test_annotations_say_what_else_options_are() -> None:
    given = ["--workers", "2", "--share=1", "--names", "a, 1_0", "--sizes", "(4,5)", "--json", "--engine", "ray"]
    found = call("one", "x", *given)
    wanted = {"workers": 2, "share": 1.0, "names": ["a", "1_0"], "sizes": [4, 5], "json": True, "engine": "ray"}
    assert {name: found[name] for name in wanted} == wanted
    assert call("one", "x", "--workers", "None", "--nojson")["workers"] is None


def test_switches_are_turned_off_as_is_usual(capsys: pytest.CaptureFixture[str]) -> None:
    def serve(browser: bool = True, keep_open: bool = True, port: int = 0) -> None:
        print(browser, keep_open, port)

    run_command(serve, "serve", ["--no-browser", "--no-keep-open", "--port", "3"])
    assert capsys.readouterr().out == "False False 3\n"
    with pytest.raises(SystemExit):
        run_command(serve, "serve", ["--no-port"])
    assert "unknown option --no-port" in capsys.readouterr().err


def test_options_of_several_that_may_be_none() -> None:
    found = call("one", "x", "--sets", "isic2017-256,b", "--flips", "False")
    assert (found["sets"], found["flips"]) == (["isic2017-256", "b"], [False])
    assert call("one", "x", "--flips=True,False")["flips"] == [True, False]
    assert call("one", "x", "--sets=None")["sets"] is None
    assert call("one", "x")["sets"] is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--workers=abc", "--workers as a whole number, got 'abc'"),
        ("--workers=1_0", "--workers as a whole number, got '1_0'"),
        ("--json=yes", "--json as True or False, got 'yes'"),
        ("--sizes=4,x", "--sizes as a whole number, got 'x'"),
    ],
)
def test_values_of_another_kind_are_refused(capsys: pytest.CaptureFixture[str], option: str, message: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(Commands, "commands", ["one", "x", option])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"commands: expected {message}\n"
    assert not called


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("1e-4", 1e-4),
        ("True", True),
        ("null", None),
        ("240,160", [240, 160]),
        ("iris, pupil", ["iris", "pupil"]),
        ("[1, [2, a]]", [1, [2, "a"]]),
        ("(1, 2)", [1, 2]),
        ("{iris: 2}", {"iris": 2}),
    ],
)
def test_values_without_an_annotation(text: str, value: Any) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    "text", ["2024_01_15", "007", "lung", "visit#1", "[1, 2] # 3", "[1_0]", "a/b,c/d", "$x", "@y", "1.2.3", "", "a.png"]
)
def test_text_stays_text(text: str) -> None:
    assert parse_value(text) == text
