# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped weights on what a clinic may hand in: closed, cut, grey, tiny and long pictures, and wrong outlines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import run as run_bundle
from PIL import Image
from tiu_ocular import BUNDLE_ROOT, REGIONS, simulation
from tiu_ocular.handlers import shows_round_field
from tiu_ocular.measurements import DEFINITIONS

CONFIGS = Path(BUNDLE_ROOT) / "configs"
AREAS = [f"{region}_area" for region in REGIONS[1:]]
SKIN = (196, 150, 128)


def _run(*configs: str, **overrides: Any) -> None:
    run_bundle(config_file=[str(CONFIGS / f"{name}.json") for name in configs], **overrides)


def _causes(error: BaseException | None) -> list[str]:
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__
    return texts


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six simulated eyes of three people, in the clinical layout."""
    return simulation.eyes(tmp_path_factory.mktemp("eyes"), domain="clinical", subjects=3, images_per_subject=2)


@pytest.fixture
def eye(eyes: Path) -> Image.Image:
    """An open simulated eye with all four regions."""
    return Image.open(sorted(eyes.glob("*/*.jpg"))[0]).convert("RGB")


@pytest.fixture
def measured(tmp_path: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Segment and measure pictures, given by name; the measurements by name."""

    def measure(**pictures: Image.Image) -> dict[str, dict[str, Any]]:
        folder, out = tmp_path / "pictures", tmp_path / "out"
        folder.mkdir()
        for name, picture in pictures.items():
            picture.save(folder / f"{name}.png")
        _run("inference", dataset_dir=str(folder), output_dir=str(out))
        for name, picture in pictures.items():
            for kind in ("mask", "overlay"):
                assert Image.open(out / f"{name}_{kind}.png").size == picture.size
        rows = json.loads((out / "measurements.json").read_text())["pictures"]
        return {Path(row["picture"]).stem: row for row in rows}

    return measure


def test_picture_without_an_eye_has_null_measurements(measured: Callable[..., dict[str, dict[str, Any]]]) -> None:
    blank = {"skin": Image.new("RGB", (300, 200), SKIN), "black": Image.new("RGB", (300, 200))}
    for row in measured(**blank).values():
        assert row["flags"] == ["no open eye"]
        assert [name for name in DEFINITIONS if row[name] is not None] == []


def test_a_fundus_picture_is_told(eye: Image.Image) -> None:
    y, x = np.mgrid[:200, :240].astype(float)
    texture = 20 * np.sin(x / 9) + 15 * np.cos(y / 7)
    for cut in (95, 115):  # a whole disc, and one that is cut at the top and at the bottom
        disc = np.hypot(x - 120, y - 100) < cut
        fundus = np.where(disc, 150 + texture, 3 + np.random.default_rng(0).normal(0, 0.7, disc.shape))
        assert shows_round_field(torch.tensor(fundus).T[None])
    vignette = (np.asarray(eye.convert("L"), float) * np.exp(-((np.hypot(*np.indices(eye.size[::-1])) / 300) ** 2))).T
    for picture in (np.asarray(eye, float).T, vignette[None], np.full((3, 90, 60), 7.0)):
        assert not shows_round_field(torch.tensor(picture))


def test_grey_picture_is_measured_like_the_coloured_one(
    eye: Image.Image, measured: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    grey = eye.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    rows = measured(colour=eye, grey=grey, deep=deep)
    assert rows["deep"] == {**rows["grey"], "picture": "deep.png"}
    for name in ("opening_area", "fissure_width", "fissure_height", "iris_diameter"):
        assert rows["grey"][name] == pytest.approx(rows["colour"][name], rel=0.15), name


def test_long_pictures_end_in_numbers_or_nulls(
    eye: Image.Image, measured: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    """Squeezed out of shape there is no eye to find; beside much skin it is found, as large as it is."""
    strip = Image.new("RGB", (1200, 320), eye.getpixel((4, 4)))
    strip.paste(eye, (360, 0))
    rows = measured(wide=eye.resize((2000, 40)), tall=eye.resize((20, 900)), strip=strip, alone=eye)
    for row in rows.values():
        assert all(row[name] is None or row[name] > 0 for name in AREAS)
        for region, flag in (("iris", "no iris"), ("pupil", "no pupil")):
            assert (row[f"{region}_area"] is None) == bool({flag, "no open eye"} & set(row["flags"]))
    assert rows["strip"]["fissure_width"] == pytest.approx(rows["alone"]["fissure_width"], rel=0.2)


def test_two_eyes_in_a_picture_are_compared(
    eye: Image.Image, tmp_path: Path, measured: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    both = Image.new("RGB", (2 * eye.width, eye.height))
    both.paste(eye, (0, 0))
    both.paste(eye.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (eye.width, 0))
    measured(both=both)
    content = json.loads((tmp_path / "out" / "measurements.json").read_text())
    assert [row["picture"] for row in content["pictures"]] == ["both.png (left eye)", "both.png (right eye)"]
    (pair,) = content["comparison"]
    for name in ("fissure_width", "fissure_height", "iris_diameter"):
        assert abs(pair[f"{name}_asymmetry"]) < 0.1, name


@pytest.mark.parametrize("sides", [(1, 1), (400, 1), (7, 9)])
def test_tiny_picture_is_named(sides: tuple[int, int], tmp_path: Path) -> None:
    Image.new("RGB", sides, SKIN).save(tmp_path / "tiny.png")
    with pytest.raises(RuntimeError) as caught:
        _run("inference", dataset_dir=str(tmp_path / "tiny.png"), output_dir=str(tmp_path / "out"))
    expected = f"tiny.png is {sides[0]}x{sides[1]} pixels, expected at least 8 on each side"
    assert any(cause.endswith(expected) for cause in _causes(caught.value))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "cornea"}, "P001_L_01.json has the label 'cornea', expected one of sclera, iris, pupil"),
        ({"points": [[900, 5], [990, 5], [950, 60]]}, "P001_L_01.json: a polygon of 'iris' lies outside the picture"),
    ],
)
def test_wrong_outlines_are_named_before_anything_is_scored(
    change: dict[str, Any], message: str, eye: Image.Image, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "omg"
    folder.mkdir(parents=True)
    eye.save(folder / "P001_L_01.jpg")
    shape = {"label": "iris", "points": [[9, 9], [60, 9], [40, 60]], "shape_type": "polygon", **change}
    content = {"imagePath": "P001_L_01.jpg", "imageWidth": eye.width, "imageHeight": eye.height, "shapes": [shape]}
    (folder / "P001_L_01.json").write_text(json.dumps(content))
    options = {"reader": "clinical_eyes", "dataset_dir": str(tmp_path / "data"), "part": "all"}
    with pytest.raises((RuntimeError, ValueError)) as caught:
        _run("train", "evaluate", **options, output_dir=str(tmp_path / "out"))
    assert any(message in cause for cause in _causes(caught.value))
    assert not (tmp_path / "out" / "scores.json").exists()


def test_closed_simulated_eyes_have_null_measurements(
    tmp_path: Path, measured: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    folder = simulation.eyes(tmp_path, subjects=2, images_per_subject=1, closed=1.0, seed=3)
    rows = measured(**{path.stem: Image.open(path) for path in sorted(folder.rglob("*.jpg"))})
    assert len(rows) == 2
    for row in rows.values():
        assert all(row[name] is None or row[name] > 0 for name in DEFINITIONS if name.endswith("_area"))
        assert row["flags"] == ["no open eye"]
