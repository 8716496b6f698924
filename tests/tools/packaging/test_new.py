# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A new bundle: it trains, infers, verifies and packs, on data that the template wasn't made for."""

from __future__ import annotations

import csv
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from litemed.tools.info import describe
from litemed.tools.packaging.new import TEMPLATE, new_bundle
from litemed.tools.packaging.pack import pack
from litemed.tools.packaging.verify import verify
from monai.bundle import ConfigParser
from newcomer import discs
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


def test_a_server_that_asks_for_an_epoch_gets_it_validated(tmp_path: Path) -> None:
    """MONAI Label sets the trainer's own number; weights that were never validated are never served."""
    parser = ConfigParser()
    parser.read_config(str(new_bundle("thyroid_us", tmp_path) / "configs/train.json"))
    parser["train#trainer#max_epochs"] = 1
    assert parser.get_parsed_content("val_interval") == 1


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


def test_two_folders_of_pictures_become_a_bundle_that_the_zoo_takes(
    call_litemed, capsys, monkeypatch, tmp_path: Path
) -> None:
    data = discs(tmp_path / "data", 7)
    monkeypatch.setattr("litemed.tools.sample.available_runtimes", lambda: ["torch"])
    words = ["new", "disc_camera", "--to", str(tmp_path / "mine"), "--data", str(data), "--max_epochs", "6"]
    assert call_litemed(*words) == 0
    bundle = tmp_path / "mine/disc_camera"
    told = float(capsys.readouterr().out.split("Dice ")[1].split()[0])
    assert told == pytest.approx(
        json.loads((bundle / "configs/metadata.json").read_text())["eval_metrics"]["dice"], abs=6e-4
    )
    assert told > 0.5
    (score,) = describe(bundle)["weights"][0]["scores"]
    assert (score["cases"], score["metric"], round(score["mean"], 3)) == (1, "dice", told)
    assert call_litemed("segment", str(data / "images"), "--bundle", str(bundle), "--out", str(tmp_path / "out")) == 0
    for picture in (data / "images").iterdir():
        assert Image.open(tmp_path / f"out/{picture.stem}_mask.png").size == Image.open(picture).size
    failed = {check.name: check.error for check in verify(pack(bundle, tmp_path)) if check.error}
    assert failed == {}


def test_too_few_pictures_make_no_bundle(call_litemed, capsys, tmp_path: Path) -> None:
    data = discs(tmp_path / "data", 3)
    assert call_litemed("new", "disc_camera", "--to", str(tmp_path / "mine"), "--data", str(data)) == 2
    assert f"litemed: {data}: expected more images to divide into training, validation, test" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_a_new_bundle_trains_and_evaluates_on_two_processes(
    run_ranks: Callable[..., str], run_python: Callable[..., str], tmp_path: Path
) -> None:
    """Each case is scored once, and the scores are those of one process."""
    configs = new_bundle("disc_scanner", tmp_path) / "configs"
    words = ["--dataset_dir", str(discs(tmp_path / "data", 14))]

    def files(*names: str) -> list[str]:
        return ["-m", "monai.bundle", "run", "--config_file", str([str(configs / f"{name}.json") for name in names])]

    run = str(tmp_path / "run")
    run_ranks(*files("train", "multi_gpu_train"), *words, "--max_epochs", "2", "--output_dir", run)
    with (tmp_path / "run/history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2
    words += ["--ckpt_path", f"{run}/model.pt", "--output_dir"]
    run_ranks(*files("train", "evaluate", "multi_gpu_evaluate"), *words, str(tmp_path / "two"))
    run_python(*files("train", "evaluate"), *words, str(tmp_path / "one"))
    tables = []
    for folder in ("one", "two"):
        with (tmp_path / folder / "scores.csv").open() as file:
            tables.append(sorted((row["case"], round(float(row["dice"]), 6)) for row in csv.DictReader(file)))
    one, two = tables
    assert one == two
    assert len(one) == 2  # of 14 pictures
