# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import swiftmedsam.__main__ as command
from litemed.command_line import run_command
from litemed.training.checkpoints import save_checkpoint
from PIL import Image
from swiftmedsam import SwiftMedSAM


def _run(*arguments: Any) -> None:
    run_command(command.main, "swiftmedsam", list(map(str, arguments)))


def _picture(folder: Path) -> Path:
    picture = np.full((60, 90), 20, np.uint8)
    picture[5:25, 10:40] = picture[35:55, 50:80] = 220
    Image.fromarray(picture).save(folder / "case.png")
    return folder / "case.png"


@pytest.mark.parametrize("boxes", ["10,5,39,24; 50,35,79,54", "[[10,5,39,24],[50,35,79,54]]"])
def test_a_picture_with_boxes(
    tmp_path: Path, bright: type, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], boxes: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(command, "load_network", lambda path, variant: asked.append((path, variant)) or bright("lite"))
    monkeypatch.setattr(command, "deploy_boxes", lambda network, runtime: asked.append(runtime) or network)
    _run(_picture(tmp_path), "--boxes", boxes, "--output_dir", tmp_path / "out", "--pixel_spacing", "0.5")
    report = json.loads(capsys.readouterr().out)
    assert [entry["predicted_iou"] for entry in report["objects"]] == [0.75, 0.75]
    assert report["objects"][0]["area_mm2"] == pytest.approx(600 * 0.25, rel=0.05)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "case_labels.png",
        "case_objects.json",
        "case_overlay.png",
    ]
    assert str(asked[0][0]).endswith("models/model.pt")
    assert asked[0][1] is None
    assert asked[1] == "torch"


def _nifti(folder: Path, shape: tuple[int, ...]) -> Path:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), folder / "scan.nii")
    return folder / "scan.nii"


def _archive(folder: Path, images: np.ndarray) -> Path:
    np.savez(folder / "2D_CT_a.npz", imgs=images, boxes=np.array([[1, 1, 5, 5]]))
    return folder / "2D_CT_a.npz"


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (_picture, ("--boxes", "200,5,220,24"), "expected a box inside 90x60"),
        (_picture, ("--boxes", "39,5,10,24"), "expected a box whose ends lie beyond its starts"),
        (_picture, ("--boxes", "10,5,nan,24"), "expected a box of finite numbers"),
        (_picture, ("--boxes", "10,5,1,39,24,3"), "expected boxes of 4 numbers"),
        (_picture, ("--boxes", "none.json"), "none.json doesn't exist"),
        (_picture, (), "case.png brings no boxes"),
        (_picture, ("--boxes", "10,5,39,24", "--runtime", "tensorrt"), "expected a runtime among auto"),
        (lambda folder: _nifti(folder, (8, 9, 7)), ("--boxes", "1,1,5,5"), "expected boxes of 6 numbers"),
        (lambda folder: _nifti(folder, (8, 9, 7, 2)), ("--boxes", "1,1,1,5,5,5"), "expected a 3D volume"),
        (lambda folder: _archive(folder, np.array([{}], dtype=object)), (), "pickled objects, which are never loaded"),
        (lambda folder: _archive(folder, np.zeros((3, 4, 5, 6, 7))), (), "expected numbers (H, W[, 3])"),
        (lambda folder: folder / "none.png", ("--boxes", "1,1,5,5"), "none.png doesn't exist"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path,
    bright: type,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    image: Any,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr(command, "load_network", lambda path, variant: SwiftMedSAM.__new__(SwiftMedSAM))
    monkeypatch.setattr(command, "deploy_boxes", _checked)
    with pytest.raises(SystemExit) as ended:
        _run(image(tmp_path), *arguments, "--output_dir", tmp_path / "out")
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("swiftmedsam: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def _checked(network: Any, runtime: str) -> Any:
    from litemed.deploy.runtimes import choose_runtime

    choose_runtime(runtime)
    return network


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "v2.pt"
    save_checkpoint(path, SwiftMedSAM("v2"))
    return path


@pytest.mark.parametrize(
    ("variant", "share", "message"),
    [
        ("v1", 1.0, "expected weights of SwiftMedSAM v1, found SwiftMedSAM v2"),
        ("v2", 0.5, "truncated"),
        ("v3", 1.0, "v3"),
    ],
)
def test_checkpoints_that_do_not_fit_are_told(
    tmp_path: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    variant: str,
    share: float,
    message: str,
) -> None:
    content = checkpoint.read_bytes()
    (tmp_path / "model.pt").write_bytes(content[: int(len(content) * share)])
    given = ("--boxes", "1,1,9,9", "--ckpt_path", tmp_path / "model.pt", "--variant", variant)
    with pytest.raises(SystemExit) as ended:
        _run(_picture(tmp_path), *given, "--output_dir", tmp_path / "out")
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("swiftmedsam: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_option_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _run(_picture(tmp_path), "--output_dir", tmp_path / "out", "--runtim", "torch")
    assert ended.value.code == 2
    assert "--runtim" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
