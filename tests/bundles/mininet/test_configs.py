# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Mini-Net's configurations, run as ``monai.bundle run`` does, from an unrelated folder."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litemed import samples
from mininet import BUNDLE_ROOT, MiniNet
from mininet.simulation.fundus import fundus
from mlflow import MlflowClient
from monai.bundle import ConfigParser
from monai.bundle import run as run_bundle
from monai.data import DistributedSampler, DistributedWeightedRandomSampler
from PIL import Image
from torch.utils.data import RandomSampler

CONFIGS = Path(BUNDLE_ROOT) / "configs"
QUICK = {"max_epochs": 2, "val_interval": 1, "crops_per_image": 1, "crop_size": 32}


def _run(*configs: str, **overrides: Any) -> None:
    run_bundle(config_file=[str(CONFIGS / f"{name}.json") for name in configs], **overrides)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A network that marks a pixel where the picture is brighter than its mean."""
    network = MiniNet()
    torch.nn.init.zeros_(network.head[3].weight)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def _load(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / f"{name}.json").read_text())


def test_pictures_are_prepared_alike_in_training_and_inference() -> None:
    train, inference = _load("train"), _load("inference")
    shared = set(train) & set(inference) - {"imports", "dataset_dir", "output_dir", "run"}
    assert {"image_transforms", "network_def", "longest_side", "region", "ckpt_path"} <= shared
    assert {key: train[key] for key in shared} == {key: inference[key] for key in shared}


@pytest.mark.parametrize("application", [[], ["nuclei"], ["nuclei", "kinds"], ["skin"], ["skin", "obstructions"]])
def test_training_on_the_sample(application: list[str], tmp_path: Path) -> None:
    shipped = {file: file.stat().st_mtime_ns for file in Path(BUNDLE_ROOT, "models").iterdir()}
    _run("train", *application, **QUICK, output_dir=str(tmp_path / "run"))
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2]
    assert all(0 <= float(row["f1"]) <= 1 and float(row["loss"]) > 0 for row in rows)
    MiniNet().load_state_dict(torch.load(tmp_path / "run" / "model.pt", weights_only=True), strict=True)
    assert Image.open(tmp_path / "run" / "history.png").format == "PNG"
    assert shipped == {file: file.stat().st_mtime_ns for file in Path(BUNDLE_ROOT, "models").iterdir()}
    assert not list(Path.cwd().iterdir())


def test_training_starts_from_given_weights(tmp_path: Path, weights: Path) -> None:
    quick = {**QUICK, "max_epochs": 1, "learning_rate": 0.0}
    _run("train", "nuclei", **quick, init_path=str(weights), output_dir=str(tmp_path / "run"))
    first, last = (torch.load(path, weights_only=True) for path in (weights, tmp_path / "run" / "model.pt"))
    unchanged = [name for name in first if name.endswith(("weight", "bias"))]
    assert all(torch.equal(first[name], last[name]) for name in unchanged)


def test_several_sets_train_together_and_one_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    sample = fundus()
    (tmp_path / "sets" / "DRIVE").symlink_to(sample)
    (tmp_path / "sets" / "fives" / "images").mkdir(parents=True)
    (tmp_path / "sets" / "fives" / "masks").mkdir()
    for number, picture in enumerate(sorted((sample / "training" / "images").iterdir())):
        for source, folder in (
            (picture, "images"),
            (sample / f"training/1st_manual/{picture.name[:2]}_manual1.gif", "masks"),
        ):
            Image.open(source).save(tmp_path / "sets" / "fives" / folder / f"{number}_N.png")
    options = {"dataset_dir": str(tmp_path / "sets"), **QUICK, "max_epochs": 1}
    for name, left_out in (("both", None), ("one", "drive")):
        _run("train", "pooled", **options, leave_out=left_out, output_dir=str(tmp_path / name))
        assert (tmp_path / name / "model.pt").is_file()
    cached = [len(list((tmp_path / name / "cache").iterdir())) for name in ("both", "one")]
    # of the sample's six training pictures one validates; a flat set keeps 65 % for training
    assert cached == [5 + 4, 4]


@pytest.mark.parametrize("names", [("train", "pooled", "evaluate"), ("train", "evaluate", "pooled")])
def test_all_of_the_set_left_out_is_evaluated(names: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "drive").symlink_to(fundus())
    for number in range(20):
        for folder in ("images", "masks"):
            path = tmp_path / "fives" / folder / f"{number}_N.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(path)

    def cases(**options: Any) -> list[str]:
        parser = ConfigParser()
        parser.read_config([str(CONFIGS / f"{name}.json") for name in names])
        parser.update({"dataset_dir": str(tmp_path), **options})
        return [Path(case["image"]).parts[-3] for case in parser.get_parsed_content("validate#dataset#data")]

    assert cases(leave_out="fives") == ["fives"] * 20
    assert (cases().count("fives"), len(cases())) == (5, 8)
    assert "fives" not in cases(leave_out="fives", part="validation")


def _sampler(*names: str) -> Any:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / f"{name}.json") for name in ("train", "nuclei", *names)])
    loader = parser.get_parsed_content("train#dataloader")
    assert len(loader.dataset.data) == 8
    return loader.sampler


def test_pictures_are_drawn_by_kind_and_divided_between_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [1 / 2, 1 / 6, 1 / 6, 1 / 2, 1 / 6, 1 / 6, 1 / 6, 1 / 6]
    monkeypatch.setattr("mininet.kind_weights", lambda cases: weights, raising=False)
    assert isinstance(_sampler(), RandomSampler)
    assert _sampler("kinds").weights.tolist() == weights
    assert len(_sampler("kinds")) == 8
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 1)
    for names in (("kinds", "multi_gpu_train"), ("multi_gpu_train", "kinds")):
        sampler = _sampler(*names)
        assert isinstance(sampler, DistributedWeightedRandomSampler)
        assert (list(sampler.weights), sampler.num_replicas, len(sampler)) == (weights, 2, 4)
    sampler = _sampler("multi_gpu_train")
    assert type(sampler) is DistributedSampler
    assert (sampler.num_replicas, len(sampler)) == (2, 4)


def test_the_data_of_all_shipped_weights_are_named() -> None:
    card = (Path(BUNDLE_ROOT) / "docs/README.md").read_text().partition("## References")[2]
    named = _load("metadata")["data_source"]
    for path in (Path(BUNDLE_ROOT) / "models").glob("*.json"):
        for entry in json.loads(path.read_text())["data"]:
            name = re.match(r"ISIC 2017|Data Science Bowl 2018|\w+", entry["name"])[0]
            author, year = entry["source"].split()[0], re.findall(r"\d{4}", entry["source"])[-1]
            assert name in named, path.name
            assert f"{author} et al. {year} (" in card, path.name


def test_results_go_into_the_bundle_by_default() -> None:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / "train.json"), str(CONFIGS / "skin.json")])
    assert parser.get_parsed_content("output_dir") == f"{BUNDLE_ROOT}/runs/skin"


def test_training_learns(tmp_path: Path) -> None:
    _run("train", "nuclei", max_epochs=12, val_interval=4, crop_size=64, output_dir=str(tmp_path))
    with (tmp_path / "history.csv").open() as file:
        assert float(list(csv.DictReader(file))[-1]["f1"]) > 0.75


def test_evaluation_scores_every_case(tmp_path: Path, weights: Path) -> None:
    _run("train", "evaluate", "nuclei", ckpt_path=str(weights), output_dir=str(tmp_path / "scores"))
    result = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert result["cases"] == 4
    expected = {"f1", "region_iou", "region_auc", "frame_dice", "frame_auc", "frame_surface_hd95", "frame_surface_nsd"}
    assert expected <= set(result["scores"])
    assert result["scores"]["f1"]["mean"] == pytest.approx(result["scores"]["frame_dice"]["mean"])
    assert len(list((tmp_path / "scores" / "pictures").glob("*_overlay.png"))) == 4


def test_weights_of_another_application_are_refused(tmp_path: Path) -> None:
    other = f"{BUNDLE_ROOT}/models/model_nuclei.pt"
    with pytest.raises(RuntimeError, match=r"(?s)Failed to evaluate .*run\(\)") as caught:
        _run("inference", ckpt_path=other, output_dir=str(tmp_path / "out"))
    assert "expected weights of MiniNet for vessels, found MiniNet for nuclei" in str(caught.value.__cause__)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("mode", "size", "suffix"),
    [("RGB", (61, 43), "png"), ("RGBA", (64, 64), "png"), ("L", (33, 80), "bmp"), ("I;16", (50, 30), "tif")],
)
def test_inference_on_a_picture_of_any_kind(
    mode: str, size: tuple[int, int], suffix: str, tmp_path: Path, weights: Path
) -> None:
    grey = np.random.default_rng(0).integers(0, 256, size[::-1], dtype=np.uint8)
    picture = Image.fromarray(grey.astype(np.uint16) * 256) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    picture.save(tmp_path / f"picture.{suffix}")
    _run(
        "inference",
        dataset_dir=str(tmp_path / f"picture.{suffix}"),
        ckpt_path=str(weights),
        output_dir=str(tmp_path / "out"),
    )
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    mask = f"picture_mask.{'tif' if suffix == 'tif' else 'png'}"
    assert names == [mask, "picture_overlay.png", "picture_probability.png"]
    assert {Image.open(tmp_path / "out" / name).size for name in names} == {size}
    assert set(np.unique(np.asarray(Image.open(tmp_path / "out" / mask)))) <= {0, 1}


@pytest.mark.parametrize(("application", "pictures"), [([], 3), (["nuclei"], 4), (["skin"], 4)])
def test_inference_on_the_sample(application: list[str], pictures: int, tmp_path: Path, weights: Path) -> None:
    _run("inference", *application, ckpt_path=str(weights), output_dir=str(tmp_path / "out"))
    assert len(list((tmp_path / "out").glob("*_overlay.png"))) == pictures


def test_inference_on_a_folder_and_with_flips(tmp_path: Path, weights: Path) -> None:
    pictures = samples.nuclei() / "test" / "images"
    out = tmp_path / "out"
    _run("inference", "nuclei", dataset_dir=str(pictures), ckpt_path=str(weights), output_dir=str(out), flips=True)
    assert {f"{file.stem}_mask.png" for file in pictures.iterdir()} == {file.name for file in out.glob("*_mask.png")}


def test_a_broken_picture_is_named(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(RuntimeError) as caught:
        _run("inference", dataset_dir=str(tmp_path), ckpt_path=str(weights), output_dir=str(tmp_path / "out"))
    causes, error = [], caught.value
    while error is not None:
        causes.append(str(error))
        error = error.__cause__
    assert any("can't be read as a picture" in cause and "broken.png" in cause for cause in causes)
    assert not (tmp_path / "out").exists()


def _tracked(folder: Path) -> tuple[dict[str, float], set[str]]:
    """Metrics of the one run that MLflow has of a folder, and the places of its files."""
    client = MlflowClient(f"sqlite:///{folder}/mlruns.db")
    (run,) = client.search_runs([client.get_experiment_by_name("monai_experiment").experiment_id])
    entries = client.list_artifacts(run.info.run_id)
    inside = [file for entry in entries if entry.is_dir for file in client.list_artifacts(run.info.run_id, entry.path)]
    return run.data.metrics, {entry.path for entry in [*entries, *inside]}


def test_an_evaluation_is_tracked_with_its_pictures(tmp_path: Path, weights: Path) -> None:
    options = {"ckpt_path": str(weights), "output_dir": str(tmp_path / "scores"), "tracking": "mlflow"}
    _run("train", "evaluate", "nuclei", **options)
    metrics, files = _tracked(tmp_path / "scores")
    written = json.loads((tmp_path / "scores/scores.json").read_text())["scores"]
    assert metrics["frame_dice"] == pytest.approx(written["frame_dice"]["mean"])
    assert {"scores.json", "scores.csv"} <= files
    assert len([file for file in files if file.startswith("pictures/")]) == 4


def test_peer_network_trains_with_the_same_recipe(tmp_path: Path) -> None:
    _run("train", "nuclei", "unet", **{**QUICK, "max_epochs": 1}, output_dir=str(tmp_path / "run"))
    state = torch.load(tmp_path / "run" / "model.pt", weights_only=True)
    assert sum(value.numel() for key, value in state.items() if key.endswith(("weight", "bias"))) == 124_769
