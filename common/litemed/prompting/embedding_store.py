# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Image embeddings that trainings and evaluations share, on disk."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from litemed.files import replacing
from litemed.prompting.box_network import BoxNetwork

__all__ = ["EmbeddingStore", "KeptEmbeddings", "StoredEncoder", "encode_alike", "encoder_name", "prune_embeddings"]

_TOLERANCE = 0.02


class EmbeddingStore:
    """Embeddings of one image encoder by the content of the images, in half precision: 2 MiB each.

    Every flip of an image is an image of its own. The folder also keeps the embedding of a fixed picture, by which an
    encoder with other weights is known and refused.

    Args:
        folder: of the files; made when it isn't there.
        known: a network whose embeddings they are for sure; it isn't checked.
    """

    def __init__(self, folder: str | os.PathLike[str], known: BoxNetwork | None = None) -> None:
        self.folder = Path(folder)
        self._known = known

    def __call__(self, network: BoxNetwork, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of images; those not in the folder yet are computed, without gradients.

        Args:
            network: whose encoder it is, in evaluation mode, with weights that don't change.
            images: ``(B, 3, 256, 256)`` float32, values 0 to 1.

        Returns:
            ``(B, 256, 64, 64)`` float32 on the images' device.

        Raises:
            ValueError: when the folder's embeddings are of another encoder.
        """
        if network is not self._known:
            self._check(network, images.device)
            self._known = network
        files = [self.folder / f"{_content(image)}.pt" for image in images]
        missing = [index for index, file in enumerate(files) if not file.is_file()]
        if missing:
            for index, embedding in zip(missing, _encode(network, images[missing]), strict=True):
                _save(files[index], embedding)
        return torch.stack([_load(file, images.device) for file in files])

    def _check(self, network: BoxNetwork, device: torch.device) -> None:
        found, file = _reference(network, device), self.folder / "reference.pt"
        if not file.is_file():
            _save(file, found)
            return
        if not _alike(found, _load(file, device)):
            raise ValueError(f"the embeddings in {self.folder} are of another image encoder: give another folder")


class KeptEmbeddings:
    """The latest embeddings of one network by the content of the images, in memory, of 4 MiB each.

    Another network begins anew.

    Args:
        most: embeddings kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._network: BoxNetwork | None = None
        self._held: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, network: BoxNetwork, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of images, see `EmbeddingStore`."""
        with self._lock:
            if network is not self._network:
                self._network = network
                self._held.clear()
            return torch.cat([self._embedding(network, image) for image in images])

    def _embedding(self, network: BoxNetwork, image: torch.Tensor) -> torch.Tensor:
        key = _content(image)
        if key in self._held:
            self._held.move_to_end(key)
        else:
            with torch.inference_mode():
                self._held[key] = network.encode_image(image[None])
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return self._held[key]


class StoredEncoder:
    """A network whose images are embedded through a store; all else is the network's.

    Args:
        network: see `EmbeddingStore`.
        store: of its encoder's embeddings.
    """

    def __init__(self, network: BoxNetwork, store: EmbeddingStore | KeptEmbeddings) -> None:
        self.network = network
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """See `BoxNetwork`."""
        return self.store(self.network, image)


def _content(image: torch.Tensor) -> str:
    return hashlib.sha256(image.cpu().contiguous().numpy().tobytes()).hexdigest()


def encoder_name(network: BoxNetwork) -> str:
    """A name for a network's image encoder, by its weights, or by what it gives where these can't be seen."""
    encoder = getattr(network, "image_encoder", None)
    if isinstance(encoder, nn.Module):
        values = [value for _, value in sorted(encoder.state_dict().items())]
    else:
        values = [_reference(network, torch.device("cpu"))]
    digest = hashlib.sha256()
    for value in values:
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def prune_embeddings(folder: str | os.PathLike[str], most: int) -> None:
    """Delete the embeddings below a folder that were not used for longest, until they take at most so many bytes."""
    files = []
    for file in Path(folder).rglob("*.pt"):
        with suppress(FileNotFoundError):
            stat = file.stat()
            files.append((max(stat.st_atime, stat.st_mtime), stat.st_size, file))
    total = 0
    for _, size, file in sorted(files, reverse=True):
        total += size
        if total > most:
            file.unlink(missing_ok=True)


def encode_alike(first: BoxNetwork, second: BoxNetwork, device: torch.device) -> bool:
    """Whether two networks' encoders give a fixed picture the same embedding, but for what half precision rounds."""
    return _alike(_reference(first, device), _reference(second, device))


def _alike(found: torch.Tensor, kept: torch.Tensor) -> bool:
    return kept.shape == found.shape and bool((kept - found).norm() <= _TOLERANCE * kept.norm())


def _reference(network: BoxNetwork, device: torch.device) -> torch.Tensor:
    """The embedding of a fixed picture."""
    ramp = torch.linspace(0, 1, 256, device=device)
    picture = torch.stack([ramp.expand(256, 256), ramp.expand(256, 256).T, ramp.outer(ramp)])
    return _encode(network, picture[None])[0].float()


@torch.no_grad()
def _encode(network: BoxNetwork, images: torch.Tensor) -> torch.Tensor:
    return network.encode_image(images)


def _save(file: Path, embedding: torch.Tensor) -> None:
    with replacing(file) as temporary:
        torch.save(embedding.half().cpu().clone(), temporary)


def _load(file: Path, device: torch.device) -> torch.Tensor:
    return torch.load(file, map_location=device, weights_only=True).float()
