# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The trained networks in the pipeline give what the bundle's inference gives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import run as run_bundle
from monai.transforms import Compose
from tfnet import (
    BUNDLE_ROOT,
    FixedSizeInferer,
    FrameClassifier,
    RingDetector,
    TFNet,
    decode_rings,
    ring_window,
    stretch,
)
from tfnet.collab import Networks
from tfnet.collab.networks import _sampled, can_not_tell, reconsidered
from tfnet.collab.search import _look, find_rings
from tfnet.command import collab
from tfnet.resizing import FitPictured, UnitRanged, placement

SIZES = {"classifier_size": (48, 48), "detector_size": (64, 48), "crop_size": (64, 64)}


@pytest.fixture
def networks() -> tuple[FrameClassifier, RingDetector, TFNet]:
    torch.manual_seed(0)
    return FrameClassifier(in_channels=1), RingDetector(in_channels=1), TFNet()


@pytest.fixture
def weights(networks: tuple[torch.nn.Module, ...], tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    for network, name in zip(networks, ("model_classifier.pt", "model_detector.pt", "model.pt"), strict=True):
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
                torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        torch.save(network.eval().state_dict(), folder / name)
    return folder


@pytest.fixture
def frame() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16), dtype=np.uint8)
    return np.kron(coarse, np.ones((8, 8), dtype=np.uint8))


def _tensor(image: np.ndarray, channels: int) -> torch.Tensor:
    return torch.from_numpy(image.T.copy()).float()[None, None].expand(1, channels, -1, -1) / 255


@torch.inference_mode()
def test_results_equal_those_of_the_bundles_own_preparation(
    networks: tuple[FrameClassifier, RingDetector, TFNet], weights: Path, frame: np.ndarray
) -> None:
    models = Networks(weights, runtime="torch", presence=0.0, opinion=0.0, **SIZES)
    classifier, detector, segmenter = networks
    _, presence = decode_rings(detector(stretch(_tensor(frame, 1), (64, 48))), (128, 96))
    rings, expected = models.detect(frame), find_rings(detector, frame, (64, 48), presence=0.0)
    assert rings is not None
    assert expected is not None
    assert rings.boxes == pytest.approx(expected.boxes, abs=0.2)
    assert rings.score == pytest.approx(float(presence[0]), abs=5e-3)
    x0, y0, x1, y1 = ring_window(rings.boxes[2], 128, 96)
    window = stretch(_tensor(frame[y0:y1, x0:x1], 1), (48, 48))
    assert models.classify(frame) == pytest.approx(classifier(window)[0].softmax(0).numpy(), abs=5e-3)
    crop = frame[10:90, 20:70]
    logits = FixedSizeInferer((64, 64))(_tensor(crop, 3), segmenter)
    mask = (logits[0, 1] > logits[0, 0]).numpy().T
    assert models.segment(crop).shape == (80, 50)
    assert (models.segment(crop) == mask).mean() > 0.99


def test_rings_of_a_portrait_frame_are_in_its_own_pixels(weights: Path, frame: np.ndarray) -> None:
    models = Networks(weights, runtime="torch", presence=0.0, **SIZES)
    bars = np.zeros((96, 128), dtype=np.uint8)
    portrait = np.ascontiguousarray(frame[:, 28:100])
    bars[:, 28:100] = portrait
    rings, others = models.detect(portrait), models.detect(bars)
    assert rings is not None
    assert others is not None
    assert rings.boxes + np.asarray([28, 0, 28, 0]) == pytest.approx(others.boxes, abs=0.3)


@torch.inference_mode()
@pytest.mark.parametrize("columns", [(0, 128), (28, 100)])
def test_the_first_look_is_that_of_the_detectors_training(
    columns: tuple[int, int], networks: tuple[FrameClassifier, RingDetector, TFNet], weights: Path, frame: np.ndarray
) -> None:
    frame = np.ascontiguousarray(frame[:, slice(*columns)])
    height, width = frame.shape
    item = {"image": _tensor(frame, 1)[0] * 255, "boxes": None}
    prepared = Compose([UnitRanged("image", grey=True), FitPictured("image", (64, 48))])(item)["image"]
    inner_width, inner_height, left, top = placement(width, height, (64, 48))
    boxes, presence = decode_rings(networks[1](torch.as_tensor(prepared)[None]), (64, 48))
    expected = (boxes[0].numpy() - [left, top] * 2) * ([width / inner_width, height / inner_height] * 2)
    found, probability = _look(networks[1], frame, (0, 0, width, height), (64, 48))
    assert found == pytest.approx(expected, abs=0.3)
    assert probability == pytest.approx(float(presence[0]), abs=5e-3)


@torch.inference_mode()
def test_without_rings_the_middle_of_the_frame_is_classified(
    networks: tuple[FrameClassifier, RingDetector, TFNet], weights: Path, frame: np.ndarray
) -> None:
    models = Networks(weights, runtime="torch", presence=1.0, **SIZES)
    assert models.detect(frame) is None
    assert models.evidence(frame) is None
    middle = _tensor(frame[24:72, 40:88], 1)
    assert models.classify(frame) == pytest.approx(networks[0](middle)[0].softmax(0).numpy(), abs=5e-3)


@torch.inference_mode()
def test_where_clear_and_broken_are_alike_tfnet_is_asked_once(
    weights: Path, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, asking = (Networks(weights, runtime="torch", presence=0.0, opinion=opinion, **SIZES) for opinion in (0, 2))
    rings = plain.detect(frame)
    assert rings is not None
    x0, y0, x1, y1 = rings.crop_box(*frame.shape) or (0, 0, 0, 0)
    asked, segmenter = [], asking._segmenter
    monkeypatch.setattr(asking, "_segmenter", lambda tensor: asked.append(tensor) or segmenter(tensor))
    for sure, odds in ((True, [9.0, 0.0, 1.0, 0.0]), (False, [0.5, 0.1, 0.3, 0.1]), (True, [0.3, 0.5, 0.1, 0.1])):
        scores = torch.log(torch.tensor([odds]) + 1e-9)
        for models in (plain, asking):
            monkeypatch.setattr(models, "_classifier", lambda _, scores=scores: scores)
        expected = plain.classify(frame)
        assert can_not_tell(expected) != sure
        if not sure:
            evidence = plain.evidence(frame)
            assert evidence is not None
            opinion = 2 * evidence
            expected = reconsidered(expected, opinion)
            assert expected.sum() == pytest.approx(1)
            assert np.log(expected[2] / expected[0]) == pytest.approx(np.log(0.3 / 0.5) + opinion, abs=1e-3)
        assert asking.classify(frame) == pytest.approx(expected, abs=1e-5)
    mask = asking.segment(frame[y0:y1, x0:x1])
    assert len(asked) == 1
    assert (mask == plain.segment(frame[y0:y1, x0:x1])).all()


def test_a_frame_is_searched_once(weights: Path, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Networks(weights, runtime="torch", presence=0.0, **SIZES)
    searched = []
    monkeypatch.setattr("tfnet.collab.networks.find_rings", lambda _, each, *settings: searched.append(each))
    other = frame.copy()
    for each in (frame, other, frame):
        models.classify(each)
        models.detect(each)
    assert [each is frame for each in searched] == [True, False]


@pytest.mark.parametrize("shape", [(48, 64), (150, 97), (20, 31), (1, 1)])
def test_evidence_is_sampled_as_torch_does(shape: tuple[int, int]) -> None:
    evidence = torch.randn(48, 64, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.interpolate(evidence[None, None], size=shape, mode="bilinear", align_corners=False)
    assert _sampled(evidence.numpy(), shape) == pytest.approx(expected[0, 0].numpy(), abs=1e-4)


def test_identity_tells_weights_and_settings_apart(weights: Path) -> None:
    def identity(**settings: float) -> str:
        return Networks(weights, runtime="torch", **SIZES, **settings).identity  # type: ignore[arg-type]

    assert identity() == identity()
    assert identity(presence=0.4) != identity()
    assert identity(opinion=0.0) != identity()
    before = identity()
    torch.save(TFNet().state_dict(), weights / "model.pt")
    assert identity() != before


def test_weights_that_lack_or_do_not_fit_are_named(weights: Path) -> None:
    torch.save(TFNet("mini1").state_dict(), weights / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt: expected weights of TFNet mini0, found TFNet mini1"):
        Networks(weights, runtime="torch", **SIZES)
    (weights / "model_detector.pt").unlink()
    with pytest.raises(ValueError, match=r"model_detector\.pt: expected a state dictionary, found no such file"):
        Networks(weights, runtime="torch", **SIZES)


def test_command_line(
    weights: Path, tmp_path: Path, write: Callable[..., Path], frame: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    video = write(tmp_path / "clip.mp4", [frame, frame])
    collab(str(video), str(tmp_path / "out"), models_dir=str(weights), runtime="torch")
    assert re.search(r"2 frames in .*s\nLook at:  .*report\.html", capsys.readouterr().out)
    with pytest.raises((OSError, ValueError), match=r"video .*gone\.mp4 doesn't exist"):
        collab(str(tmp_path / "gone.mp4"), str(tmp_path / "out"), models_dir=str(weights), runtime="torch")
    with pytest.raises(ValueError, match=r"model_classifier\.pt: expected .* no such file"):
        collab(str(video), str(tmp_path / "out"), models_dir=str(tmp_path))


def test_configuration(weights: Path, tmp_path: Path, write: Callable[..., Path], frame: np.ndarray) -> None:
    video = write(tmp_path / "clip.mp4", [frame, frame])
    run_bundle(
        config_file=f"{BUNDLE_ROOT}/configs/collab.json",
        video=str(video),
        output_dir=str(tmp_path / "out"),
        models_dir=str(weights),
        runtime="torch",
        gate=False,
        **{name: list(size) for name, size in SIZES.items()},
    )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["recording"]["frames"], report["options"]["gate"]) == (2, False)
