# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Box-prompted networks of the MedSAM-lite family as two exported graphs, one run an image and one run a box."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch

from litemed.deploy.runtimes import choose_runtime, deploy
from litemed.networks.mask_decoder import SharedImage
from litemed.networks.medsam_lite import EMBEDDING_SHAPE, IMAGE_SIZE, ImageSide, MedSAMLite, PromptSide

__all__ = ["BoxDeployment", "ExportedBoxNetwork", "deploy_boxes"]


class ExportedBoxNetwork:
    """A network whose encoder and mask decoder run in an exported runtime; all else is the network's own.

    It stands in for the network wherever boxes are decoded (`litemed.prompting.BoxNetwork`): `litemed.prompting`,
    `litemed.prompting.segment_objects`. The first graph embeds an image. What its boxes share is small work and stays
    in PyTorch, so a network may add to it, such as a class. The second graph decodes one box: several at a time gain
    nothing on a CPU, and take memory.

    Both are exported at their first use, so that bad input is told before.

    Args:
        network: in evaluation mode, on the CPU, its batch normalisations folded (`MedSAMLite.fuse`).
        runtime: ``openvino`` or ``onnxruntime``, see `litemed.deploy.deploy`.
        precision: see there.
        threads: see there.
        cache_dir: see there.
    """

    def __init__(
        self,
        network: MedSAMLite,
        runtime: str,
        precision: str = "f32",
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.network = network
        self._options = (runtime, precision, threads, cache_dir)

    @cached_property
    def _image_side(self) -> Callable[..., Any]:
        return deploy(ImageSide(self.network).eval(), (1, 3, IMAGE_SIZE, IMAGE_SIZE), *self._options)

    @cached_property
    def _prompt_side(self) -> Callable[..., Any]:
        with torch.inference_mode():
            shared = PromptSide.shared(self.network.share(torch.zeros(1, *EMBEDDING_SHAPE)))
        shapes = [*(tuple(each.shape) for each in shared), (1, 4)]
        return deploy(PromptSide(self.network).eval(), shapes, *self._options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """See `MedSAMLite.encode_image`; one image at a time."""
        return self._image_side(image)

    def decode(
        self,
        embedding: torch.Tensor,
        boxes: torch.Tensor | None = None,
        points: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        masks: torch.Tensor | None = None,
        **options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Masks and predicted IoU of prompts on one embedding, as `MedSAMLite.decode`; other prompts than boxes are
        decoded in PyTorch. Options are those of ``share``."""
        with torch.inference_mode():
            if boxes is None or points is not None or masks is not None:
                return self.network.decode(embedding, boxes, points, labels, masks, **options)
            shared = self.network.share(embedding, **options)
        return self.decode_shared(shared, boxes)

    def decode_shared(self, shared: SharedImage, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`decode` of what ``share`` gave."""
        common = PromptSide.shared(shared)
        logits, iou = zip(*(self._prompt_side(*common, box) for box in boxes.float().split(1)), strict=True)
        return torch.cat(logits), torch.cat(iou)


def deploy_boxes(
    network: Any,
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Any:
    """Make a box-prompted network ready for inference.

    The first use of some weights exports them, which takes a while; the files are kept (`cached_onnx`).

    Args:
        network: a `MedSAMLite` in evaluation mode.
        runtime: ``openvino``, ``onnxruntime``, ``torch``, or ``auto`` for the fastest that is installed. A network on a
            GPU stays in PyTorch by ``auto``, and so does one that isn't a `MedSAMLite`, unchanged.
        precision: see `litemed.deploy.deploy`.
        threads: of the exported runtimes; by default as many as PyTorch uses.
        cache_dir: see `litemed.deploy.deploy`.

    Returns:
        a `litemed.prompting.BoxNetwork` with equal answers: in f32 logits of the masks differ by less than 1e-3.

    Raises:
        ImportError: when the runtime isn't installed.
        ValueError: for another runtime, or another network or device than the runtime can take.
    """
    if not isinstance(network, MedSAMLite):
        if runtime in ("auto", "torch"):
            return network
        raise ValueError(f"expected a network of the MedSAM-lite family for {runtime}, got {type(network).__name__}")
    device = next(network.parameters()).device.type
    chosen = choose_runtime("torch" if runtime == "auto" and device != "cpu" else runtime, precision)
    if chosen != "torch" and device != "cpu":
        raise ValueError(f"runtime {chosen} is for networks on the CPU, got one on {device}")
    with torch.inference_mode(False):  # whose tensors can't be exported
        fused = network.fuse()
    if chosen == "torch":
        return fused
    return ExportedBoxNetwork(fused, chosen, precision, threads or torch.get_num_threads(), cache_dir)


class BoxDeployment:
    """`deploy_boxes` for an engine, whose network gets its weights after it was built.

    A call with a network gives what `deploy_boxes` made of it, anew only when its weights have changed.

    Args:
        runtime: see `deploy_boxes`.
        precision: see `deploy_boxes`.
        threads: see `deploy_boxes`.
        cache_dir: see `deploy_boxes`.
    """

    def __init__(
        self,
        runtime: str = "auto",
        precision: str = "f32",
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.options = (runtime, precision, threads, cache_dir)
        self._source: Any = None
        self._versions: list[int] = []
        self._deployed: Any = None

    def __call__(self, network: Any) -> Any:
        """The network, deployed."""
        weights = network.state_dict(keep_vars=True).values() if isinstance(network, MedSAMLite) else ()
        versions = [each._version for each in weights]
        if network is not self._source or versions != self._versions:
            self._deployed = deploy_boxes(network, *self.options)
            self._source, self._versions = network, versions
        return self._deployed
