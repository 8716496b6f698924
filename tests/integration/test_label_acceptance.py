# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The bundles in a real MONAI Label server. It installs one, gigabytes of it, so it runs only when it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "ci/label_acceptance.py"


@pytest.mark.skipif("LITEMED_ACCEPTANCE" not in os.environ, reason="set LITEMED_ACCEPTANCE=1 to serve by MONAI Label")
def test_a_real_server_does_as_the_bundles_do(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
