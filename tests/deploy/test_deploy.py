# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Exported networks compute what they were exported from."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from litemed.deploy.onnx import cached_onnx, export_onnx
from litemed.deploy.runtimes import RUNTIMES, available_runtimes, deploy
from torch import nn

SHAPE = (1, 2, 8, 6)


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1)).eval()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One export for all tests: it is slow."""
    folder = tmp_path_factory.mktemp("onnx")
    cached_onnx(_network(), SHAPE, folder)
    return folder


@pytest.mark.parametrize("runtime", [*RUNTIMES, "auto"])
def test_every_runtime_gives_the_same(runtime: str, cache: Path) -> None:
    if runtime not in ("auto", *available_runtimes()):
        pytest.skip(f"{runtime} isn't installed")
    run = deploy(_network(), SHAPE, runtime, threads=1, cache_dir=cache)
    for seed in range(3):
        image = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
        before = image.clone()
        with torch.inference_mode():
            expected = _network()(image)
        assert torch.allclose(run(image), expected, rtol=1e-5, atol=1e-6)
        assert torch.equal(image, before)
    with pytest.raises(ValueError, match=r"expected an input of shape \(1, 2, 8, 6\), got \(1, 2, 8, 8\)"):
        run(torch.zeros(1, 2, 8, 8))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_threads_may_call_at_once(runtime: str, cache: Path) -> None:
    if runtime not in available_runtimes():
        pytest.skip(f"{runtime} isn't installed")
    run = deploy(_network(), SHAPE, runtime, threads=2, cache_dir=cache, streams=2)
    images = [torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)) for seed in range(40)]
    with torch.inference_mode():
        expected = [_network()(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(run, images))
    assert all(torch.allclose(*pair, rtol=1e-5, atol=1e-6) for pair in zip(outputs, expected, strict=True))


def test_a_signal_finds_the_process_alive_after_networks_were_closed(
    cache: Path, run_python: Callable[..., str]
) -> None:
    if "openvino" not in available_runtimes():
        pytest.skip("openvino isn't installed")
    code = f"""
import gc, signal
from pathlib import Path
from litemed.deploy.runtimes import run_openvino
path = Path({str(next(cache.glob("*.onnx")))!r})
first, second = run_openvino(path, "f32", 1), run_openvino(path, "f32", 1)
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGUSR1, lambda number, frame: print("told"))
signal.raise_signal(signal.SIGUSR1)
"""
    assert run_python("-c", code) == "told\n"


def test_a_network_is_exported_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported: list[tuple[int, ...]] = []
    monkeypatch.setattr(
        "litemed.deploy.onnx.export_onnx", lambda network, path, shape: exported.append(tuple(shape)) or path
    )
    first = cached_onnx(_network(), SHAPE, cache)
    assert first.is_file()
    assert exported == []
    other = _network()
    nn.init.zeros_(other[0].bias)
    assert len({first, cached_onnx(other, SHAPE, cache), cached_onnx(_network(), (1, 2, 8, 8), cache)}) == 3
    assert exported == [SHAPE, (1, 2, 8, 8)]


def test_what_can_not_be_deployed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="a runtime among auto, openvino, onnxruntime, torch, got 'tensorrt'"):
        deploy(_network(), SHAPE, "tensorrt")
    with pytest.raises(ValueError, match="a precision among f32, bf16, got 'int8'"):
        deploy(_network(), SHAPE, precision="int8")
    with pytest.raises(ValueError, match="needs the runtime openvino, got torch"):
        deploy(_network(), SHAPE, "torch", precision="bf16")
    with pytest.raises(ValueError, match="evaluation mode"):
        deploy(_network().train(), SHAPE)
    with pytest.raises(ValueError, match="evaluation mode"):
        export_onnx(_network().train(), cache / "other.onnx", SHAPE)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert available_runtimes() == ["torch"]
    with pytest.raises(ImportError, match="pip install onnx onnxscript openvino"):
        deploy(_network(), SHAPE, "openvino")
