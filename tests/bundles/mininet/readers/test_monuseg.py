# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MoNuSeg: outlines to instance masks, with areas counted by hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from mininet.readers.monuseg import imagescope_instances, monuseg
from PIL import Image

Outline = list[tuple[float, float]]


def rectangle(left: float, top: float, right: float, bottom: float) -> Outline:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def annotations(*outlines: Outline, holes: tuple[int, ...] = ()) -> str:
    regions = "".join(
        f'<Region Id="{number}" NegativeROA="{int(number in holes)}"><Vertices>'
        + "".join(f'<Vertex X="{x}" Y="{y}" Z="0"/>' for x, y in outline)
        + "</Vertices></Region>"
        for number, outline in enumerate(outlines, start=1)
    )
    return f'<Annotations><Annotation Id="1"><Regions>{regions}</Regions></Annotation></Annotations>'


@pytest.fixture
def write(tmp_path):
    def xml(*outlines: Outline, **options) -> Path:
        path = tmp_path / "outlines.xml"
        path.write_text(annotations(*outlines, **options))
        return path

    return xml


@pytest.mark.parametrize(
    ("outline", "area"),
    [
        (rectangle(2, 1, 6, 4), 4 * 3),
        (rectangle(0, 0, 12, 10), 12 * 10),
        (rectangle(0.4, 0.4, 2.6, 2.6), 3 * 3),  # holds the centres 0.5, 1.5 and 2.5
        (rectangle(0.6, 0.6, 2.4, 2.4), 1),  # holds the centre 1.5 alone
        (rectangle(-3, -3, 2, 2), 2 * 2),  # cut off by the picture
        (rectangle(10, 8, 99, 99), 2 * 2),
        ([(0, 0), (8, 0), (0, 8)], 8 * 9 // 2),  # 8 + 7 + ... + 1; the centres on the slope belong
        ([(0, 0), (4, 4), (4, 0), (0, 4)], 12),  # crosses itself: 2 + 4 + 4 + 2
        ([*rectangle(0, 0, 6, 6), (0, 0), *rectangle(2, 2, 4, 4), (2, 2)], 36 - 4),  # even-odd: a hole
    ],
)
def test_area(write, outline, area):
    mask = imagescope_instances(write(outline), (10, 12))
    assert mask.shape == (10, 12)
    assert mask.dtype == np.uint16
    assert np.bincount(mask.ravel(), minlength=2).tolist() == [120 - area, area]


def test_place(write):
    mask = imagescope_instances(write(rectangle(2, 1, 6, 4)), (10, 12))
    assert mask[1:4, 2:6].all()
    assert mask.sum() == 12


def test_numbers_follow_the_file_and_the_first_keeps_an_overlap(write):
    mask = imagescope_instances(write(rectangle(0, 0, 4, 4), rectangle(2, 2, 6, 6), rectangle(8, 0, 9, 1)), (10, 12))
    assert np.bincount(mask.ravel())[1:].tolist() == [16, 16 - 4, 1]
    assert mask[3, 3] == 1


def test_negative_regions_are_holes(write):
    path = write(rectangle(1, 1, 3, 3), rectangle(0, 0, 6, 6), rectangle(6, 6, 8, 8), holes=(1,))
    assert np.bincount(imagescope_instances(path, (10, 12)).ravel())[1:].tolist() == [36 - 4, 4]


def test_regions_without_a_pixel_get_no_number(write):
    path = write(rectangle(0, 0, 2, 2), [(0.5, 4.5), (3.5, 4.5)], [], rectangle(0, 0, 1, 1), rectangle(5, 5, 6, 6))
    with pytest.warns(
        UserWarning, match=r"3 of 5 regions of .* enclose no free pixel:\n  region 2\n  region 3\n  region 4"
    ):
        mask = imagescope_instances(path, (10, 12))
    assert np.bincount(mask.ravel())[1:].tolist() == [4, 1]


def test_disc_has_the_area_of_a_disc(write):
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    path = write(list(zip(50 + 30 * np.cos(angle), 50 + 30 * np.sin(angle), strict=True)))
    assert imagescope_instances(path, (100, 100)).sum() == pytest.approx(np.pi * 30**2, rel=0.01)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<Annotations><Annotation>", r"outlines\.xml can't be read"),
        ("", r"outlines\.xml can't be read"),
        ("<kml/>", r"expected the element Annotations, got kml"),
        (annotations([(0, 0), (1, "one"), (2, 2)]), r"region 1 has a vertex without a number .*one"),
        (annotations([(0, 0), (1, 1), (2, 0)]).replace(' Y="1"', ""), r"region 1 has a vertex without a number .*Y"),
        (annotations([(0, 0), (1, float("nan")), (2, 2)]), r"region 1 has a vertex that isn't finite"),
    ],
)
def test_broken_files_are_named(tmp_path, content, message):
    path = tmp_path / "outlines.xml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        imagescope_instances(path, (10, 12))


@pytest.fixture(params=[("Tissue Images", "Annotations"), ("", "")], ids=["two folders", "one folder"])
def folder(request, tmp_path, save, image) -> Path:
    pictures, outlines = (tmp_path / name for name in request.param)
    for name in ("TCGA-AA-0001-01Z-00-DX1", "TCGA-BB-0002-01Z-00-DX1"):
        save(pictures / f"{name}.tif", image)
        outlines.mkdir(exist_ok=True)
        (outlines / f"{name}.xml").write_text(annotations(rectangle(0, 0, 3, 2), rectangle(4, 3, 8, 6)))
    return tmp_path


def test_reader_writes_instance_masks(folder):
    cases = monuseg(folder)
    assert [case["case"][:12] for case in cases] == ["TCGA-AA-0001", "TCGA-BB-0002"]
    for case in cases:
        assert Path(case["label"]) == folder / "masks" / f"{case['case']}.png"
        labels = np.asarray(Image.open(case["label"]))
        assert labels.dtype == np.uint16
        assert np.bincount(labels.ravel()).tolist() == [48 - 6 - 12, 6, 12]
    assert sorted(os.listdir(folder / "masks")) == [f"{case['case']}.png" for case in cases]


def test_masks_are_written_once_and_again_for_newer_outlines(folder, tmp_path):
    kept = tmp_path / "elsewhere" / "masks"
    label = Path(monuseg(folder, masks_dir=kept)[0]["label"])
    assert label.parent == kept
    os.utime(label, (2e9, 2e9))
    monuseg(folder, masks_dir=kept)
    assert label.stat().st_mtime == 2e9
    outlines = next(folder.rglob("TCGA-AA*.xml"))
    outlines.write_text(annotations(rectangle(0, 0, 1, 1)))
    os.utime(outlines, (2.1e9, 2.1e9))
    monuseg(folder, masks_dir=kept)
    assert np.asarray(Image.open(label)).sum() == 1


def test_missing_outlines_are_named(folder):
    next(folder.rglob("TCGA-BB*.xml")).unlink()
    with pytest.raises(ValueError, match=r"TCGA-BB-0002-01Z-00-DX1\.tif has no label"):
        monuseg(folder)
    assert not (folder / "masks").exists()


def test_broken_outlines_leave_no_mask(folder):
    next(folder.rglob("TCGA-AA*.xml")).write_text("<Annotations>")
    with pytest.raises(ValueError, match=r"TCGA-AA-0001-01Z-00-DX1\.xml can't be read"):
        monuseg(folder)
    assert not list(folder.glob("masks/*"))


def test_wrong_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected Tissue Images/\*\.tif and Annotations/\*\.xml"):
        monuseg(tmp_path)
