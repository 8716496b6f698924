# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""An encoder of a quarter of LiteMedSAM's multiply-adds that gives LiteMedSAM's embeddings.

LiteMedSAM's encoder, at half the resolution: every stage costs a quarter. The embedding's 64x64 pixels come from its
32x32 by a sub-pixel convolution, and their sharpness from features of the first two stages, which still have 64x64 and
128x128. These last layers are linear, so they are fitted to LiteMedSAM's embeddings by least squares; all others start
from LiteMedSAM's own weights.

Run ``python -m swiftmedsam.fast --help`` to fit; ``configs/distill_encoder.json`` goes on from there by gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from litemed.command_line import run_command
from litemed.datasets.challenge_cases import list_archives
from litemed.networks.tiny_vit import ConvNorm, TinyViT, TinyViTBlock
from litemed.prompting.embedding_store import EmbeddingStore
from litemed.training.checkpoints import read_checkpoint, save_checkpoint
from litemed.training.pretrained import weights_path
from litemed.transforms.challenge import LoadSquared
from torch import nn
from tqdm import tqdm

__all__ = ["FastTinyViT", "HeadError", "fit_head", "half_resolution"]

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Row and column of the four pixels of the fine grid that a pixel of the coarse one becomes."""


class FastTinyViT(TinyViT):
    """LiteMedSAM's `TinyViT` at half the resolution, with a sub-pixel convolution and skips behind it.

    The windows divide the halved grids, so none is padded. ``depths`` and ``channels`` are those of LiteMedSAM.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the embedding.
        channels: channels of the four stages.
        depths: blocks of the four stages.
        num_heads: heads of the three attention stages.
        window_sizes: sides of their windows, in pixels.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, out_channels, H / 4, W / 4)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 256,
        channels: Sequence[int] = (64, 128, 160, 320),
        depths: Sequence[int] = (2, 2, 6, 2),
        num_heads: Sequence[int] = (4, 5, 10),
        window_sizes: Sequence[int] = (8, 16, 8),
    ) -> None:
        super().__init__(in_channels, out_channels, channels, depths, num_heads, window_sizes)
        self.patch_embed.seq[0] = ConvNorm(in_channels, channels[0] // 2, 3, stride=2)
        self.expand = nn.Conv2d(out_channels, 4 * out_channels, 1)
        self.skip = nn.Conv2d(4 * channels[0] + channels[1], out_channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        coarse, fine = self.features(x)
        embedding = F.pixel_shuffle(self.expand(self.neck[2](coarse)), 2) + self.skip(fine)
        return self.neck[3](embedding)

    def features(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the linear layers at the end take: ``(B, out_channels, H / 8, W / 8)``, ``(B, skips, H / 4, W / 4)``."""
        x = self.patch_embed(x.contiguous(memory_format=torch.channels_last))
        skips = []
        for index, stage in enumerate(self.layers):
            for block in stage.blocks:  # type: ignore[union-attr]
                x = block(x)
            if index < 2:
                skips.append(F.pixel_unshuffle(x, 2) if index == 0 else x)
            x = stage.downsample(x)  # type: ignore[operator]
        return self.neck[1](self.neck[0](x)), torch.cat(skips, dim=1)


def half_resolution(state: dict[str, torch.Tensor], encoder: FastTinyViT) -> dict[str, torch.Tensor]:
    """The entries of a `TinyViT` of the same widths and depths as those of a `FastTinyViT`.

    The first convolution takes the mean of two by two pixels; windows that grew take the bias of the farthest offset
    for those beyond it. The sub-pixel convolution repeats, and the skips give nothing, until they are fitted.

    Args:
        state: of the `TinyViT`.
        encoder: whose own entries stand for those that ``state`` lacks.
    """
    state = dict(state)
    first = state["patch_embed.seq.0.c.weight"]
    state["patch_embed.seq.0.c.weight"] = F.pad(first.expand(-1, -1, 2, 2) / 4, (1, 0, 1, 0))
    for name, module in encoder.named_modules():
        if isinstance(module, TinyViTBlock):
            key = f"{name}.attn.attention_biases"
            state[key] = _grown(state[key], module.window_size)
    repeat = torch.eye(encoder.expand.in_channels).repeat_interleave(4, dim=0)
    state["expand.weight"], state["expand.bias"] = repeat[..., None, None], torch.zeros(len(repeat))
    state["skip.weight"] = torch.zeros_like(encoder.skip.weight)
    return state


def _grown(table: torch.Tensor, side: int) -> torch.Tensor:
    """Biases ``(heads, old side ** 2)`` by offset, for another side of the window."""
    old = round(table.shape[1] ** 0.5)
    place = torch.arange(side).clamp(max=old - 1)
    return table.view(-1, old, old)[:, place][:, :, place].flatten(1)


class HeadError(NamedTuple):
    """Squared error of the embeddings of held-out images, as a share of the variance of the teacher's.

    Attributes:
        before: of the weights to begin with.
        after: of those fitted.
    """

    before: float
    after: float


Pair = tuple[torch.Tensor, torch.Tensor]
"""An image ``(1, 3, H, W)``, values 0 to 1, and the teacher's embedding of it, ``(1, C, H / 4, W / 4)``."""


@torch.no_grad()
def fit_head(encoder: FastTinyViT, pairs: Iterable[Pair], held_out: Sequence[Pair], ridge: float = 1e-4) -> HeadError:
    """Fit ``neck.2``, ``expand`` and ``skip`` to a teacher's embeddings, in place.

    They are linear, and the normalisation behind them is the teacher's, whose values before it are known from the
    embedding up to each pixel's mean and scale. All 3x3 neighbours of the coarse features, and the skips at a pixel,
    give the four pixels in one linear system; its solution of rank ``out_channels`` nearest to it is what ``neck.2``
    and ``expand`` can be.

    Args:
        encoder: in evaluation mode, its last normalisation the teacher's.
        pairs: to fit on, several hundred; read once.
        held_out: to measure on.
        ridge: pull towards nothing, as a share of the mean square of the features.

    Raises:
        ValueError: when there are no pairs.
    """
    before = _error(encoder, held_out)
    neck: Any = encoder.neck
    expand: Any = encoder.expand
    norm, width, skips = neck[3], expand.in_channels, encoder.skip.in_channels
    size = 9 * width + 1
    gram = torch.zeros(size, size, dtype=torch.float64)
    cross = torch.zeros(len(PHASES), size, skips, dtype=torch.float64)
    own = torch.zeros(skips, skips, dtype=torch.float64)
    wanted = torch.zeros(len(PHASES), size, width, dtype=torch.float64)
    wanted_own = torch.zeros(skips, width, dtype=torch.float64)
    count = 0
    for image, embedding in pairs:
        coarse, fine = encoder.features(image)
        rows = F.pad(F.unfold(coarse, 3, padding=1)[0].T, (0, 1), value=1.0)
        target = (embedding - norm.bias[:, None, None]) / norm.weight[:, None, None]
        gram += rows.T @ rows
        for phase, place in enumerate(PHASES):
            beside, goal = _at(fine, place), _at(target, place)
            cross[phase] += rows.T @ beside
            own += beside.T @ beside
            wanted[phase] += rows.T @ goal
            wanted_own += beside.T @ goal
        count += 1
    if count == 0:
        raise ValueError("expected images to fit on, got none")
    gram += ridge * gram.diagonal().mean() * torch.eye(size, dtype=torch.float64)
    own += ridge * own.diagonal().mean() * torch.eye(skips, dtype=torch.float64)
    factor = torch.linalg.cholesky(gram)
    parts = [torch.cholesky_solve(torch.cat([a, b], dim=1), factor) for a, b in zip(cross, wanted, strict=True)]
    for part, a in zip(parts, cross, strict=True):  # what the coarse features leave is the skips'
        own -= a.T @ part[:, :skips]
        wanted_own -= a.T @ part[:, skips:]
    skip = torch.linalg.solve(own, wanted_own)
    full = torch.stack([part[:, skips:] - part[:, :skips] @ skip for part in parts], dim=2)  # (size, width, 4)
    full, bias = full[:-1].flatten(1), full[-1].flatten()
    _, vectors = torch.linalg.eigh(full.T @ gram[:-1, :-1] @ full)
    kept = vectors[:, -width:]
    neck[2].weight.copy_((full @ kept).T.view(width, width, 3, 3))
    expand.weight.copy_(kept[..., None, None])
    expand.bias.copy_(bias)
    encoder.skip.weight.copy_(skip.T[..., None, None])
    return HeadError(before, _error(encoder, held_out))


def _at(image: torch.Tensor, place: tuple[int, int]) -> torch.Tensor:
    """Pixels of one phase of ``(1, C, H, W)``, a row each."""
    return image[0, :, place[0] :: 2, place[1] :: 2].flatten(1).T


def _error(encoder: TinyViT, pairs: Sequence[Pair]) -> float:
    errors = [F.mse_loss(encoder(image), embedding) / embedding.var() for image, embedding in pairs]
    return torch.stack(errors).mean().item() if errors else float("nan")


def fit(
    output_path: str,
    dataset_dir: str,
    teacher_path: str = "lite_medsam",
    teacher_cache: str | None = None,
    folders: Sequence[str] = ("training", "pictures"),
    most: int = 40,
    val_most: int = 4,
    ridge: float = 1e-4,
) -> None:
    """Writes weights of the fast variant whose last layers are fitted to the teacher's embeddings.

    Args:
        output_path: file for the weights.
        dataset_dir: folder of ``training``, ``validation`` and others with pictures as archives, labels not needed.
        teacher_path: checkpoint of LiteMedSAM, which all other layers and the decoder come from.
        teacher_cache: folder that keeps the teacher's embeddings, see `litemed.prompting.EmbeddingStore`.
        folders: of ``dataset_dir``, to fit on.
        most: pictures of each modality to fit on.
        val_most: of each modality of ``validation``, to measure on.
        ridge: see `fit_head`.
    """
    from swiftmedsam.network import PromptedNetwork, load_network

    teacher = load_network(weights_path(teacher_path), "lite").fuse()
    store = None if teacher_cache is None else EmbeddingStore(teacher_cache)
    embed: Callable[[torch.Tensor], Any] = teacher.encode_image if store is None else lambda x: store(teacher, x)
    network: Any = PromptedNetwork("fast")
    _take(network, teacher_path)
    network.eval()
    load = LoadSquared()
    items: list[Any] = list_archives(dataset_dir, folders, most)
    held: list[Any] = list_archives(dataset_dir, ["validation"], val_most)
    if not items:
        raise FileNotFoundError(f"no archive of a picture in {', '.join(folders)} of {dataset_dir}")
    with torch.no_grad():
        images = (load(item)["image"][None] for item in tqdm(items, desc="fitting", disable=None))
        held_out = [(image, embed(image)) for image in (load(item)["image"][None] for item in held)]
        error = fit_head(network.image_encoder, ((image, embed(image)) for image in images), held_out, ridge)
    save_checkpoint(output_path, network)
    print(f"fitted on {len(items)} pictures; squared error on {len(held)} others {error.before:.3f}, {error.after:.3f}")


def _take(network: Any, path: str) -> None:
    """LiteMedSAM's weights into a fast network."""
    state = read_checkpoint(weights_path(path)).state
    prefix = "image_encoder."
    encoder = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    encoder = half_resolution(encoder, network.image_encoder)
    others = {name: value for name, value in state.items() if not name.startswith(prefix)}
    network.load_state_dict({**others, **{prefix + name: value for name, value in encoder.items()}}, strict=True)


if __name__ == "__main__":
    run_command(fit, "swiftmedsam.fast")
