# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One call for all runtimes: a network in, a callable from tensors to tensors out."""

from __future__ import annotations

import functools
import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from litemed.deploy.onnx import Shapes, as_shapes, cached_onnx

__all__ = ["RUNTIMES", "available_runtimes", "choose_runtime", "deploy", "openvino_core", "run_openvino"]

RUNTIMES = ("openvino", "onnxruntime", "torch")
"""Fastest first, on a CPU."""

PRECISIONS = ("f32", "bf16")


def available_runtimes() -> list[str]:
    """The installed runtimes, fastest first. Those but torch need ``onnx`` and ``onnxscript`` to export."""
    exports = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript"))
    return [name for name in RUNTIMES if name == "torch" or (exports and importlib.util.find_spec(name))]


def choose_runtime(runtime: str = "auto", precision: str = "f32") -> str:
    """The runtime that a name stands for, after checking that it is there and has the precision.

    Args:
        runtime: see :func:`deploy`.
        precision: see :func:`deploy`.

    Raises:
        ImportError: when the runtime isn't installed.
        ValueError: for another runtime or precision.
    """
    if runtime not in (*RUNTIMES, "auto"):
        raise ValueError(f"expected a runtime among auto, {', '.join(RUNTIMES)}, got {runtime!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"expected a precision among {', '.join(PRECISIONS)}, got {precision!r}")
    installed = available_runtimes()
    chosen = installed[0] if runtime == "auto" else runtime
    if chosen not in installed:
        raise ImportError(f"runtime {chosen} isn't installed: pip install onnx onnxscript {chosen}")
    if chosen != "openvino" and precision != "f32":
        raise ValueError(f"precision {precision} needs the runtime openvino, got {chosen}")
    return chosen


def deploy(
    network: nn.Module,
    input_shape: Shapes,
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    streams: int = 1,
) -> Callable[..., Any]:
    """Make a network ready for inference on the CPU.

    Args:
        network: takes tensors and gives one or several; in evaluation mode. Fuse what can be fused before.
        input_shape: of its input, with the batch; a list of shapes for several inputs.
        runtime: ``openvino``, ``onnxruntime``, ``torch``, or ``auto`` for the fastest that is installed.
        precision: of OpenVINO's arithmetic: ``f32``, or ``bf16`` where the processor has it. It is always asked for,
            since OpenVINO would take bf16 by itself, whose errors reach several percent.
        threads: of the exported runtimes; all cores by default. Torch's are set by ``torch.set_num_threads``.
        cache_dir: folder of exported files, see :func:`cached_onnx`.
        streams: how many calls run at once, from as many threads of the caller; they share ``threads``. Several
            streams of one thread get through more pictures than one stream of several, each picture taking longer.

    Returns:
        a function from float32 tensors of ``input_shape`` to the network's output, a tuple where there are several,
        which any thread may call. It raises ValueError for another shape.

    Raises:
        ImportError: when the runtime isn't installed.
        ValueError: for another runtime or precision, or a network in training mode.
    """
    chosen = choose_runtime(runtime, precision)
    if network.training:
        raise ValueError("expected a network in evaluation mode: call .eval() before deploying it")
    if chosen == "torch":
        run = _torch(network)
    else:
        path = cached_onnx(network, input_shape, cache_dir)
        total = threads or os.cpu_count() or 1
        if chosen == "openvino":
            run = run_openvino(path, precision, max(total, streams), streams)
        else:
            run = _onnxruntime(path, max(1, total // streams))
    expected = as_shapes(input_shape)

    def checked(*tensors: torch.Tensor) -> Any:
        found = [tuple(tensor.shape) for tensor in tensors]
        if found != expected:
            raise ValueError(f"expected an input of shape {_listed(expected)}, got {_listed(found)}")
        return run(*tensors)

    return checked


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _torch(network: nn.Module) -> Callable[..., Any]:
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(*tensors: torch.Tensor) -> Any:
        laid = [each.to(memory_format=torch.channels_last) if each.ndim == 4 else each for each in tensors]
        return network(*laid)

    return run


def _onnxruntime(path: Path, threads: int) -> Callable[..., Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    names = [each.name for each in session.get_inputs()]

    def run(*tensors: torch.Tensor) -> Any:
        given = {name: each.contiguous().numpy() for name, each in zip(names, tensors, strict=True)}
        return _as_tensors(session.run(None, given))

    return run


@functools.cache
def openvino_core() -> Any:
    """OpenVINO's core, one for the whole process.

    A core gives the thread that opens it a signal stack, and gives back the one before when it is closed. Where the
    first of two cores is closed first, the one before is gone: the next signal, such as Ctrl-C, would end the process
    by a segmentation fault.

    Raises:
        ImportError: when OpenVINO isn't installed.
    """
    import openvino

    return openvino.Core()


def run_openvino(path: Path, precision: str, threads: int, streams: int = 1) -> Callable[..., Any]:
    """An ONNX file as :func:`deploy` runs it in OpenVINO, see there; shapes aren't checked."""
    import openvino

    core = openvino_core()
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bf16" and "BF16" not in capabilities:
        raise ValueError(f"this processor has no bf16 arithmetic, only {', '.join(capabilities)}")
    settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
    # pinned, threads of several networks would meet on one core while others are idle
    settings |= {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": streams, "ENABLE_CPU_PINNING": False}
    compiled = core.compile_model(core.read_model(str(path)), "CPU", settings)
    # the first array that becomes a tensor sets the binding up: two threads at once would wait for each other for ever
    _ = openvino.Tensor(np.zeros(1, dtype=np.float32)).data
    of_thread = threading.local()

    def run(*tensors: torch.Tensor) -> Any:
        if not hasattr(of_thread, "request"):
            of_thread.request = compiled.create_infer_request()
        # copies go in, since the runtime may write into its inputs, and copies come out
        outputs = of_thread.request.infer([each.contiguous().numpy() for each in tensors])
        return _as_tensors([outputs[place] for place in range(len(outputs))])

    return run


def _as_tensors(arrays: Sequence[np.ndarray]) -> Any:
    """One tensor, or a tuple of several."""
    tensors = tuple(torch.from_numpy(array) for array in arrays)
    return tensors[0] if len(tensors) == 1 else tensors
