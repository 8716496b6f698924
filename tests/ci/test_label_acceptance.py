# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The pure parts of the MONAI Label acceptance, and the documentation's commands, which are the ones that it runs."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest
from litemed.bundles import metadata_of
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def acceptance() -> ModuleType:
    import label_acceptance

    return label_acceptance


@pytest.fixture
def server(acceptance: ModuleType) -> ModuleType:
    return sys.modules["label_server"]


def test_equal_masks_have_no_difference(acceptance: ModuleType) -> None:
    assert acceptance.difference(np.eye(3), np.eye(3)) is None


@pytest.mark.parametrize(
    ("mask", "expected", "why"),
    [
        (np.eye(3), np.eye(3)[::-1], "4 of 9 pixels differ"),
        (np.ones((2, 3)), np.ones((3, 2)), "a mask of shape (2, 3), expected (3, 2)"),
        (np.zeros((2, 2)), np.zeros((2, 2)), "the expected mask is empty: choose another image"),
    ],
)
def test_a_difference_is_said(acceptance: ModuleType, mask: np.ndarray, expected: np.ndarray, why: str) -> None:
    assert acceptance.difference(mask, expected) == why


def test_masks_are_compared_with_their_place(acceptance: ModuleType, tmp_path: Path) -> None:
    voxels = np.zeros((4, 3, 2), np.uint8)
    voxels[1, 2, 0] = 1
    for name, shift in (("first", 0), ("same", 0), ("moved", 5)):
        affine = np.diag([1.0, 2.0, 3.0, 1.0])
        affine[0, 3] = shift
        nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / f"{name}.nii.gz")
    acceptance.require_equal(tmp_path / "same.nii.gz", tmp_path / "first.nii.gz")
    with pytest.raises(acceptance.Failure, match="it lies at"):
        acceptance.require_equal(tmp_path / "moved.nii.gz", tmp_path / "first.nii.gz")


def test_pictures_are_compared_by_pixel(acceptance: ModuleType, tmp_path: Path) -> None:
    for name, width in (("first", 2), ("other", 3)):
        pixels = np.zeros((4, 5), np.uint8)
        pixels[:2, :width] = 1
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    with pytest.raises(acceptance.Failure, match="2 of 20 pixels differ"):
        acceptance.require_equal(tmp_path / "other.png", tmp_path / "first.png")


def test_table_lines_up(acceptance: ModuleType) -> None:
    rows = [acceptance.Row("a", "listed", "passed", 2.4), acceptance.Row("long", "x", "left out: no weights")]
    assert acceptance.table(rows).splitlines() == [
        "| bundle | check  | result               | s |",
        "| ------ | ------ | -------------------- | - |",
        "| a      | listed | passed               | 2 |",
        "| long   | x      | left out: no weights |   |",
    ]


def test_info_is_expected_as_the_metadata_says(acceptance: ModuleType) -> None:
    metadata = {
        "version": "1.2.3",
        "network_data_format": {
            "inputs": {"image": {"spatial_shape": ["4*n", "4*n", 8]}},
            "outputs": {"pred": {"channel_def": {"0": "background", "1": "Vessel", "2": "lesion"}}},
        },
    }
    assert acceptance.expected_info(metadata) == {
        "type": "segmentation",
        "labels": {"vessel": 1, "lesion": 2},
        "dimension": 3,
        "version": "1.2.3",
    }


@pytest.mark.parametrize(
    ("box", "region", "clicks"),
    [
        ((3, 4, 8, 9), [3, 8, 4, 9, 0, 0], [[3, 4, 0], [8, 9, 0]]),
        ((3, 4, 1, 8, 9, 2), [3, 8, 4, 9, 1, 2], [[3, 4, 1], [8, 9, 2]]),
    ],
)
def test_prompts_mean_one_box(
    acceptance: ModuleType, box: tuple[int, ...], region: list[int], clicks: list[list[int]]
) -> None:
    assert acceptance.prompts(box) == {
        "box": {"boxes": [list(box)]},
        "region": {"roi": region},
        "clicks": {"foreground": clicks, "background": []},
    }


def test_ellipsoids_box_is_its_extent(acceptance: ModuleType) -> None:
    mask, box = acceptance.ellipsoid((20, 12), (10, 6), (4, 3))
    assert box == (6, 3, 14, 9)
    assert mask.sum() == sum((x / 4) ** 2 + (y / 3) ** 2 <= 1 for x in range(-4, 5) for y in range(-3, 4))


def test_a_bundle_that_lacks_something_is_named(acceptance: ModuleType, tmp_path: Path) -> None:
    bundle = tmp_path / "tiny"
    (bundle / "configs").mkdir(parents=True)
    assert acceptance.missing(bundle) == "no configuration: tiny/configs/inference.json isn't there"
    (bundle / "configs/inference.json").write_text(json.dumps({"boxes": None}))
    assert acceptance.missing(bundle) == "no metadata: tiny/configs/metadata.json isn't there"
    (bundle / "configs/metadata.json").write_text("{}")
    assert acceptance.missing(bundle) == "no weights: tiny/models/model.pt isn't there"
    (bundle / "models").mkdir()
    (bundle / "models/model.pt").touch()
    assert acceptance.missing(bundle) is None
    assert acceptance.takes_boxes(bundle)


def test_unknown_bundle_is_refused_at_once(acceptance: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no bundle eyes: expected some of "):
        acceptance.check("mininet,eyes")


def test_commands_are_moved_to_the_folder(server: ModuleType) -> None:
    moved = server.arguments("python3 -m zipfile --extract label/zips/a.zip label/apps ci/x", Path("/srv"))
    assert moved == [sys.executable, "-m", "zipfile", "--extract", "/srv/zips/a.zip", "/srv/apps", "ci/x"]
    assert server.arguments("label/environment/bin/pip install torch", Path("/srv"))[0] == "/srv/environment/bin/pip"


def test_a_failing_command_is_shown_with_its_output(server: ModuleType) -> None:
    with pytest.raises(server.Failure, match=r"(?s)trying: .* failed.*no such thing"):
        server.run([sys.executable, "-c", "raise SystemExit('no such thing')"], "trying")


def test_documentation_gives_the_commands_that_are_run(server: ModuleType) -> None:
    page = (ROOT / "docs/monai_label.md").read_text()
    version = metadata_of(ROOT / "bundles/mininet")["version"]
    values = {"bundle": "mininet", "name": "mininet", "version": version, "models": "mininet", "port": "8000"}
    commands = [each.format(**values) for each in (*server.INSTALL, server.PACK, server.UNPACK, server.START)]
    of_application = {**values, "name": "mininet_nuclei", "application": "nuclei"}
    commands += [each.format(**of_application) for each in (server.PACK_APPLICATION, server.UNPACK)]
    for command in commands:
        assert command + "\n" in page
    assert server.SMART_EDIT.format(bundle="swiftmedsam") in page
    versions = re.findall(r"mininet\w*_v([\d.]+)\.zip", page)
    assert set(versions) == {version}
