# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of one input and one output as ONNX files."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from litemed.files import litemed_home, replacing

__all__ = ["cached_onnx", "export_onnx"]

_OPSET = 18
_VERSION = 1


def export_onnx(network: nn.Module, path: str | os.PathLike[str], input_shape: Sequence[int]) -> Path:
    """Write a network as an ONNX file of fixed input shape, weights included.

    Args:
        network: takes one tensor and gives one; in evaluation mode, on the CPU. Fuse what can be fused before.
        path: of the file.
        input_shape: of the network's input, with the batch.

    Returns:
        the path.

    Raises:
        ImportError: without the packages ``onnx`` and ``onnxscript``.
        ValueError: when the network is in training mode.
    """
    if network.training:
        raise ValueError("expected a network in evaluation mode: call .eval() before exporting it")
    target = Path(path)
    with replacing(target) as temporary, _quiet():
        torch.onnx.export(
            network,
            (torch.zeros(*input_shape),),
            temporary,
            input_names=["image"],
            output_names=["pred"],
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return target


def cached_onnx(
    network: nn.Module, input_shape: Sequence[int], cache_dir: str | os.PathLike[str] | None = None
) -> Path:
    """The ONNX file of a network, exported on first use.

    The file's name tells the layers, the weights and the input's shape, so that any change makes another file.

    Args:
        network: see :func:`export_onnx`.
        input_shape: see :func:`export_onnx`.
        cache_dir: folder of the files: by default ``$LITEMED_HOME/onnx``, else ``~/.cache/litemed/onnx``.

    Returns:
        path of the file.
    """
    folder = Path(cache_dir or litemed_home() / "onnx").expanduser()
    digest = hashlib.sha256(repr((_VERSION, _OPSET, torch.__version__, tuple(input_shape), str(network))).encode())
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
