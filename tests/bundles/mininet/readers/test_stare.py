# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""STARE, packed and unpacked."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from mininet.readers.stare import stare


@pytest.fixture
def folder(tmp_path, save, image, mask) -> Path:
    for number in (1, 2, 44):
        save(tmp_path / "stare-images" / f"im{number:04d}.ppm", image)
        for observer in ("ah", "vk"):
            save(tmp_path / f"labels-{observer}" / f"im{number:04d}.{observer}.ppm", mask)
    return tmp_path


def pack(folder: Path) -> None:
    for path in [*folder.rglob("*.ppm"), *folder.rglob("*.pgm")]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


@pytest.mark.parametrize("observer", ["ah", "vk"])
@pytest.mark.parametrize("packed", [False, True])
def test_cases(folder, observer, packed):
    original = (folder / "stare-images" / "im0002.ppm").read_bytes()
    if packed:
        pack(folder)
    cases = stare(folder, observer)
    assert [case["case"] for case in cases] == ["im0001", "im0002", "im0044"]
    assert [Path(case["label"]).name for case in cases] == [f"{case['case']}.{observer}.ppm" for case in cases]
    assert Path(cases[1]["image"]).read_bytes() == original


@pytest.mark.parametrize(
    ("labels", "ending"), [("labels-ah", ".ah.pgm"), ("labels", ".ah.ppm"), ("masks", ".png"), ("labels-ah", ".pgm")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_labels_as_they_are_handed_round(tmp_path, save, image, mask, labels, ending, packed):
    for name in ("im0001", "im0077"):
        save(tmp_path / "images" / f"{name}.ppm", image)
        save(tmp_path / labels / f"{name}{ending}", mask)
    if packed:
        pack(tmp_path)
    cases = stare(tmp_path)
    assert [Path(case["label"]).name for case in cases] == [f"im0001{ending}", f"im0077{ending}"]


def test_cut_archive_is_named_and_leaves_nothing(folder):
    pack(folder)
    archive = folder / "labels-ah" / "im0002.ah.ppm.gz"
    archive.write_bytes(archive.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"im0002\.ah\.ppm\.gz can't be unpacked"):
        stare(folder)
    plain = [path.name for path in (folder / "labels-ah").iterdir() if path.suffix != ".gz"]
    assert plain == ["im0001.ah.ppm"]


def test_missing_label_is_named(folder):
    (folder / "labels-vk" / "im0044.vk.ppm").unlink()
    assert len(stare(folder, "ah")) == 3
    with pytest.raises(ValueError, match=r"im0044\.ppm has no label"):
        stare(folder, "vk")


def test_unknown_observer(folder):
    with pytest.raises(ValueError, match="expected observer to be one of 'ah', 'vk', got 'xx'"):
        stare(folder, "xx")


def test_wrong_folder(folder):
    with pytest.raises(FileNotFoundError, match="expected stare-images/ and labels-ah/"):
        stare(folder / "labels-ah")
