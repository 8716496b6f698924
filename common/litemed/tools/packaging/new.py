# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A new bundle, from a template that trains, infers and verifies as it is, and its first training."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from keyword import iskeyword
from pathlib import Path
from typing import Any

from litemed.files import read_json, replacing, scratch
from litemed.training.weight_record import read_record, write_record

__all__ = ["new_bundle", "train_new_bundle"]

TEMPLATE = Path(__file__).resolve().parents[2] / "template"
_NAME = "mybundle"
_SAMPLE_SIDE = 256
_TEXT = (".py", ".json", ".md", ".txt")


def new_bundle(name: str, to: str | os.PathLike[str] = ".") -> Path:
    """Write a bundle that segments pictures with a small network: everything works, and everything is to be replaced.

    Its package has the bundle's name; its metadata ask for the versions that are installed here. It has no weights
    until it is trained.

    Args:
        name: of the bundle and of its package.
        to: folder that it is made in.

    Returns:
        the bundle's folder.

    Raises:
        ValueError: when the name isn't one of a Python package in small letters, or is another package's.
        FileExistsError: when there is a folder of that name.
    """
    if not (name.isidentifier() and name.isascii() and name == name.lower()) or iskeyword(name):
        raise ValueError(f"expected a name in small letters, digits and underscores, such as thyroid_us; got {name!r}")
    target = Path(to).expanduser().absolute() / name
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    if importlib.util.find_spec(name) is not None:
        raise ValueError(f"there is a Python package {name} already: choose another name")
    with scratch(target.parent) as temporary:
        folder = temporary / name
        shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / _NAME).rename(folder / name)
        (folder / "models").mkdir()
        for file in folder.rglob("*"):
            if file.suffix in _TEXT:
                file.write_text(file.read_text().replace(_NAME, name))
        _pin(folder / "configs/metadata.json")
        folder.rename(target)
    return target


def train_new_bundle(name: str, to: str | os.PathLike[str], data: str | os.PathLike[str], max_epochs: int) -> Path:
    """Write a bundle as `new_bundle` does, train and score it on pictures and masks, and put the weights into it.

    It also keeps one of the test pictures with its result, see `litemed.tools.sample`, and the test score stands in its
    metadata and in the record beside the weights, with words to be replaced by whose the pictures are. These
    are checked before anything is written.

    Args:
        name: see `new_bundle`.
        to: see `new_bundle`.
        data: folder of ``images`` and ``masks``, see `litemed.datasets.paired_part`.
        max_epochs: of the training.

    Returns:
        the bundle's folder.

    Raises:
        FileNotFoundError, ValueError: as `new_bundle` and `litemed.datasets.paired_part` do; ValueError when a
            training fails.
    """
    from litemed.datasets.paired_folders import PARTS, paired_part
    from litemed.tools.sample import write_sample

    source = Path(data).expanduser().absolute()
    cases = {part: paired_part(source, part) for part in PARTS}
    folder = new_bundle(name, to)
    runs = folder / "runs"
    _run(folder, ["train"], dataset_dir=str(source), output_dir=str(runs / "train"), max_epochs=max_epochs)
    for file in ("model.pt", "model.json"):
        shutil.copyfile(runs / "train" / file, folder / "models" / file)
    _run(folder, ["train", "evaluate"], dataset_dir=str(source), output_dir=str(runs / "evaluation"))
    metadata = read_json(folder / "configs/metadata.json")
    scores = read_json(runs / "evaluation/scores.json")["scores"]
    dice = {
        key: round(scores["dice"][key], 4) for key in ("mean", "low", "high") if scores["dice"].get(key) is not None
    }
    metadata["eval_metrics"] = {"dice": dice["mean"]}
    metadata["data_source"] = (
        f"{sum(map(len, cases.values()))} pictures of the authors: say whose, and under which terms"
    )
    weights = folder / "models/model.pt"
    score = {"data": "test part of the same pictures", "cases": len(cases["test"]), "metric": "dice", **dice}
    learnt = {"name": f"{len(cases['training'])} of {metadata['data_source']}", "licence": "say under which"}
    write_record(weights, {**(read_record(weights) or {}), "data": [learnt], "scores": [score]})
    with replacing(folder / "configs/metadata.json") as temporary:
        temporary.write_text(json.dumps(metadata, indent=4) + "\n")
    _keep_sample(Path(str(cases["test"][0]["image"])), folder / "sample")
    write_sample(folder)
    return folder


def _run(folder: Path, names: Sequence[str], **options: Any) -> None:
    """Run configurations of a bundle together, without their log."""
    from monai.bundle import ConfigWorkflow

    from litemed.bundles import importable
    from litemed.tools.workflows import quiet, set_value, user_errors

    importable(folder)
    files = [str(folder / f"configs/{name}.json") for name in names]
    with user_errors(), quiet(), redirect_stdout(sys.stderr):
        workflow = ConfigWorkflow(files, logging_file=False, workflow_type="train")
        for key, value in options.items():
            set_value(workflow.parser, key, value)
        workflow.initialize()
        workflow.run()
        workflow.finalize()


def _keep_sample(picture: Path, to: Path) -> None:
    """A picture, made small, in the place of the template's."""
    from PIL import Image

    from litemed.transforms.pictures import LoadPictured, to_picture

    small = Image.fromarray(to_picture(LoadPictured("image")({"image": str(picture)})["image"]))
    small.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE))
    with replacing(to / "input.png") as temporary:
        small.save(temporary)


def _pin(file: Path) -> None:
    """Fill in the versions that are installed."""
    metadata = json.loads(file.read_text())
    for key, package in (("monai_version", "monai"), ("pytorch_version", "torch"), ("numpy_version", "numpy")):
        metadata[key] = _installed(package)
    metadata["required_packages_version"] = {
        package: _installed(package) for package in metadata["required_packages_version"]
    }
    file.write_text(json.dumps(metadata, indent=4) + "\n")


def _installed(package: str) -> str:
    """The version without the name of a build, such as ``+cpu``."""
    return importlib.metadata.version(package).partition("+")[0]
