# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""CHASE_DB1 in both layouts."""

from __future__ import annotations

from pathlib import Path

import pytest
from mininet.readers.chasedb1 import chasedb1

EYES = [f"{child:02d}{side}" for child in range(1, 15) for side in "LR"]


@pytest.fixture(params=[("", ""), ("images", "manual")], ids=["one folder", "two folders"])
def folder(request, tmp_path, save, image, mask) -> Path:
    images, labels = request.param
    for eye in EYES:
        save(tmp_path / images / f"Image_{eye}.jpg", image)
        for observer in ("1stHO", "2ndHO"):
            save(tmp_path / labels / f"Image_{eye}_{observer}.png", mask)
    return tmp_path


def test_first_twenty_train_and_last_eight_test(folder):
    training, test = chasedb1(folder, "training"), chasedb1(folder, "test")
    assert [case["case"] for case in training] == [f"Image_{eye}" for eye in EYES[:20]]
    assert [case["case"] for case in test] == [f"Image_{eye}" for eye in EYES[20:]]
    assert set(training[0]) == {"case", "image", "label"}


@pytest.mark.parametrize(("observer", "mark"), [(1, "1stHO"), (2, "2ndHO")])
def test_observers(folder, observer, mark):
    for case in chasedb1(folder, "test", observer):
        assert Path(case["label"]).name == f"{case['case']}_{mark}.png"


def test_unknown_observer(folder):
    with pytest.raises(ValueError, match="expected observer to be one of 1, 2, got 3"):
        chasedb1(folder, observer=3)


def test_missing_label_is_named(folder):
    next(folder.rglob("Image_03R_1stHO.png")).unlink()
    with pytest.raises(ValueError, match=r"Image_03R\.jpg has no label"):
        chasedb1(folder)


def test_no_image_of_the_section(folder):
    for path in list(folder.rglob("Image_1[1-4]*")):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="expected images of the test section"):
        chasedb1(folder, "test")


def test_wrong_folder(tmp_path):
    (tmp_path / "DRIVE").mkdir()
    with pytest.raises(FileNotFoundError, match=r"expected image files with names like .*image.* found DRIVE/"):
        chasedb1(tmp_path)
