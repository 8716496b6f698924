# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics as functions of arrays need NumPy and SciPy alone."""

from __future__ import annotations

import subprocess
import sys

SCORE = """
import sys
import numpy as np
from litemed.metrics import (
    betti_numbers, bootstrap_mean, challenge_compat, instance_scores, overlap_scores, roc_auc, surface_scores,
    topology_scores
)
mask = np.eye(5, dtype=bool)
for definition in ("monai", "medpy", "deepmind"):
    surface_scores(mask, mask, definition=definition)
challenge_compat(mask, mask), overlap_scores(mask, mask), roc_auc(mask, mask), topology_scores(mask, mask)
bootstrap_mean([0.0, 1.0]), instance_scores(mask, mask)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"ignite", "monai", "nibabel", "skimage", "torch"}))
"""


def test_scoring_arrays_loads_no_framework() -> None:
    done = subprocess.run([sys.executable, "-c", SCORE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
