# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A new bundle: it trains, infers, verifies and packs, on data that the template wasn't made for."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import numpy as np
import pytest
from litemed.tools.packaging.new import TEMPLATE, new_bundle
from litemed.tools.packaging.pack import pack
from litemed.tools.packaging.verify import verify
from PIL import Image


def test_names_and_versions_are_filled_in(tmp_path: Path) -> None:
    bundle = new_bundle("thyroid_us", tmp_path)
    assert bundle == tmp_path / "thyroid_us"
    assert [entry.name for entry in tmp_path.iterdir()] == ["thyroid_us"]
    files = {str(file.relative_to(bundle)) for file in bundle.rglob("*") if file.is_file()}
    assert {"thyroid_us/__init__.py", "configs/train.json", "docs/README.md", "LICENSE"} <= files
    texts = [name for name in files if not name.endswith(".png")]
    assert not [name for name in texts if "mybundle" in name or "mybundle" in (bundle / name).read_text()]
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    assert metadata["monai_version"] == importlib.metadata.version("monai")
    assert all(metadata["required_packages_version"].values())
    assert "mybundle" in (TEMPLATE / "configs/train.json").read_text()


@pytest.mark.parametrize("name", ["Thyroid", "thyroid-us", "2d", "", "schilddrüse"])
def test_names_that_no_package_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a name in small letters"):
        new_bundle(name, tmp_path)


def test_names_that_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is a Python package json already"):
        new_bundle("json", tmp_path)
    (tmp_path / "thyroid_us").mkdir()
    with pytest.raises(FileExistsError, match="thyroid_us exists already"):
        new_bundle("thyroid_us", tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thyroid_us"]


def _discs(folder: Path, count: int) -> Path:
    """Discs in pictures of mixed sizes, formats and depths, flat in images/ and masks/."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        height, width = 40 + 17 * number, 150 - 13 * number
        y, x = np.mgrid[:height, :width]
        disc = np.hypot(x - width / 2, y - height / 2) < 14
        grey = np.where(disc, 190, 60) + np.random.default_rng(number).normal(0, 9, disc.shape)
        picture = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB" if number % 2 else "L")
        picture.save(folder / f"images/{number}.{'jpg' if number % 3 == 0 else 'png'}")
        Image.fromarray(255 * disc.astype(np.uint8)).save(folder / f"masks/{number}.png")
    return folder


def test_two_folders_of_pictures_become_a_bundle_that_the_zoo_takes(
    call_litemed, capsys, monkeypatch, tmp_path: Path
) -> None:
    data = _discs(tmp_path / "data", 7)
    monkeypatch.setattr("litemed.tools.sample.available_runtimes", lambda: ["torch"])
    words = ["new", "disc_camera", "--to", str(tmp_path / "mine"), "--data", str(data), "--max_epochs", "6"]
    assert call_litemed(*words) == 0
    bundle = tmp_path / "mine/disc_camera"
    told = float(capsys.readouterr().out.split("Dice ")[1].split()[0])
    assert told == pytest.approx(
        json.loads((bundle / "configs/metadata.json").read_text())["eval_metrics"]["dice"], abs=6e-4
    )
    assert told > 0.5
    assert call_litemed("segment", str(data / "images"), "--bundle", str(bundle), "--out", str(tmp_path / "out")) == 0
    for picture in (data / "images").iterdir():
        assert Image.open(tmp_path / f"out/{picture.stem}_mask.png").size == Image.open(picture).size
    failed = {check.name: check.error for check in verify(pack(bundle, tmp_path)) if check.error}
    assert failed == {}


def test_too_few_pictures_make_no_bundle(call_litemed, capsys, tmp_path: Path) -> None:
    data = _discs(tmp_path / "data", 3)
    assert call_litemed("new", "disc_camera", "--to", str(tmp_path / "mine"), "--data", str(data)) == 2
    assert f"litemed: {data}: expected more images to divide into training, validation, test" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()
