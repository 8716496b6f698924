# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""All samples, written once for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from litemed import samples


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    """Folder that holds the samples."""
    folder = tmp_path_factory.mktemp("samples")
    samples.nuclei(folder)
    return folder
