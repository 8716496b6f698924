# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenting files by a bundle's inference: as ``monai.bundle run`` does, in parallel, past bad files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litemed.bundles import find_bundle
from litemed.tools.manifest import describe_input
from litemed.tools.report.writing import write_report
from litemed.tools.segment import segment
from monai.bundle import run as run_bundle
from PIL import Image

TINY = """
import csv
import errno
import json
import os
from pathlib import Path

import numpy as np
import torch
from ignite.engine import Events
from monai.transforms import MapTransform
from PIL import Image

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])


class Level(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image):
        return image.mean(dim=1, keepdim=True) - self.level


def list_items(path, boxes=None):
    path = Path(path)
    files = sorted(path.glob("*.png")) if path.is_dir() else [path]
    return [{"image": str(file)} | ({"boxes": str(boxes)} if boxes else {}) for file in files]


class Write:
    '''A mask for each picture.'''

    def __init__(self, output_dir):
        self.output_dir = Path(output_dir)

    def attach(self, engine):
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine):
        self.output_dir.mkdir(parents=True, exist_ok=True)
        for item, given in zip(engine.state.output, engine.state.batch):
            path = Path(item["image"].meta["filename_or_obj"])
            mask = (np.asarray(item["pred"][0]) > 0).T
            if mask.all():
                raise ValueError(f"{path} is all foreground")
            Image.fromarray(mask.astype(np.uint8)).save(self.output_dir / f"{path.stem}_mask.png")
            if "boxes" in given:
                (self.output_dir / f"{path.stem}_boxes.txt").write_text(given["boxes"])


class Table:
    '''One table of them all.'''

    def __init__(self, output_dir):
        self.output_dir, self.rows = Path(output_dir), []

    def attach(self, engine):
        engine.add_event_handler(Events.STARTED, self.rows.clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, lambda: self.write(self.rows))

    def __call__(self, engine):
        for item in engine.state.output:
            self.rows.append((Path(item["image"].meta["filename_or_obj"]).name, int((item["pred"] > 0).sum())))

    def write(self, rows):
        if self.output_dir is not None:
            self.output_dir.mkdir(parents=True, exist_ok=True)
            content = {"pictures": [{"picture": name, "area": area} for name, area in rows], "comparison": []}
            (self.output_dir / "measurements.json").write_text(json.dumps(content))


class Blind:
    '''A table that can't be made of several runs.'''

    def __init__(self, output_dir):
        self.output_dir = Path(output_dir)

    def attach(self, engine):
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self):
        (self.output_dir / "all.csv").write_text("picture")

"""


def write_bundle(folder: Path, package: str, *, table: str = "", takes_boxes: bool = False) -> Path:
    """A bundle whose network marks what is brighter than a level, in a package of its own name."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(TINY)
    torch.save({"level": torch.tensor([100.0])}, folder / "models/model.pt")
    inference: dict[str, Any] = {
        "imports": [f"$import {package}", "$import torch"],
        "bundle_root": f"${package}.BUNDLE_ROOT",
        "dataset_dir": "nowhere",
        "output_dir": "nowhere",
        "ckpt_path": "$@bundle_root + '/models/model.pt'",
        "device": "$torch.device('cpu')",
        "network_def": {"_target_": f"{package}.Level"},
        "network": "$@network_def.to(@device)",
        "dataset": {
            "_target_": "Dataset",
            "data": f"${package}.list_items(@dataset_dir)",
            "transform": {"_target_": "litemed.transforms.LoadPictured", "keys": "image"},
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1},
        "inferer": {"_target_": "SimpleInferer"},
        "handlers": [
            {"_target_": "CheckpointLoader", "load_path": "@ckpt_path", "load_dict": {"model": "@network"}},
            {"_target_": f"{package}.Write", "output_dir": "@output_dir"},
            *([{"_target_": f"{package}.{table}", "output_dir": "@output_dir"}] if table else []),
            {"_target_": "ignite.handlers.ProgressBar"},
        ],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "val_handlers": "@handlers",
        },
        "run": ["$@evaluator.run()"],
    }
    if takes_boxes:
        inference["boxes"] = None
        inference["dataset"]["data"] = f"${package}.list_items(@dataset_dir, @boxes)"
    (folder / "configs/metadata.json").write_text('{"version": "0.1.0"}')
    (folder / "configs/inference.json").write_text(json.dumps(inference))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five pictures, of which picture i has i + 1 bright pixels."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        grey = np.full((8, 12), 50, np.uint8)
        grey[0, : number + 1] = 200
        Image.fromarray(grey).save(folder / f"p{number}.png")
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    """All files but the manifest, which has the time."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "run.json"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def _area(mask: Path) -> int:
    return int(np.count_nonzero(np.asarray(Image.open(mask))))


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_those_of_the_bundle(workers: int, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate([(40, 33), (28, 28), (31, 57)]):
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / f"p{number}.png")
    configs = find_bundle("mininet") / "configs"
    expected, out = tmp_path / "expected", tmp_path / "out"
    run_bundle(
        config_file=[str(configs / "inference.json"), str(configs / "nuclei.json")],
        dataset_dir=str(folder),
        output_dir=str(expected),
    )
    options = {"application": "nuclei"}
    done = segment(folder, "mininet", out, workers=workers, overrides=options, progress=False)
    assert len(_contents(expected)) == 9
    assert _contents(out) == _contents(expected)
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    assert done.results == {
        str(folder / f"p{number}.png"): [f"p{number}_{kind}.png" for kind in ("mask", "overlay", "probability")]
        for number in range(3)
    }
    assert (done.failed, done.tables) == ({}, [])


@pytest.mark.parametrize("workers", [1, 2])
def test_it_goes_on_past_bad_files(workers: int, pictures: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / f"lev{workers}", f"lev{workers}")
    (pictures / "p1.png").write_bytes(b"no picture")
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(pictures / "p3.png")
    done = segment(pictures, bundle, tmp_path / "out", workers=workers, progress=False)
    assert {Path(image).name for image in done.failed} == {"p1.png", "p3.png"}
    assert done.failed[str(pictures / "p1.png")].startswith(f"{pictures / 'p1.png'} can't be read as a picture")
    assert done.failed[str(pictures / "p3.png")] == f"{pictures / 'p3.png'} is all foreground"
    assert {path.name: _area(path) for path in (tmp_path / "out").glob("*.png")} == {
        f"p{number}_mask.png": number + 1 for number in (0, 2, 4)
    }
    assert done.summary().splitlines()[-1] == f"3 of 5 segmented by lev{workers}, written to {tmp_path / 'out'}"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_table_holds_all_images(workers: int, pictures: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / f"tab{workers}", f"tab{workers}", table="Table")
    (pictures / "p2.png").write_bytes(b"no picture")
    done = segment(pictures, bundle, tmp_path / "out", workers=workers, progress=False)
    table = json.loads((tmp_path / "out/measurements.json").read_text())
    assert table["pictures"] == [{"picture": f"p{number}.png", "area": number + 1} for number in (0, 1, 3, 4)]
    assert done.tables == ["measurements.json"]
    assert [Path(image).name for image in done.failed] == ["p2.png"]
    assert done.results[str(pictures / "p0.png")] == ["p0_mask.png"]


def test_a_file_that_two_images_give_is_refused(pictures: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "blind", "blind", table="Blind")
    with pytest.raises(ValueError, match=r"p0.png and .*p1.png both gave all.csv"):
        segment(pictures, bundle, tmp_path / "out", workers=1, progress=False)
    done = segment(pictures / "p0.png", bundle, tmp_path / "out", progress=False)
    assert done.results[str(pictures / "p0.png")] == ["all.csv", "p0_mask.png"]


def test_names_that_begin_alike_keep_their_own_results(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "a_mask", "a_mask_mask"):
        Image.fromarray(np.eye(8, dtype=np.uint8) * 200).save(folder / f"{name}.png")
    bundle = write_bundle(tmp_path / "alike", "alike")
    done = segment(folder, bundle, tmp_path / "out", workers=1, progress=False)
    assert {Path(image).stem: files for image, files in done.results.items()} == {
        name: [f"{name}_mask.png"] for name in ("a", "a_mask", "a_mask_mask")
    }


def test_nothing_is_left_when_all_fail(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "allbad", "allbad")
    (tmp_path / "a.png").write_bytes(b"")
    done = segment(tmp_path / "a.png", bundle, tmp_path / "out", progress=False)
    assert list(done.failed) == [str(tmp_path / "a.png")]
    assert not (tmp_path / "out").exists()


def test_boxes_reach_the_bundle_as_they_are(pictures: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "boxed", "boxed", takes_boxes=True)
    for boxes in ("1,2,3,4; 5,6,7,8.5", [1, 2, 3, 4], "$x", "@y", "#"):
        segment(pictures / "p0.png", bundle, tmp_path / "out", boxes=boxes, progress=False)
        assert (tmp_path / "out/p0_boxes.txt").read_text() == str(boxes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"overrides": {"treshold": 0.4}}, r"mininet has no option treshold: did you mean threshold\?"),
        ({"overrides": {"application": "teeth"}}, "mininet has no application teeth: expected one of vessels, nuclei"),
        ({"overrides": {"output_dir": "x"}}, "output_dir is what --out gives"),
        ({"overrides": {"ckpt_path": "/none.pt"}}, "mininet has no weights at /none.pt"),
        ({"boxes": "1,2,3,4"}, "mininet takes no boxes"),
        ({"workers": 0}, "at least 1 worker, got 0"),
        ({"output_dir": "pictures"}, "among the images of"),
        ({"source": "nowhere"}, "no picture, volume or folder at .*nowhere"),
        ({"source": "."}, "no picture "),
    ],
)
def test_mistakes_are_told_in_one_line(
    arguments: dict[str, Any], message: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures.parent)
    given = {"source": "pictures", "bundle": "mininet", "output_dir": "out", "progress": False, "workers": 1}
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        segment(**{**given, **arguments})
    assert "\n" not in str(caught.value)
    assert not (pictures.parent / "out").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_no_more_ends_the_work(
    code: int, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = write_bundle(tmp_path / f"disk{code}", f"disk{code}")
    tried: list[Path] = []

    def fail(self: Image.Image, path: Path, *args: Any, **options: Any) -> None:
        tried.append(path)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match=f"{os.strerror(code)}: '{tmp_path / 'out'}'"):
        segment(pictures, bundle, tmp_path / "out", workers=1, progress=False)
    assert len(tried) == 1
    assert not (tmp_path / "out").exists()


def test_weights_of_another_network_are_refused_at_once(pictures: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "wrong", "wrong")
    torch.save({"level": torch.zeros(2)}, bundle / "models/model.pt")
    with pytest.raises(ValueError, match="size mismatch for level"):
        segment(pictures, bundle, tmp_path / "out", workers=1, progress=False)


def test_results_of_one_name_are_refused(pictures: Path, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(pictures / "p0.bmp")
    with pytest.raises(ValueError, match=r"p0.bmp and .*p0.png would give results of one name"):
        segment(pictures, "mininet", tmp_path / "out")
    config = str(find_bundle("mininet") / "configs/inference.json")
    with pytest.raises(RuntimeError) as caught:
        run_bundle(config_file=config, dataset_dir=str(pictures), output_dir=str(tmp_path / "out"))
    assert "p0.png would give results of one name" in str(caught.value.__cause__)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bundle", ["mininet", "tiu_ocular"])
def test_each_page_has_results_of_its_own(bundle: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pages = [Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(2)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    done = segment(
        tmp_path / "scan.tif", bundle, tmp_path / "out", workers=1, overrides={"page": "all"}, progress=False
    )
    assert list(done.results) == [f"{tmp_path / 'scan.tif'} (page{number})" for number in (1, 2)]
    for number, files in enumerate(done.results.values(), start=1):
        assert {f"scan_page{number}_mask.tif", f"scan_page{number}_overlay.png"} <= set(files)
    assert done.summary().splitlines()[-1].startswith("2 of 2 segmented")
    for table in done.tables:
        if table.endswith(".csv"):
            rows = (tmp_path / "out" / table).read_text().splitlines()[1:]
            assert [row.split(",")[0] for row in rows] == ["scan_page1.tif", "scan_page2.tif"]


def test_a_manifest_tells_what_each_result_is_of(pictures: Path, tmp_path: Path) -> None:
    bundle, out = write_bundle(tmp_path / "level", "level"), tmp_path / "out"
    segment(pictures / "p0.png", bundle, out, workers=1, progress=False)
    (pictures / "p1.png").write_bytes(b"no picture")
    segment(pictures, bundle, out, workers=1, progress=False)
    first = pictures / "p0.png"
    (out / "p4_mask.png").unlink()
    segment(first, bundle, out, workers=1, progress=False)
    run = json.loads((out / "run.json").read_text())
    assert list(run["results"]) == [
        str(pictures / f"p{number}.png") for number in (2, 3, 0)
    ]  # those of earlier runs stay
    found = run["results"][str(first)]
    assert found["input"] == {
        "path": str(first),
        "sha256": hashlib.sha256(first.read_bytes()).hexdigest(),
        "size": [12, 8],
    }
    weights = Path(found["weights"]["path"])
    assert found["weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (found["bundle"], found["version"], found["files"]) == ("level", "0.1.0", ["p0_mask.png"])
    assert found["seconds"] > 0
    assert run["versions"]["torch"] == torch.__version__
    page = write_report(out).read_text()
    assert "12 x 8" in page
    assert found["input"]["sha256"] in page


def test_volumes_are_described_by_their_grid(write, voxels, affine) -> None:
    found = describe_input(write("nrrd", voxels, affine))
    assert (found["shape"], found["spacing_mm"]) == ([5, 6, 7], [0.7, 1.25, 4.0])
    np.testing.assert_allclose(found["affine"], affine, atol=1e-6)
    series = write("dicom", voxels, affine, "series")
    before = describe_input(series)["sha256"]
    next(series.iterdir()).rename(series / "renamed.dcm")
    assert before != describe_input(series)["sha256"] != found["sha256"]
