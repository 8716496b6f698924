# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The result that a bundle keeps of a small input: made again here, in each runtime, compared and timed."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from monai.bundle import ConfigParser

from litemed.bundles import find_bundle, importable
from litemed.deploy.runtimes import available_runtimes
from litemed.files import read_json, replacing
from litemed.tools.doctor import processor_name
from litemed.tools.packaging.checks import AGREEMENT, KEPT, agreement, run_sample
from litemed.tools.workflows import quiet, user_errors
from litemed.training.weight_record import sha256_of

__all__ = ["SampleRun", "check_sample", "write_sample"]


class SampleRun(NamedTuple):
    """How a bundle's kept input went in a runtime.

    Attributes:
        bundle: its name.
        runtime: that ran the network.
        dice: with the kept result, over all labels.
        seconds: from reading the input to writing the results, once all is loaded.
        kept_seconds: those of ``processor``; None where it wasn't run there.
        processor: that wrote the kept result.
        passed: whether it agrees.
        boxes: how many objects it has boxes of; None for a bundle that takes none.
    """

    bundle: str
    runtime: str
    dice: float
    seconds: float
    kept_seconds: float | None
    processor: str
    passed: bool
    boxes: int | None = None

    def text(self) -> str:
        """For reading."""
        verdict = "passed" if self.passed else "FAILED"
        there = "" if self.kept_seconds is None else f" ({self.kept_seconds:g} s on {self.processor})"
        of = "" if self.boxes is None else f" for {self.boxes} boxes"
        return f"{self.bundle:<14}{self.runtime:<14}{verdict}  Dice {self.dice:.4f}  {self.seconds:.2f} s{of}{there}"


def check_sample(bundle: str | os.PathLike[str]) -> Iterator[SampleRun]:
    """Run a bundle's kept input in each runtime that is installed here, and compare the result with the kept one.

    Args:
        bundle: its name or folder.

    Raises:
        FileNotFoundError: when there is no such bundle, or it keeps no result.
        ValueError: when what it keeps is of other weights than it has.
    """
    folder = find_bundle(bundle)
    kept = _kept(folder)
    if kept.get("weights") != sha256_of(folder / "models/model.pt"):
        raise ValueError(f"{folder.name} keeps a result of other weights: write it anew, litemed test {bundle} --write")
    given = (folder / "sample" / kept["input"]).with_suffix(".json")
    boxes = len(read_json(given)["boxes"]) if given.is_file() else None
    for runtime in available_runtimes():
        with tempfile.TemporaryDirectory() as output:
            found, seconds = _run(folder, Path(output), runtime)
            dice = agreement(found, folder / "sample" / kept["output"])
        there = kept.get("seconds", {}).get(runtime)
        yield SampleRun(folder.name, runtime, dice, seconds, there, kept["processor"], dice >= AGREEMENT, boxes)


def write_sample(bundle: str | os.PathLike[str]) -> Path:
    """Keep the result that torch gives of a bundle's input, and the seconds of each runtime on this processor.

    The input is what lies in ``sample/`` of the bundle as ``input.*``; boxes for it in ``input.json``.

    Returns:
        ``sample/result.json``.

    Raises:
        FileNotFoundError: when there is no such bundle, or no input.
    """
    folder = find_bundle(bundle)
    inputs = [file for file in (folder / "sample").glob("input.*") if file.suffix != ".json"]
    if len(inputs) != 1:
        raise FileNotFoundError(f"expected one input.* in {folder / 'sample'}, found {len(inputs)}")
    content: dict[str, Any] = {"input": inputs[0].name, "output": "input_mask.png"}
    content |= {"weights": sha256_of(folder / "models/model.pt"), "processor": processor_name(), "seconds": {}}
    with replacing(folder / KEPT) as temporary:
        temporary.write_text(json.dumps(content, indent=4) + "\n")
    for runtime in reversed(available_runtimes()):  # torch first
        with tempfile.TemporaryDirectory() as output:
            found, seconds = _run(folder, Path(output), runtime)
            content["seconds"][runtime] = round(seconds, 3)
            if runtime == "torch":
                shutil.copyfile(found, folder / "sample" / content["output"])
    with replacing(folder / KEPT) as temporary:
        temporary.write_text(json.dumps(content, indent=4) + "\n")
    return folder / KEPT


def _kept(folder: Path) -> dict[str, Any]:
    if not (folder / KEPT).is_file():
        raise FileNotFoundError(f"{folder.name} keeps no result in {KEPT}: put an input there, see docs/new_bundle.md")
    return read_json(folder / KEPT)


def _run(folder: Path, output: Path, runtime: str) -> tuple[Path, float]:
    importable(folder)
    with user_errors(), quiet(), redirect_stdout(io.StringIO()):
        return run_sample(folder, output, partial(_in_runtime, runtime))


def _in_runtime(runtime: str, parser: ConfigParser) -> None:
    """Have a bundle's inference run its network in a runtime: by its own option, or from outside."""
    if "runtime" in parser:
        parser["runtime"] = runtime
    elif runtime != "torch":
        target = "litemed.deploy.DeployedNetwork"
        parser["network"] = {"_target_": target, "network": "@network_def", "runtime": runtime}
    for handler in parser.get("handlers", []):
        if str(handler.get("_target_", "")).endswith("ProgressBar"):
            handler["disable"] = True
