# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What each of the bundles must do, and one made from the template: on data of a few small pictures."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import os
import runpy
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import monai.bundle
import numpy as np
import pytest
import torch
from ignite.distributed import utils as idist
from ignite.engine import Engine
from litemed.datasets.challenge import write_challenge
from litemed.networks.architecture import named
from litemed.tools.info import best_score, describe
from litemed.tools.packaging.checks import AGREEMENT, agreement, check_record, run_sample
from litemed.training.checkpoints import load_checkpoint, read_checkpoint
from litemed.training.resuming import TrainingCheckpoint
from litemed.training.weight_record import read_record
from mlflow import MlflowClient
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle import run as run_bundle
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "mybundle"
BUNDLES = sorted(folder.name for folder in (ROOT / "bundles").iterdir() if (folder / "configs").is_dir())
STAND_INS = ("classprompt", "swiftmedsam")
"""Bundles whose network is replaced by one of a few parameters: theirs takes seconds a step."""

ORDER = """
    imports bundle_root dataset_dir output_dir ckpt_path init_path keep max_epochs val_interval early_stop_patience
    learning_rate batch_size ema_momentum num_workers seed resume compile device network_def network loss optimizer
    lr_scheduler image_transforms label_transforms train validate run
""".split()
"""Ids of ``train.json``, in order; a bundle has further ones between them."""

OPTIONAL = {"image_transforms", "label_transforms"}


def _folder(bundle: str) -> Path:
    return ROOT / "common/litemed/template" if bundle == TEMPLATE else ROOT / "bundles" / bundle


def _ids(path: Path) -> list[str]:
    return list(json.loads(path.read_text()))


TRAININGS = [path for name in [*BUNDLES, TEMPLATE] for path in sorted((_folder(name) / "configs").glob("train*.json"))]
SHIPPED = [path for name in BUNDLES for path in sorted((_folder(name) / "models").glob("*.pt"))]


def _name(path: Path) -> str:
    return f"{path.parents[1].name}-{path.stem}"


def _default(path: Path) -> Path:
    return path.with_name("model.pt")


def _stated(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text())["architecture"]


def _definition(path: Path) -> tuple[Path, dict[str, Any]]:
    """The configuration that defines the network of a shipped file, and the options that its record states."""
    own = path.parents[1] / f"configs/train_{path.stem.partition('_')[2]}.json"
    config = own if own.is_file() else path.parents[1] / "configs/inference.json"
    definition = json.loads(config.read_text())["network_def"]
    return config, {key: _stated(path)[key] for key in ("variant", "application") if key in definition}


def _network(path: Path) -> Any:
    config, options = _definition(path)
    parser = ConfigParser()
    parser.read_config(str(config))
    parser.update({f"network_def#{key}": value for key, value in options.items()})
    return parser.get_parsed_content("network_def")


def _load(path: Path, **options: Any) -> Any:
    model_file, bundle = f"models/{path.name}", path.parents[1].name
    return monai.bundle.load(bundle, model_file=model_file, bundle_dir=str(ROOT / "bundles"), device="cpu", **options)


def _export(path: Path, config: Path, folder: Path, **options: Any) -> None:
    files = {"filepath": str(folder / "exported.ts"), "ckpt_file": str(path), "config_file": str(config)}
    monai.bundle.ckpt_export(**files, bundle_root=str(path.parents[1]), **options)


def _require_equal(state: dict[str, torch.Tensor], path: Path) -> None:
    shipped = torch.load(path, map_location="cpu", weights_only=True)
    assert shipped.keys() <= state.keys()  # TorchScript also lists what is computed at the start
    assert all(torch.equal(state[name], value.to(state[name].dtype)) for name, value in shipped.items())


@pytest.mark.parametrize("path", TRAININGS, ids=_name)
def test_ids_stand_in_one_order(path: Path) -> None:
    ids = _ids(path)
    known = [name for name in ORDER if name in ids or name not in OPTIONAL]
    assert [name for name in ids if name in ORDER] == known
    content = json.loads(path.read_text())
    assert content["train"]["training"]["_target_"] == "litemed.training.Training"
    assert content["train"]["handlers"] == []  # MONAI Label adds to it, and wants a list


@pytest.mark.parametrize("path", SHIPPED, ids=_name)
def test_shipped_weights_are_tensors_and_match_their_record(path: Path) -> None:
    content = torch.load(path, map_location="cpu", weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in content.values())
    record = read_record(path)
    assert record is not None
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["bundle"] == path.parents[1].name
    assert all(entry["licence"] and entry["name"] for entry in record["data"])
    assert all(isinstance(row["simulated"], bool) and row["metric"] and row["data"] for row in record["scores"])
    assert all(row["seconds"] > 0 and row["memory_mib"] > 0 and row["processor"] for row in record["speed"])
    assert record["speed"]
    network = _network(path)
    assert record["architecture"] == network.architecture == read_checkpoint(path).architecture
    assert record["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    load_checkpoint(network, path)


@pytest.mark.parametrize("bundle", BUNDLES)
def test_scores_in_the_metadata_are_the_records(bundle: str) -> None:
    """A bare name is the score that stands for the bundle; any other says of which data it is."""
    described = describe(bundle)
    rows = [row for record in described["weights"] for row in record["scores"]]
    check_record(_folder(bundle))
    told = json.loads((_folder(bundle) / "configs/metadata.json").read_text())["eval_metrics"]
    assert told
    for name, value in told.items():
        found = [row for row in rows if row["metric"] in name and row["mean"] == value]
        assert found, f"no record has {name} {value}"
        assert "simulated" in name or not all(row["simulated"] for row in found)
        if name in {row["metric"] for row in rows}:
            main = described["weights"][0]["scores"]
            assert best_score({"scores": [row for row in main if row["metric"] == name]}) in found


@pytest.mark.parametrize("path", SHIPPED, ids=_name)
def test_monai_loads_every_shipped_file_whole(path: Path) -> None:
    config, options = _definition(path)
    network = _load(path, **({"net_override": options} if config.stem == "inference" else {"model": _network(path)}))
    assert network.architecture == _stated(path)
    assert len(network.state_dict()) == len(torch.load(path, weights_only=True))
    _require_equal(network.state_dict(), path)


@pytest.mark.parametrize("path", SHIPPED, ids=_name)
def test_monai_loads_no_shipped_file_into_the_network_of_another(path: Path) -> None:
    network, own = _network(path), _stated(path)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    others = [other for other in SHIPPED if other.parent == path.parent and _stated(other) != own]
    for other in others:
        with pytest.raises(ValueError, match=f"expected weights of {named(own)}, found (none for|weights of) "):
            _load(other, model=network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("path", [path for path in SHIPPED if _stated(path) != _stated(_default(path))], ids=_name)
def test_a_file_of_another_network_than_the_bundles_own_is_refused(path: Path, tmp_path: Path) -> None:
    expected = f"expected weights of {named(_stated(_default(path)))}, found "
    with pytest.raises(ValueError, match=expected):
        _load(path)
    with pytest.raises(ValueError, match=expected):
        _export(path, _definition(_default(path))[0], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", SHIPPED, ids=_name)
def test_monai_exports_every_shipped_file_whole(path: Path, tmp_path: Path) -> None:
    config, options = _definition(path)
    _export(path, config, tmp_path, **{f"network_def#{key}": value for key, value in options.items()})
    _require_equal(torch.jit.load(tmp_path / "exported.ts").state_dict(), path)


@pytest.mark.parametrize("bundle", BUNDLES)
def test_what_monai_loads_segments_as_inference_does(bundle: str, tmp_path: Path) -> None:
    network = monai.bundle.load(bundle, bundle_dir=str(ROOT / "bundles"), device="cpu")

    def use_loaded(parser: ConfigParser) -> None:
        parser.globals["loaded"] = network
        parser["network_def"] = "$loaded"
        kept = [each for each in parser["handlers"] if each["_target_"] != "litemed.training.LoadWeights"]
        assert len(kept) == len(parser["handlers"]) - 1
        parser["handlers"] = kept

    own, _ = run_sample(_folder(bundle), tmp_path / "own")
    loaded, _ = run_sample(_folder(bundle), tmp_path / "loaded", use_loaded)
    pixels = np.asarray(Image.open(own))
    assert pixels.any()
    assert np.array_equal(np.asarray(Image.open(loaded)), pixels)
    assert agreement(loaded, _folder(bundle) / "sample/input_mask.png") >= AGREEMENT


class Case(NamedTuple):
    """A bundle with data for it, run once to the end and once in two parts."""

    bundle: str
    data: Path
    runs: Path
    metric: str
    overrides: tuple[str, ...]
    options: dict[str, Any]

    def files(self, *names: str) -> list[str]:
        return [str(_folder(self.bundle) / f"configs/{name}.json") for name in names]

    def run(self, *names: str, output: str, **options: Any) -> Path:
        """Run configurations, and return their output folder."""
        folder = self.runs / output
        own = self.options if names[0] == "train" else {}
        run_bundle(config_file=self.files(*names, *self.overrides), output_dir=str(folder), **{**own, **options})
        return folder

    @property
    def weights(self) -> Path:
        return self.runs / "broken/model.pt"


@pytest.mark.parametrize("bundle", ["classprompt", "swiftmedsam"])
@pytest.mark.parametrize("zoom", ["off", "auto"])
def test_the_evaluation_of_boxes_sees_windows_where_they_are_asked_for(bundle: str, zoom: str) -> None:
    parser = ConfigParser()
    parser.read_config([str(_folder(bundle) / f"configs/{name}.json") for name in ("train", "evaluate")])
    parser["zoom"] = zoom
    inferer = parser.get_parsed_content("validate#inferer")
    assert (inferer.pictures.zoom, inferer.volumes.zoom) == (zoom, zoom)


def _pairs(root: Path, values: int) -> None:
    """Pictures of a disc on a darker ground, and masks of ``values`` values."""
    y, x = np.mgrid[:48, :64]
    disc = np.hypot(x - 32, y - 24)
    labels = sum((disc < radius).astype(np.uint8) for radius in np.linspace(18, 6, values - 1))
    for part in ("training", "validation", "test"):
        for number in range(3):
            noise = np.random.default_rng(number).normal(0, 6, (*labels.shape, 3))
            picture = np.clip(40 + 40 * labels[..., None] + noise, 0, 255).astype(np.uint8)
            for kind, pixels in (("images", picture), ("masks", labels if values > 2 else 255 * labels)):
                (root / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(root / part / kind / f"{part}{number}.png")


def _break_ups(root: Path) -> None:
    """The same, laid out as crops of TFM."""
    _pairs(root / "pairs", 2)
    for part, short in (("training", "train"), ("validation", "val"), ("test", "test")):
        for kind in ("images", "masks"):
            folder = root / "crop_broken_only" / kind / short
            folder.parent.mkdir(parents=True, exist_ok=True)
            (root / "pairs" / part / kind).rename(folder)
            for number, file in enumerate(sorted(folder.iterdir())):
                file.rename(folder / f"{short}{number}_0000.png")


def _archives(root: Path) -> None:
    """The same, as archives of the challenge."""
    _pairs(root / "pairs", 2)
    for file in sorted((root / "pairs").glob("*/images/*.png")):
        labels = np.asarray(Image.open(file.parents[1] / "masks" / file.name)) // 255
        write_challenge(root / file.parts[-3] / f"2D_US_{file.stem}.npz", np.asarray(Image.open(file)), labels=labels)


def _case(bundle: str, root: Path) -> Case:
    data, runs = root / "data", root / "runs"
    quick: dict[str, Any] = {"val_interval": 1, "batch_size": 2}
    if bundle in STAND_INS:
        _archives(data)
        quick |= {"init_path": ""} | ({"head_steps": 2} if bundle == "classprompt" else {})
        return Case(bundle, data, runs, "dice", (), {**quick, "dataset_dir": str(data)})
    if bundle == "tfnet":
        _break_ups(data)
        quick |= {"spatial_size": [32, 32], "augmentation": True, "ema_momentum": 0.1}
        return Case(bundle, data, runs, "mean_dice", (), {**quick, "dataset_dir": str(data)})
    _pairs(data, 5 if bundle == "tiu_ocular" else 2)
    if bundle == "tiu_ocular":
        quick |= {"reader": "paired", "spatial_size": [48, 32], "kernel_sizes": [4, 8]}
    if bundle == "mininet":
        quick |= {"reader": "paired", "crops_per_image": 1, "crop_size": 32}
        return Case(bundle, data, runs, "f1", ("nuclei",), {**quick, "dataset_dir": str(data)})
    if bundle == TEMPLATE:
        quick |= {"longest_side": 64, "crop_size": 32}
    return Case(bundle, data, runs, "dice", (), {**quick, "dataset_dir": str(data)})


_save = TrainingCheckpoint._save


def _save_and_die(checkpoint: TrainingCheckpoint, engine: Engine) -> None:
    _save(checkpoint, engine)
    raise KeyboardInterrupt


@pytest.fixture(scope="module", params=[*BUNDLES, TEMPLATE])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    bundle = request.param
    root = tmp_path_factory.mktemp(bundle)
    (root / "elsewhere").mkdir()
    shipped = {file: file.stat().st_mtime_ns for file in (_folder(bundle) / "models").glob("*")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root / "elsewhere")
        if bundle == TEMPLATE:
            patch.syspath_prepend(str(_folder(bundle)))
        if bundle in STAND_INS:
            stand_in = runpy.run_path(str(ROOT / "tests/bundles" / bundle / "conftest.py"))["BrightNetwork"]
            patch.setattr(importlib.import_module(bundle), "PromptedNetwork", stand_in)
        case = _case(bundle, root)
        case.run("train", output="whole", max_epochs=2)
        with pytest.MonkeyPatch.context() as kill:
            kill.setattr(TrainingCheckpoint, "_save", _save_and_die)
            with pytest.raises(KeyboardInterrupt):
                case.run("train", output="broken", max_epochs=2, tracking="mlflow")
        case.run("train", output="broken", max_epochs=2, tracking="mlflow")
        yield case
    assert not list((root / "elsewhere").iterdir())
    assert shipped == {file: file.stat().st_mtime_ns for file in (_folder(bundle) / "models").glob("*")}


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(_equal, first, second))
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


def test_a_resumed_training_equals_an_unbroken_one_bit_by_bit(case: Case) -> None:
    whole, broken = case.runs / "whole", case.runs / "broken"
    assert (whole / "model.pt").read_bytes() == (broken / "model.pt").read_bytes()
    first, second = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (whole, broken))
    assert first["epoch"] == 2
    assert _equal(first, second)
    rows = [list(csv.DictReader((folder / "history.csv").open())) for folder in (whole, broken)]
    for one, other in zip(*rows, strict=True):
        assert {**one, "seconds": ""} == {**other, "seconds": ""}
    assert [float(row["epoch"]) for row in rows[0]] == [1, 2]
    assert all(float(row["loss"]) > 0 and 0 <= float(row[case.metric]) <= 1 for row in rows[0])
    assert Image.open(whole / "history.png").format == "PNG"


def test_a_training_records_its_weights(case: Case) -> None:
    record = read_record(case.weights)
    assert record is not None
    assert record["sha256"] == hashlib.sha256(case.weights.read_bytes()).hexdigest()
    assert record["bundle"] == _folder(case.bundle).name
    (score,) = record["scores"]
    assert (score["data"], score["metric"]) == ("validation", case.metric)
    rows = list(csv.DictReader((case.runs / "broken/history.csv").open()))
    assert score["mean"] == pytest.approx(max(float(row[case.metric]) for row in rows), abs=1e-6)


def test_a_resumed_training_is_one_run_of_mlflow(case: Case) -> None:
    client = MlflowClient(f"sqlite:///{case.runs}/broken/mlruns.db")
    (run,) = client.search_runs([client.get_experiment_by_name("monai_experiment").experiment_id])
    assert run.info.status == "FINISHED"
    assert {"train_loss", case.metric} <= set(run.data.metrics)
    losses = client.get_metric_history(run.info.run_id, "train_loss")
    assert [entry.step for entry in losses] == list(range(1, len(losses) + 1))
    steps = torch.load(case.runs / "broken/checkpoint.pt", weights_only=True)["iteration"]
    assert len(losses) == steps
    files = {entry.path for entry in client.list_artifacts(run.info.run_id)}
    assert {"history.csv", "history.png", "run.json", "model.json"} <= files


def test_evaluation_scores_every_case(case: Case) -> None:
    folder = case.run("train", "evaluate", output="scores", ckpt_path=str(case.weights))
    result = json.loads((folder / "scores.json").read_text())
    assert result["cases"] == 3
    assert 0 <= result["scores"][case.metric]["mean"] <= 1
    assert len(list(csv.DictReader((folder / "scores.csv").open()))) == 3


def test_inference_gives_a_mask_of_the_pictures_size(case: Case) -> None:
    picture = case.runs / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(picture)
    options: dict[str, Any] = {"dataset_dir": str(picture), "ckpt_path": str(case.weights)}
    if case.bundle in STAND_INS:
        options["boxes"] = [[8, 8, 40, 30]]
    options |= {"spatial_size": case.options["spatial_size"]} if "spatial_size" in case.options else {}
    folder = case.run("inference", output="inference", **options)
    sizes = {Image.open(file).size for file in folder.glob("picture_*.png") if "overlay" not in file.name}
    assert sizes == {(64, 48)}


def test_weights_that_do_not_fit_are_refused_by_name(case: Case) -> None:
    torch.save({"other.weight": torch.zeros(2)}, case.runs / "other.pt")
    with pytest.raises(RuntimeError) as caught:
        case.run("train", "evaluate", output="refused", ckpt_path=str(case.runs / "other.pt"))
    causes, error = [], caught.value
    while error is not None:
        causes.append(str(error))
        error = error.__cause__  # type: ignore[assignment]
    assert any("other.pt: expected weights of " in text and "unexpected other.weight" in text for text in causes)
    assert not (case.runs / "refused/scores.json").exists()


def test_a_server_trains_what_it_serves_and_serves_what_was_learnt(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """As MONAI Label does: its own folder of the bundle, its own loader of the served weights, nothing resumed."""
    folder = case.runs / "app/model" / case.bundle
    (folder / "models").mkdir(parents=True)
    served = folder / "models/model.pt"
    shutil.copy(case.weights, served)
    shutil.copy(case.weights.with_suffix(".json"), served.with_suffix(".json"))
    monkeypatch.setenv("MONAI_LABEL_APP_DIR", str(case.runs / "app"))
    loader = {"_target_": "CheckpointLoader", "load_path": str(served), "load_dict": {"model": "$@network"}}
    options = {"bundle_root": str(folder), "init_path": "nowhere.pt", "train#handlers": [{**loader, "strict": False}]}
    for _ in range(2):
        output = case.run("train", output="served", **{**case.options, **options}, max_epochs=1, keep="last")
    assert (folder / "models/model_shipped.pt").read_bytes() == case.weights.read_bytes()
    assert served.read_bytes() == (output / "model.pt").read_bytes() != case.weights.read_bytes()
    assert torch.load(output / "checkpoint.pt", weights_only=True)["epoch"] == 1
    assert read_checkpoint(served).state.keys() == read_checkpoint(case.weights).state.keys()


@pytest.fixture
def one_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of one process may be made; afterwards ignite, which remembers it, knows nothing of it."""
    for name in ("_model", "_need_to_sync"):
        monkeypatch.setattr(idist, name, getattr(idist, name))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ranks = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name, value in {**ranks, "GLOO_SOCKET_IFNAME": "lo" if os.name == "posix" else ""}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("one_rank")
def test_the_overrides_for_several_processes_train_and_evaluate(case: Case) -> None:
    folder = case.run("train", "multi_gpu_train", output="ranks", max_epochs=1)
    scores = case.run("train", "evaluate", "multi_gpu_evaluate", output="ranked", ckpt_path=str(folder / "model.pt"))
    assert json.loads((scores / "scores.json").read_text())["cases"] == 3


@pytest.mark.usefixtures("one_rank")
def test_properties_are_wired_as_the_zoo_wants_them(case: Case) -> None:
    sets = [(("train",), "train"), (("train", "evaluate"), "train"), (("inference",), "inference")]
    for names, kind in sets:
        own = case.options if kind == "train" else {}
        workflow = ConfigWorkflow(case.files(*names, *case.overrides), workflow_type=kind, **own)
        workflow.initialize()
        assert workflow.check_properties() == []
        workflow.finalize()
