# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The bundle's three networks as the models of the pipeline."""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from litemed.deploy.runtimes import available_runtimes, deploy
from litemed.networks.reparam import fuse
from litemed.training.checkpoints import load_checkpoint
from torch import nn

from tfnet.classifier import CLASSES, FrameClassifier
from tfnet.collab.rings import Rings
from tfnet.collab.search import as_input, find_rings, resized
from tfnet.detector import RingDetector, ring_window
from tfnet.network import TFNet

__all__ = ["OPINION", "Networks", "can_not_tell", "reconsidered"]

OPINION = 0.5
"""Weight of TF-Net's evidence; chosen on frames and films of validation devices, see ``docs/results.md``."""

Network = Callable[[torch.Tensor], torch.Tensor]
Size = Sequence[int]


class Networks:
    """Frame classifier, ring detector and TF-Net with trained weights, fused, on the CPU.

    The detector sees the frame in grey, twice where need be (:func:`tfnet.collab.search.find_rings`). The
    classifier sees the outside box in grey, or the middle of a frame without rings (:func:`tfnet.ring_window`), and
    TF-Net the crop, both stretched to their size. Where the classifier can't tell clear from broken, TF-Net is asked.

    Args:
        models_dir: folder of ``model_classifier.pt``, ``model_detector.pt`` and ``model.pt``.
        classifier: the network of grey frames for ``model_classifier.pt``; by default as it is shipped.
        detector: the network of grey frames for ``model_detector.pt``; by default as it is shipped.
        segmenter: the network for ``model.pt``; by default TF-Net mini0.
        classifier_size: width and height that the classifier was trained at, in pixels.
        detector_size: width and height that the detector was trained at.
        crop_size: width and height that the segmenter was trained at.
        presence: lowest probability of rings at which they count as found.
        opinion: weight of TF-Net's evidence where the classifier can't tell clear from broken; 0 never asks.
        runtime: see :func:`litemed.deploy.deploy`.
        precision: see there.
        threads: see there.

    Attributes:
        weights: the SHA-256 of each file of weights, by name.
        workers: how many frames it takes at once, each from a thread of its own: with an exported runtime one more than
            there are threads, at most five, since one is often between two networks. Frames that run side by side on a
            thread each wait less for one another than the threads of one frame.

    Raises:
        FileNotFoundError: when a file of weights is missing.
        ValueError: when weights don't fit their network.
    """

    def __init__(
        self,
        models_dir: str | os.PathLike[str],
        classifier: nn.Module | None = None,
        detector: nn.Module | None = None,
        segmenter: nn.Module | None = None,
        classifier_size: Size = (256, 256),
        detector_size: Size = (320, 240),
        crop_size: Size = (256, 256),
        presence: float = 0.5,
        opinion: float = OPINION,
        runtime: str = "auto",
        precision: str = "f32",
        threads: int | None = None,
    ) -> None:
        folder = Path(models_dir)
        digest = hashlib.sha256()
        self.weights: dict[str, str] = {}
        chosen = available_runtimes()[0] if runtime == "auto" else runtime
        streams = 1 if chosen == "torch" else min(threads or os.cpu_count() or 1, _MOST_STREAMS)
        self.workers = 1 if chosen == "torch" else streams + 1

        def ready(network: nn.Module, name: str, channels: int, size: Size) -> Network:
            load_checkpoint(network, folder / name)
            content = (folder / name).read_bytes()
            digest.update(content)
            self.weights[name] = hashlib.sha256(content).hexdigest()
            network = fuse(network.eval())
            shape = (1, channels, *size)
            return deploy(network, shape, runtime=chosen, precision=precision, threads=threads, streams=streams)

        self.classifier_size = tuple(classifier_size)
        self.detector_size = tuple(detector_size)
        self.crop_size = tuple(crop_size)
        self.presence = presence
        self.opinion = opinion
        self._searched: dict[int, tuple[weakref.ref[np.ndarray], Rings | None]] = {}
        self._segmented: dict[bytes, np.ndarray] = {}
        self._lock = threading.Lock()
        classifier = classifier or FrameClassifier(in_channels=1)
        detector = detector or RingDetector(in_channels=1)
        self._classifier = ready(classifier, "model_classifier.pt", 1, self.classifier_size)
        self._detector = ready(detector, "model_detector.pt", 1, self.detector_size)
        self._segmenter = ready(segmenter or TFNet(), "model.pt", 3, self.crop_size)
        sizes = ", ".join(f"{w}x{h}" for w, h in (self.classifier_size, self.detector_size, self.crop_size))
        settings = f"presence {presence:g}, opinion {opinion:g}, {chosen} {precision}"
        self.identity = f"weights {digest.hexdigest()[:16]} at {sizes}, {settings}"

    def classify(self, frame: np.ndarray) -> np.ndarray:
        """Probabilities ``(4,)`` of clear, closed, broken and blur.

        TF-Net sees a beginning break-up that the classifier misses. So where the odds between clear and broken are
        below e squared, its `evidence` counts too.
        """
        rings = self.detect(frame)
        x0, y0, x1, y1 = ring_window(None if rings is None else rings.boxes[-1].tolist(), *frame.shape[::-1])
        window = np.ascontiguousarray(frame[y0:y1, x0:x1])
        probabilities = self._classifier(as_input(resized(window, self.classifier_size)))[0].softmax(dim=0).numpy()
        evidence = self.evidence(frame) if self.opinion and can_not_tell(probabilities) else None
        if evidence is not None:
            probabilities = reconsidered(probabilities, self.opinion * evidence)
        return probabilities

    def detect(self, frame: np.ndarray) -> Rings | None:
        """The rings in a frame, or None where there are none. An array is searched once, however often it is given."""
        key = id(frame)
        known = self._searched.get(key)
        if known is None or known[0]() is not frame:
            known = (
                weakref.ref(frame, lambda _: self._searched.pop(key, None)),
                find_rings(self._detector, frame, self.detector_size, self.presence),
            )
            self._searched[key] = known
        return known[1]

    def segment(self, crop: np.ndarray) -> np.ndarray:
        """Mask of break-up, bool, of a crop."""
        # sampled, not smoothed, as in the bundle's inference
        return _sampled(self._break_up(crop), crop.shape) > 0

    def evidence(self, frame: np.ndarray) -> float | None:
        """Mean logit of break-up of the likeliest pixels, a hundred at TF-Net's size; None where there are no rings."""
        rings = self.detect(frame)
        box = None if rings is None else rings.crop_box(*frame.shape)
        if box is None:
            return None
        x0, y0, x1, y1 = box
        logits = self._break_up(np.ascontiguousarray(frame[y0:y1, x0:x1]))
        return float(np.partition(logits, -_LIKELIEST, axis=None)[-_LIKELIEST:].mean())

    def _break_up(self, crop: np.ndarray) -> np.ndarray:
        """Logits of break-up ``(H, W)`` at TF-Net's size; those of the last crops aren't computed again."""
        seen = resized(crop, self.crop_size)
        key = seen.tobytes()
        logits = self._segmented.get(key)
        if logits is None:
            both = self._segmenter(as_input(seen, channels=3))[0].numpy()
            logits = (both[1] - both[0]).T
            with self._lock:
                self._segmented[key] = logits
                while len(self._segmented) > _KEPT:
                    self._segmented.pop(next(iter(self._segmented)))
        return logits


def can_not_tell(probabilities: np.ndarray) -> bool:
    """Whether one of clear and broken is likeliest, but by odds below e squared.

    Args:
        probabilities: ``(4,)`` of the classes.
    """
    one, other = sorted((float(probabilities[_CLEAR]), float(probabilities[_BROKEN])))
    return other == probabilities.max() and other < np.exp(2) * one


def reconsidered(probabilities: np.ndarray, opinion: float) -> np.ndarray:
    """Probabilities of the classes when the logarithm of the odds of broken against clear is changed.

    Args:
        probabilities: ``(4,)`` of the classes, those of clear and broken above 0.
        opinion: what is added.
    """
    clear, broken = float(probabilities[_CLEAR]), float(probabilities[_BROKEN])
    share = 1 / (1 + clear / broken * np.exp(-opinion))
    changed = probabilities.copy()
    changed[_BROKEN], changed[_CLEAR] = (clear + broken) * share, (clear + broken) * (1 - share)
    return changed


_CLEAR, _BROKEN = CLASSES.index("clear"), CLASSES.index("broken")
_LIKELIEST = 100
_KEPT = 32  # crops: more than are between their class and their mask
_MOST_STREAMS = 4


def _sampled(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Values ``(H, W)`` at another size, bilinear between the centres of pixels.

    It is ``torch.nn.functional.interpolate`` without corners aligned, on the caller's thread alone: frames run side by
    side, and threads that torch adds to each of them would only wait for one another.
    """
    for axis, (old, new) in enumerate(zip(values.shape, shape, strict=True)):
        places = np.maximum((np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(old / new) - 0.5, 0)
        first = places.astype(np.intp)
        second = np.minimum(first + 1, old - 1)
        share = (places - first).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        values = values.take(first, axis) * (1 - share) + values.take(second, axis) * share
    return values
