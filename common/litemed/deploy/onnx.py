# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of fixed input shapes as ONNX files."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from litemed.files import litemed_home, replacing

__all__ = ["Shapes", "as_shapes", "cached_onnx", "export_onnx"]

Shapes = Sequence[int] | Sequence[Sequence[int]]
"""Shape of a network's input with the batch, or those of its inputs."""

_OPSET = 18
_VERSION = 2


def as_shapes(shapes: Shapes) -> list[tuple[int, ...]]:
    """The shapes of all inputs, one of a single input included."""
    several = [shapes] if all(isinstance(length, int) for length in shapes) else shapes
    return [tuple(shape) for shape in cast("Sequence[Sequence[int]]", several)]


def export_onnx(network: nn.Module, path: str | os.PathLike[str], input_shape: Shapes) -> Path:
    """Write a network as an ONNX file of fixed input shapes, weights included.

    Args:
        network: takes tensors and gives one or several; in evaluation mode, on the CPU. Fuse what can be fused before.
        path: of the file.
        input_shape: of the network's input, with the batch; a list of shapes for several inputs.

    Returns:
        the path.

    Raises:
        ImportError: without the packages ``onnx`` and ``onnxscript``.
        ValueError: when the network is in training mode.
    """
    if network.training:
        raise ValueError("expected a network in evaluation mode: call .eval() before exporting it")
    target = Path(path)
    # the fused kernels' strides are those of this processor, which the exporter can't take over
    with replacing(target) as temporary, _quiet(), sdpa_kernel(SDPBackend.MATH), torch.inference_mode(False):
        torch.onnx.export(
            network,
            tuple(torch.zeros(shape) for shape in as_shapes(input_shape)),
            temporary,
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return target


def cached_onnx(network: nn.Module, input_shape: Shapes, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The ONNX file of a network, exported on first use.

    The file's name tells the layers, the weights and the inputs' shapes, so that any change makes another file.

    Args:
        network: see :func:`export_onnx`.
        input_shape: see :func:`export_onnx`.
        cache_dir: folder of the files: by default ``$LITEMED_HOME/onnx``, else ``~/.cache/litemed/onnx``.

    Returns:
        path of the file.
    """
    folder = Path(cache_dir or litemed_home() / "onnx").expanduser()
    digest = hashlib.sha256(repr((_VERSION, _OPSET, torch.__version__, as_shapes(input_shape), str(network))).encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    path = folder / f"{type(network).__name__.lower()}-{digest.hexdigest()[:16]}.onnx"
    return path if path.exists() else export_onnx(network, path, input_shape)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress and its warnings about optional packages to itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
