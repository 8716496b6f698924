# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The bundle's three networks as the models of the pipeline."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from litemed.deploy import available_runtimes, deploy
from litemed.networks import fuse
from PIL import Image
from torch import nn
from torch.nn import functional as F

from tfnet.classifier import FrameClassifier
from tfnet.collab.rings import Rings
from tfnet.detector import RingDetector, decode_rings
from tfnet.network import TFNet

__all__ = ["Networks"]

Network = Callable[[torch.Tensor], torch.Tensor]
Size = Sequence[int]


class Networks:
    """Frame classifier, ring detector and TF-Net with trained weights, fused, on the CPU.

    Classifier and detector see the whole frame in grey, scaled down to their size; a frame of another aspect keeps it,
    between black bars. TF-Net sees the crop stretched to its size.

    Args:
        models_dir: folder of ``model_classifier.pt``, ``model_detector.pt`` and ``model.pt``.
        classifier: the network of grey frames for ``model_classifier.pt``; by default as it is shipped.
        detector: the network of grey frames for ``model_detector.pt``; by default as it is shipped.
        segmenter: the network for ``model.pt``; by default TF-Net mini0.
        classifier_size: width and height that the classifier was trained at, in pixels.
        detector_size: width and height that the detector was trained at.
        crop_size: width and height that the segmenter was trained at.
        presence: lowest probability of rings at which they count as found.
        runtime: see :func:`litemed.deploy.deploy`.
        precision: see there.
        threads: see there.

    Raises:
        FileNotFoundError: when a file of weights is missing.
        RuntimeError: when weights don't fit their network.
    """

    def __init__(
        self,
        models_dir: str | os.PathLike[str],
        classifier: nn.Module | None = None,
        detector: nn.Module | None = None,
        segmenter: nn.Module | None = None,
        classifier_size: Size = (512, 384),
        detector_size: Size = (320, 240),
        crop_size: Size = (512, 512),
        presence: float = 0.5,
        runtime: str = "auto",
        precision: str = "f32",
        threads: int | None = None,
    ) -> None:
        folder = Path(models_dir)
        digest = hashlib.sha256()

        def ready(network: nn.Module, name: str, channels: int, size: Size) -> Network:
            network = fuse(_load(network, folder / name, digest).eval())
            return deploy(network, (1, channels, *size), runtime=runtime, precision=precision, threads=threads)

        self.classifier_size = tuple(classifier_size)
        self.detector_size = tuple(detector_size)
        self.crop_size = tuple(crop_size)
        self.presence = presence
        classifier = classifier or FrameClassifier(in_channels=1)
        detector = detector or RingDetector(in_channels=1)
        self._classifier = ready(classifier, "model_classifier.pt", 1, self.classifier_size)
        self._detector = ready(detector, "model_detector.pt", 1, self.detector_size)
        self._segmenter = ready(segmenter or TFNet(), "model.pt", 3, self.crop_size)
        chosen = available_runtimes()[0] if runtime == "auto" else runtime
        sizes = ", ".join(f"{w}x{h}" for w, h in (self.classifier_size, self.detector_size, self.crop_size))
        self.identity = f"weights {digest.hexdigest()[:16]} at {sizes}, presence {presence:g}, {chosen} {precision}"

    def classify(self, frame: np.ndarray) -> np.ndarray:
        """Probabilities ``(4,)`` of clear, closed, broken and blur."""
        return self._classifier(_framed(frame, self.classifier_size))[0].softmax(dim=0).numpy()

    def detect(self, frame: np.ndarray) -> Rings | None:
        """The rings in a frame, or None where there are none."""
        boxes, presence = decode_rings(self._detector(_framed(frame, self.detector_size)), self.detector_size)
        if float(presence[0]) < self.presence:
            return None
        width, height, left, top = _placement(frame.shape, self.detector_size)
        factors = [frame.shape[1] / width, frame.shape[0] / height] * 2
        found = (boxes[0].double().numpy() - [left, top, left, top]) * factors
        if not np.isfinite(found).all() or (found[:, 2:] <= found[:, :2]).any():
            return None
        return Rings(found, float(presence[0]))

    def segment(self, crop: np.ndarray) -> np.ndarray:
        """Mask of break-up, bool, of a crop."""
        logits = self._segmenter(_as_input(_resized(crop, self.crop_size)).expand(-1, 3, -1, -1).contiguous())
        evidence = (logits[:, 1:] - logits[:, :1]).transpose(2, 3)
        # sampled, not smoothed, as in the bundle's inference
        return (F.interpolate(evidence, size=crop.shape, mode="bilinear", align_corners=False) > 0)[0, 0].numpy()


_BILINEAR = Image.Resampling.BILINEAR


def _placement(shape: Sequence[int], size: Size) -> tuple[int, int, int, int]:
    """Width, height, left and top, in pixels, of a frame ``(height, width)`` within a canvas of ``size``."""
    factor = min(size[0] / shape[1], size[1] / shape[0])
    width, height = max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor))
    return width, height, (size[0] - width) // 2, (size[1] - height) // 2


def _framed(frame: np.ndarray, size: Size) -> torch.Tensor:
    """A whole frame as input of ``size``."""
    width, height, left, top = _placement(frame.shape, size)
    scaled = _resized(frame, (width, height))
    if (width, height) == tuple(size):
        return _as_input(scaled)
    canvas = np.zeros((size[1], size[0]), dtype=np.uint8)
    canvas[top : top + height, left : left + width] = scaled
    return _as_input(canvas)


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    """Bilinear, smoothed where it shrinks."""
    if image.shape == (size[1], size[0]):
        return image
    return np.asarray(Image.fromarray(image).resize((size[0], size[1]), _BILINEAR))


def _as_input(image: np.ndarray) -> torch.Tensor:
    """``(1, 1, W, H)`` in [0, 1], axes as MONAI reads pictures, from uint8 ``(H, W)``."""
    return torch.from_numpy(np.ascontiguousarray(image.T)).float().div_(255)[None, None]


def _load(network: nn.Module, path: Path, digest: hashlib._Hash) -> nn.Module:
    if not path.is_file():
        raise FileNotFoundError(f"no weights {path}: train them, or give another --models_dir")
    digest.update(path.read_bytes())
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        network.load_state_dict(state.get("model", state), strict=True)
    except RuntimeError as error:
        raise RuntimeError(f"weights {path} don't fit {type(network).__name__}: {error}") from error
    return network
