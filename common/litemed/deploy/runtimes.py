# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One call for all runtimes: a network in, a callable from tensor to tensor out."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from litemed.deploy.onnx import cached_onnx

__all__ = ["RUNTIMES", "available_runtimes", "deploy"]

RUNTIMES = ("openvino", "onnxruntime", "torch")
"""Fastest first, on a CPU."""

PRECISIONS = ("f32", "bf16")


def available_runtimes() -> list[str]:
    """The installed runtimes, fastest first. Those but torch need ``onnx`` and ``onnxscript`` to export."""
    exports = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript"))
    return [name for name in RUNTIMES if name == "torch" or (exports and importlib.util.find_spec(name))]


def deploy(
    network: nn.Module,
    input_shape: Sequence[int],
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    streams: int = 1,
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Make a network ready for inference on the CPU.

    Args:
        network: takes one tensor and gives one; in evaluation mode. Fuse what can be fused before.
        input_shape: of every input, with the batch.
        runtime: ``openvino``, ``onnxruntime``, ``torch``, or ``auto`` for the fastest that is installed.
        precision: of OpenVINO's arithmetic: ``f32``, or ``bf16`` where the processor has it. It is always asked for,
            since OpenVINO would take bf16 by itself, whose errors reach several percent.
        threads: of the exported runtimes; all cores by default. Torch's are set by ``torch.set_num_threads``.
        cache_dir: folder of exported files, see :func:`cached_onnx`.
        streams: how many calls run at once, from as many threads of the caller; they share ``threads``. Several
            streams of one thread get through more pictures than one stream of several, each picture taking longer.

    Returns:
        a function from float32 ``input_shape`` to the network's output, which any thread may call. It raises
        ValueError for another shape.

    Raises:
        ImportError: when the runtime isn't installed.
        ValueError: for another runtime or precision, or a network in training mode.
    """
    if runtime not in (*RUNTIMES, "auto"):
        raise ValueError(f"expected a runtime among auto, {', '.join(RUNTIMES)}, got {runtime!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"expected a precision among {', '.join(PRECISIONS)}, got {precision!r}")
    if network.training:
        raise ValueError("expected a network in evaluation mode: call .eval() before deploying it")
    installed = available_runtimes()
    chosen = installed[0] if runtime == "auto" else runtime
    if chosen not in installed:
        raise ImportError(f"runtime {chosen} isn't installed: pip install onnx onnxscript {chosen}")
    if chosen != "openvino" and precision != "f32":
        raise ValueError(f"precision {precision} needs the runtime openvino, got {chosen}")
    if chosen == "torch":
        run = _torch(network)
    else:
        path = cached_onnx(network, input_shape, cache_dir)
        total = threads or os.cpu_count() or 1
        if chosen == "openvino":
            run = _openvino(path, precision, max(total, streams), streams)
        else:
            run = _onnxruntime(path, max(1, total // streams))
    expected = tuple(input_shape)

    def checked(image: torch.Tensor) -> torch.Tensor:
        if tuple(image.shape) != expected:
            raise ValueError(f"expected an input of shape {expected}, got {tuple(image.shape)}")
        return run(image)

    return checked


def _torch(network: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(image: torch.Tensor) -> torch.Tensor:
        return network(image.to(memory_format=torch.channels_last) if image.ndim == 4 else image)

    return run


def _onnxruntime(path: Path, threads: int) -> Callable[[torch.Tensor], torch.Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(image: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {"image": image.contiguous().numpy()})[0])

    return run


def _openvino(path: Path, precision: str, threads: int, streams: int) -> Callable[[torch.Tensor], torch.Tensor]:
    import openvino

    core = openvino.Core()
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bf16" and "BF16" not in capabilities:
        raise ValueError(f"this processor has no bf16 arithmetic, only {', '.join(capabilities)}")
    settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
    settings |= {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": streams}
    compiled = core.compile_model(core.read_model(str(path)), "CPU", settings)
    of_thread = threading.local()

    def run(image: torch.Tensor) -> torch.Tensor:
        if not hasattr(of_thread, "request"):
            of_thread.request = compiled.create_infer_request()
        # a copy goes in, since the runtime may write into its input, and a copy comes out
        return torch.from_numpy(of_thread.request.infer([image.contiguous().numpy()])[0])

    return run
