# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Packing bundles: the same bytes each time, complete, and free of the installed library."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from litemed import samples
from litemed.bundles import metadata_of
from litemed.tools.packaging.checks import check_files, check_metadata
from litemed.tools.packaging.pack import pack, packed_files
from litemed.tools.packaging.reach import LIBRARY
from PIL import Image

BUNDLES = Path(__file__).resolve().parents[3] / "bundles"
MININET = BUNDLES / "mininet"


def _bundle(root: Path, code: str = "", config: str = "{}", version: object = "1.0.0") -> Path:
    folder = root / "tiny"
    (folder / "configs").mkdir(parents=True)
    (folder / "tiny").mkdir()
    (folder / "configs/metadata.json").write_text(json.dumps({"version": version}))
    (folder / "configs/train.json").write_text(config)
    (folder / "tiny/__init__.py").write_text(code)
    return folder


@pytest.fixture
def hidden_library(tmp_path: Path) -> dict[str, str]:
    """Environment of a process in which ``litemed`` and the bundles' packages can't be imported by their own names."""
    for name in ("litemed", "mininet"):
        (tmp_path / "hidden" / name).mkdir(parents=True)
        (tmp_path / "hidden" / name / "__init__.py").write_text(f"raise ImportError('{name} is not installed')\n")
    shutil.rmtree(tmp_path / "hidden/mininet")
    return {"PYTHONPATH": str(tmp_path / "hidden"), "LITEMED_HOME": str(samples.nuclei().parents[1])}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = pack(MININET, tmp_path / "a")
    copy = tmp_path / "elsewhere" / "mininet"
    shutil.copytree(MININET, copy, ignore=shutil.ignore_patterns("runs", "__pycache__"))
    for file in copy.rglob("*"):
        os.utime(file, (1, 1))
    second = pack(copy, tmp_path / "b")
    assert first.name == second.name == "mininet_v0.3.0.zip"
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


def test_what_a_run_wrote_is_left_out(tmp_path: Path) -> None:
    folder = _bundle(tmp_path)
    for name in ("runs/vessels/model.pt", "tiny/__pycache__/x.pyc", "mlruns.db", ".cache/x", "model.onnx"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    own = {name for name in packed_files(folder, "1.0.0") if "/litemed/" not in name}
    assert own == {"configs/metadata.json", "configs/train.json", "tiny/__init__.py"}


def _library(files: dict[str, bytes]) -> set[str]:
    return {name.removeprefix("tiny/litemed/") for name in files if name.startswith("tiny/litemed/")}


_MASK_LOSS = {"lazy.py", "losses/__init__.py", "losses/mask.py"}


@pytest.mark.parametrize(
    ("code", "config", "more"),
    [
        ("from litemed.files import replacing", "{}", {"files.py"}),
        # a name that the package loads when it is used, imported, named by a configuration, and as a string of code
        ("from litemed.losses import MaskLoss", "{}", _MASK_LOSS),
        ("", '{"_target_": "litemed.losses.MaskLoss"}', _MASK_LOSS),
        ("NAME = 'litemed.losses.MaskLoss'", "{}", _MASK_LOSS),
        # what is taken from a package that is imported whole
        ("import litemed.losses as losses\nlosses.MaskLoss()", "{}", _MASK_LOSS),
        ("from litemed import losses\nlosses.MaskLoss()", "{}", _MASK_LOSS),
        ("", '{"imports": ["$import litemed.losses as a"], "b": "$a.MaskLoss()"}', _MASK_LOSS),
        ("", '{"imports": ["$from litemed import losses"], "b": "$losses.MaskLoss"}', _MASK_LOSS),
        # handed on whole, it may be used for all that it offers
        (
            "from litemed import losses\nprint(dir(losses))",
            "{}",
            {"lazy.py", *(f"losses/{file.name}" for file in (LIBRARY / "losses").glob("*.py"))},
        ),
    ],
)
def test_only_what_is_reached_of_the_library_is_packed(code: str, config: str, more: set[str], tmp_path: Path) -> None:
    found = _library(packed_files(_bundle(tmp_path, code + "\n", config), "1.0.0"))
    assert found - {"metrics/__init__.py", "metrics/anatomy.py"} == {"__init__.py", "causes.py", "packed.py"} | more


def test_parts_that_a_configuration_names_are_packed_and_renamed(tmp_path: Path) -> None:
    config = """{"imports": ["$import litemed.samples as samples"], "dataset_dir": "$samples.nuclei()",
        "loss": {"_target_": "litemed.losses.TIULoss"}}"""
    files = packed_files(_bundle(tmp_path, "NAME = 'litemed.losses.TIULoss'\n", config), "1.0.0")
    assert {"tiny/litemed/losses/tiu.py", "tiny/litemed/samples/data/nuclei_image.png"} <= set(files)
    assert json.loads(files["configs/train.json"]) == {
        "imports": ["$import tiny.litemed.samples as samples"],
        "dataset_dir": "$samples.nuclei()",
        "loss": {"_target_": "tiny.litemed.losses.TIULoss"},
    }
    assert b"from tiny.litemed.lazy import lazy_names" in files["tiny/litemed/losses/__init__.py"]
    assert files["tiny/__init__.py"] == b"NAME = 'tiny.litemed.losses.TIULoss'\n"


def test_an_import_that_cannot_be_packed_is_refused(tmp_path: Path) -> None:
    folder = _bundle(tmp_path, "import torch\nimport litemed.losses\n")
    with pytest.raises(ValueError, match=r"tiny/__init__\.py, line 2: write 'import litemed\.losses as \.\.\.'"):
        pack(folder, tmp_path)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize("version", ["/../../../outside", "../outside", "..", "a/b", "", None, 1])
def test_a_version_cannot_lead_out_of_the_folder(version: object, tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "bundles", version=version)
    with pytest.raises(ValueError, match=r"tiny/configs/metadata\.json: expected a version such as 0\.1\.0"):
        pack(folder, tmp_path / "out/x")
    assert [path.name for path in tmp_path.iterdir()] == ["bundles"]


def test_links_out_of_the_bundle_are_refused_and_those_within_followed(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "bundles")
    (folder / "tiny/within.txt").symlink_to(folder / "configs/metadata.json")
    assert packed_files(folder, "1.0.0")["tiny/within.txt"] == (folder / "configs/metadata.json").read_bytes()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("secret")
    for name, target in (("file", "secret/key"), ("folder", "secret"), ("nothing", "gone")):
        link = folder / "tiny" / name
        link.symlink_to(tmp_path / target)
        with pytest.raises(ValueError, match=rf"tiny/{name} is a link to .*, outside the bundle"):
            pack(folder, tmp_path / "out")
        link.unlink()
    assert not list(tmp_path.glob("out/*.zip"))


@pytest.mark.parametrize("code", ["def (:", "\0", "(" * 10000])
def test_code_that_cannot_be_read_is_told_with_its_file(code: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^tiny/__init__\.py is no Python: [^\n]*$"):
        pack(_bundle(tmp_path, code), tmp_path)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lacks configs/metadata\.json"):
        pack(tmp_path)


def test_a_packed_bundle_trains_and_infers_without_the_library(
    run_python: Callable[..., str], hidden_library: dict[str, str], tmp_path: Path
) -> None:
    with zipfile.ZipFile(pack(MININET, tmp_path)) as archive:
        archive.extractall(tmp_path / "zoo")
    configs = tmp_path / "zoo/mininet/configs"
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 36), (120, 40, 90)).save(picture)

    def run(*names: str, **options: object) -> None:
        files = str([str(configs / f"{name}.json") for name in names])
        overrides = [text for key, value in options.items() for text in (f"--{key}", value)]
        run_python("-m", "monai.bundle", "run", "--config_file", files, *overrides, env=hidden_library)

    run("train", "nuclei", max_epochs=1, val_interval=1, crop_size=32, crops_per_image=1, output_dir=tmp_path / "run")
    run("inference", "nuclei", dataset_dir=picture, output_dir=tmp_path / "out", ckpt_path=tmp_path / "run/model.pt")
    assert Image.open(tmp_path / "out/picture_mask.png").size == (40, 36)


_APPLICATIONS = {
    "nuclei": {
        "label": "nucleus",
        "task": "Segmentation of cell nuclei in fluorescence microscopy",
        "data_source": "Data Science Bowl 2018 (BBBC038v1), 66 pictures with corrected masks",
        "source": "Caicedo et al., Nature Methods 16, 2019",
        "overrides": ["kinds", "multi_gpu_evaluate", "multi_gpu_train", "pooled", "unet"],
    },
    "skin": {
        "label": "lesion",
        "task": "Segmentation of skin lesions in dermoscopy",
        "data_source": "ISIC 2017, 139 pictures of the training part",
        "source": "Codella et al., ISBI 2018",
        "overrides": ["multi_gpu_evaluate", "multi_gpu_train", "obstructions", "pooled", "unet"],
    },
}


@pytest.mark.parametrize("application", _APPLICATIONS)
def test_a_packed_application_describes_itself_alone(application: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack(MININET, tmp_path, application)) as archive:
        archive.extractall(tmp_path)
    expected, folder = _APPLICATIONS[application], tmp_path / f"mininet_{application}"
    metadata = metadata_of(folder)
    assert metadata["task"] == expected["task"]
    assert metadata["description"].endswith(expected["task"].removeprefix("Segmentation of "))
    assert metadata["network_data_format"]["inputs"]["image"]["modality"] == expected["task"].split(" in ")[1]
    assert metadata["label_classes"] == f"single channel, 1 is {expected['label']}, 0 is everything else"
    assert metadata["pred_classes"] == f"single channel of logits; above 0 is {expected['label']}"
    assert metadata["image_classes"] == "three channels, zero mean and unit deviation within the whole picture"
    assert metadata["data_source"] == expected["data_source"]
    assert metadata["references"][0].startswith("Javed, S.")
    assert metadata["references"][1:] == [expected["source"]]
    scores = json.loads((MININET / f"models/model_{application}.json").read_text())["scores"]
    assert metadata["eval_metrics"] == {score["metric"]: score["mean"] for score in scores}
    assert metadata["litemed"]["applications"] == {application: expected["task"].removeprefix("Segmentation of ")}
    assert metadata["litemed"]["takes"] == {application: "picture"}
    assert metadata["litemed"]["labels"] == {}
    own = {"evaluate", "inference", "metadata", "train"}
    assert sorted(path.stem for path in folder.glob("configs/*.json") if path.stem not in own) == expected["overrides"]
    check_files(folder)
    check_metadata(folder)


def test_the_first_score_of_a_metric_describes_a_packed_application(tmp_path: Path) -> None:
    shutil.copytree(MININET, tmp_path / "mininet", ignore=shutil.ignore_patterns("runs", "__pycache__"))
    for suffix in (".pt", ".json"):
        shutil.copy(MININET / f"models/model_nuclei_stained{suffix}", tmp_path / f"mininet/models/model_nuclei{suffix}")
    with zipfile.ZipFile(pack(tmp_path / "mininet", tmp_path, "nuclei")) as archive:
        metadata = json.loads(archive.read("mininet_nuclei/configs/metadata.json"))
    scores = json.loads((MININET / "models/model_nuclei_stained.json").read_text())["scores"]
    of_sets = {row["data"][:4]: row["mean"] for row in scores if row["metric"] == "f1"}
    assert metadata["eval_metrics"]["f1"] == of_sets["TNBC"] != of_sets["NuIn"]  # TNBC stands first
    assert metadata["data_source"].endswith("; TNBC, 11 pictures; NuInsSeg, 10 pictures of the oesophagus")


@pytest.mark.parametrize(("application", "label"), [("nuclei", "nucleus"), ("skin", "lesion")])
def test_an_application_is_packed_as_a_bundle_of_its_own(
    application: str, label: str, run_python: Callable[..., str], hidden_library: dict[str, str], tmp_path: Path
) -> None:
    target = pack(MININET, tmp_path, application)
    assert target.name == f"mininet_{application}_v0.3.0.zip"
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "zoo")
    folder = tmp_path / f"zoo/mininet_{application}"
    assert sorted(path.name for path in (folder / "models").iterdir()) == ["model.json", "model.pt"]
    assert (folder / "models/model.pt").read_bytes() == (MININET / f"models/model_{application}.pt").read_bytes()
    metadata = json.loads((folder / "configs/metadata.json").read_text())
    assert metadata["network_data_format"]["outputs"]["pred"]["channel_def"] == {"0": "background", "1": label}
    for name, own in (("packed", folder / "configs/inference.json"), ("own", MININET / "configs/inference.json")):
        files = [str(own)] if name == "packed" else [str(own), str(MININET / f"configs/{application}.json")]
        options = ["--dataset_dir", MININET / "sample/input.jpg", "--output_dir", tmp_path / name]
        env = hidden_library if name == "packed" else {}
        run_python("-m", "monai.bundle", "run", "--config_file", str(files), *options, env=env)
    masks = [Image.open(tmp_path / name / "input_mask.png").tobytes() for name in ("packed", "own")]
    assert masks[0] == masks[1]


def test_only_an_application_that_a_bundle_has_is_packed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mininet has no application eyes to pack: expected skin or nuclei"):
        pack(MININET, tmp_path, "eyes")
    with pytest.raises(ValueError, match="tfnet has no application nuclei to pack: expected none"):
        pack(BUNDLES / "tfnet", tmp_path, "nuclei")


def test_two_versions_of_a_bundle_in_a_process_are_told_apart(tmp_path: Path) -> None:
    code = "BUNDLE_ROOT = __file__.rsplit('/', 2)[0]\n"
    config = '{"imports": ["$import tiny"], "bundle_root": "$tiny.BUNDLE_ROOT"}'
    for version in ("1.0.0", "2.0.0"):
        bundle = _bundle(tmp_path / version, code, config, version)
        with zipfile.ZipFile(pack(bundle, tmp_path)) as archive:
            archive.extractall(tmp_path / "zoo" / version)
    read = (
        "import sys; from monai.bundle import ConfigParser\n"
        "for version in ('1.0.0', '2.0.0'):\n"
        f"    folder = {str(tmp_path / 'zoo')!r} + f'/{{version}}/tiny'\n"
        "    sys.path.insert(1, folder)\n"
        "    parser = ConfigParser(); parser.read_config(folder + '/configs/train.json')\n"
        "    print(parser.get_parsed_content('bundle_root'))\n"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", read], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines() == [str(tmp_path / "zoo/1.0.0/tiny")]
    assert "this configuration is of version 2.0.0, but version 1.0.0 of the same bundle is already imported" in (
        result.stderr
    )
