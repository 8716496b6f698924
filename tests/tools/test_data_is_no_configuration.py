# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What users give is data, not configuration: nothing of it runs, and results lie where they were asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fire
import nibabel
import numpy as np
import pydicom
import pytest
from litemed.images.box_files import read_boxes
from litemed.transforms.prompts import RasterizePromptsd
from monai.bundle import run as run_bundle
from monai.data import MetaTensor
from PIL import Image
from PIL.PngImagePlugin import PngInfo

CODE = "$__import__('pathlib').Path('RAN').touch()"
NAMES = [
    CODE.replace("/", ""),
    "@image",
    "@dataset_dir",
    "%x",
    "visit#1",
    "a::b",
    "2024_01_15",
    "1.10",
    "True",
    "[1]",
    "a,b",
]

PACKAGE = """
from pathlib import Path

import torch
from litemed.files import replacing
from litemed.images.names import image_stem
from litemed.prompting import list_prompted
from monai.data import MetaTensor

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])


def load(item):
    meta = {"filename_or_obj": item["image"]}
    return {"image": MetaTensor(torch.zeros(1, 4, 4), meta=meta), "rows": str(item["box_source"].rows)}


class Write:
    def __init__(self, output_dir, note):
        self.output_dir, self.note = Path(output_dir), note

    def attach(self, engine):
        from ignite.engine import Events

        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine):
        for item in engine.state.batch:
            name = image_stem(item["image"].meta["filename_or_obj"])
            with replacing(self.output_dir / f"{name}_boxes.txt") as path:
                path.write_text(f"{item['rows']} {self.note}")
"""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle that writes down the boxes of each image, and an option; the test runs in a folder of its own."""
    folder = tmp_path / "bundles/noted"
    (folder / "configs").mkdir(parents=True)
    (folder / "noted").mkdir()
    (folder / "noted/__init__.py").write_text(PACKAGE)
    config = {
        "imports": ["$import noted"],
        "bundle_root": "$noted.BUNDLE_ROOT",
        "dataset_dir": "nowhere",
        "output_dir": "$@bundle_root + '/runs'",
        "boxes": None,
        "note": None,
        "dataset": {
            "_target_": "Dataset",
            "data": "$noted.list_prompted(@dataset_dir, @boxes)",
            "transform": "$noted.load",
        },
        "handlers": [{"_target_": "noted.Write", "output_dir": "@output_dir", "note": "@note"}],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "cpu",
            "val_data_loader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1},
            "network": {"_target_": "torch.nn.Identity"},
            "val_handlers": "@handlers",
        },
        "run": ["$@evaluator.run()"],
    }
    (folder / "configs/metadata.json").write_text('{"version": "0.1.0"}')
    (folder / "configs/inference.json").write_text(json.dumps(config))
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return folder


def files() -> list[str]:
    """All there is in the current folder; what ran would have left a file there."""
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


@pytest.mark.parametrize("name", NAMES)
def test_names_and_paths_are_as_typed(name: str, bundle: Path, call_litemed: Callable[..., int]) -> None:
    """Of the input's folder, the input, the output's folder, the images in a table of boxes, and options."""
    Path(f"in {name}").mkdir()
    Path(f"in {name}/{name}.png").touch()
    Path(name).mkdir()
    Path(f"{name}.csv").write_text(f'image,x0,y0,x1,y1\n"{name}.png",1,2,3,4\n')
    Path(f"{name}.json").write_text(json.dumps({f"{name}.png": [[1, 2, 3, 4]]}))
    before = files()
    given = ["--bundle", str(bundle), "--workers", "1", "--json"]
    for source, box, out, note in (
        (f"in {name}/{name}.png", "1,2,3,4", name, name),
        (f"in {name}", f"{name}.csv", f"{name}/deep", name),
        (f"./in {name}", f"{name}.json", f"{name} 2", name),
    ):
        assert call_litemed("segment", source, "--box", box, "--out", out, "--note", f"n {note}", *given) == 0
    results = {f"{name}/{name}_boxes.txt", f"{name}/deep/{name}_boxes.txt", f"{name} 2/{name}_boxes.txt"}
    assert set(files()) - set(before) == results | {str(Path(each).with_name("run.json")) for each in results}
    for each in results:
        assert Path(each).read_text() == f"[[1.0, 2.0, 3.0, 4.0]] n {name}"


@pytest.mark.parametrize("name", ["visit#1", "a::b", "./2024_01_15"])
def test_monais_own_run_finds_the_input(name: str, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(bundle))
    Path("in", name).mkdir(parents=True)
    Path("in", name, "a.png").touch()
    run_bundle(
        config_file=str(bundle / "configs/inference.json"),
        dataset_dir=f"in/{name}",
        boxes=[[1, 2, 3, 4]],
        output_dir="out",
    )
    assert Path("out/a_boxes.txt").read_text() == "[[1.0, 2.0, 3.0, 4.0]] None"


@pytest.mark.parametrize("argument", ["--dataset_dir study#2", "--dataset_dir=study#2"])
def test_what_monais_command_line_loses_is_told(argument: str, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("study", "study#2"):
        Path(name).mkdir()
        Path(name, "a.png").touch()
    arguments = ["run", "--config_file", str(bundle / "configs/inference.json"), *argument.split()]
    monkeypatch.setattr("sys.argv", ["monai.bundle", *arguments])
    monkeypatch.syspath_prepend(str(bundle))
    with pytest.raises(RuntimeError) as caught:
        fire.Fire({"run": run_bundle}, command=arguments)
    assert "made study of study#2: write ./ before it" in str(caught.value.__cause__)
    assert not Path("out").exists()


@pytest.mark.parametrize("box", [CODE, "@note", "%a.json", "#", "1_0,2,3,4", "True", '["$1", 2, 3, 4]', "[" * 9000])
def test_boxes_that_are_no_numbers_are_refused_in_a_line(
    box: str, bundle: Path, call_litemed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.png").touch()
    sources = [box]
    for kind, content in (
        ("list.json", json.dumps([[1, 2, 3, box]])),
        ("own.json", json.dumps({"boxes": [box]})),
        ("by.json", json.dumps({"a.png": [box]})),
        ("by.csv", f'image,x0,y0,x1,y1\na.png,1,2,3,"{box}"\n'),
        ("deep.json", "[" * 100_000),
    ):
        Path(kind).write_text(content)
        sources.append(kind)
    before = files()
    for source in sources:
        assert call_litemed("segment", "a.png", "--bundle", str(bundle), "--box", source, "--out", "out") == 2
        said = capsys.readouterr().err
        assert said.startswith("litemed: ")
        assert said.count("\n") == 1
        assert len(said) < 400
    assert files() == before


@pytest.mark.parametrize(
    "value", [CODE, "@image", "%a", "#", "1_0", "out.json", "out.csv", ["x"], {"a": 1}, [CODE] * 6]
)
@pytest.mark.parametrize("key", ["boxes", "roi", "foreground"])
def test_requests_of_a_label_client_are_numbers(key: str, value: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out.json").write_text("[[1, 2, 8, 9]]")
    Path("out.csv").write_text("1,2,8,9\n")
    before = files()
    image = MetaTensor(np.zeros((3, 60, 40), np.float32), meta={"filename_or_obj": "a.png"})
    with pytest.raises(ValueError, match=r"expected|number"):
        RasterizePromptsd("image")({"image": image, key: value, "background": []})
    if key == "foreground":
        with pytest.raises(ValueError, match=r"expected|number"):
            RasterizePromptsd("image")({"image": image, key: [[5, 5]], "background": value})
    assert files() == before


def test_metadata_of_files_is_data(tmp_path: Path, write: Callable[..., Path], monkeypatch: Any) -> None:
    from litemed.images.writing import write_labels
    from litemed.transforms import LoadImageOrVolumed

    monkeypatch.chdir(tmp_path)
    voxels, affine = np.zeros((5, 6, 7), np.int16), np.diag([-1.0, -1, 2, 1])
    info = PngInfo()
    info.add_text("Description", CODE)
    Image.new("L", (9, 8)).save("a.png", pnginfo=info)
    image = nibabel.Nifti1Image(voxels, affine)
    image.header["descrip"] = CODE.encode()[:79]
    image.header["intent_name"] = b"@image"
    nibabel.save(image, "b.nii")
    series = write("dicom", voxels, affine, "series", PatientName=CODE, SeriesDescription="@image#1", StudyID="%x")
    assert pydicom.dcmread(next(series.iterdir())).PatientName == CODE
    for source in ("a.png", "b.nii", series):
        loaded = LoadImageOrVolumed("image")({"image": str(source)})["image"]
        found = write_labels(tmp_path / "out", np.zeros(loaded.shape[1:], np.uint8), source)
        assert found.parent == tmp_path / "out"
    assert len(list(Path("out").iterdir())) == 3
    assert not Path("RAN").exists()


def test_a_key_in_json_is_a_name(tmp_path: Path) -> None:
    content = {"_target_": [[1, 2, 3, 4]], "$1": [[5, 6, 7, 8]]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert list(read_boxes(tmp_path / "a.json")) == ["_target_", "$1"]
