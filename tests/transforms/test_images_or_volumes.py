# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and volumes by the same transforms; the bundles' inference tests the rest of them."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from litemed.transforms.images_or_volumes import LoadImageOrVolumed


def test_a_four_dimensional_volume_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6, 7), np.int16), np.eye(4)), tmp_path / "film.nii")
    with pytest.raises(ValueError, match=r"film\.nii"):
        LoadImageOrVolumed("image")({"image": str(tmp_path / "film.nii")})
