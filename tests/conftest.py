# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Running commands in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

_SHOWN = 6000


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., str]:
    """Run ``python ARGUMENTS`` in the test's folder and return what it said.

    Where the command ends with another code than 0, the test fails and shows the end of what it said. ``env`` is added
    to the test's own environment.
    """

    def run(*arguments: object, env: Mapping[str, str] | None = None, timeout: float = 1200) -> str:
        command = [sys.executable, "-W", "ignore", *map(str, arguments)]
        said = tmp_path / "said.log"
        with said.open("w") as output:  # a file, so that a command that is stopped has told all that it said
            try:
                code = subprocess.run(
                    command,
                    cwd=tmp_path,
                    env={**os.environ, **(env or {})},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = f"no code after {timeout:g} s"
        text = said.read_text(errors="replace")
        if code != 0:
            pytest.fail(f"ended with {code}: {' '.join(command)}\n{text[-_SHOWN:]}", pytrace=False)
        return text

    return run


@pytest.fixture
def run_ranks(run_python: Callable[..., str]) -> Callable[..., str]:
    """Run ``python ARGUMENTS`` as two ranks of torchrun, which meet on this machine's own address and a free port."""

    def run(*arguments: object) -> str:
        # without an address the ranks look each other up by the machine's name, which not every network can resolve
        launch = ["torch.distributed.run", "--standalone", "--local_addr=127.0.0.1", "--nproc_per_node=2"]
        loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
        return run_python("-m", *launch, *arguments, env=loopback)

    return run
