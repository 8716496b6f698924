# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TIU loss: a pixel loss with multi-scale topology and intersection-union constraints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch.nn.modules.loss import _Loss

from litemed.losses.inputs import full_precision, match_target, plain_tensor
from litemed.metrics.anatomy import Anatomy, Region

__all__ = ["TIULoss"]


class TIULoss(_Loss):
    """Topology and intersection-union constrained loss for regions with a declared anatomy.

    Source: "Topology and Intersection-Union Constrained Loss Function for Multi-Region Anatomical Segmentation in
    Ocular Images", section 2. The loss is ``lambda_multiscale * M + lambda_relation * R + lambda_pixel * L`` (eq. 6).

    **Multi-scale term M** (section 2.1). Prediction and truth are max-pooled with several kernels, stride = kernel,
    and compared. From the paper: max pooling of prediction and truth and its stride. Ours: the kernels and the skipped
    background (those of its parent, the projected pooling loss); that the last cell of an axis is partial where a
    kernel doesn't divide the size, so that every pixel counts; and how the maps are compared, always in [0, 1] and as
    the mean over channels and kernels:

    - ``pooled="mean"``: the mean absolute difference over images and cells.
    - ``pooled="sum"``: the absolute difference of an image's sums, as in the parent, divided by the number of cells.
    - ``pooled="relative"``: the sum of absolute differences, over all images and cells, divided by one cell more than
      the sum of both maps. A region then weighs the same whatever its size; under the other two, one that fills a
      hundredth of the picture weighs a hundredth.

    **Intersection-union term R** (section 2.2). The sum of the violations of all declared relations, divided by the
    number of pixels of the batch: a full violation weighs as much as a pixel of a mean cross entropy. The paper's L1
    norm (eq. 5) is this times the number of pixels. From the paper: ReLU'd violations, ``ReLU(a + b - 1)`` for
    exclusive regions (eq. 3) and ``ReLU(inner - outer)`` for contained ones (eq. 4). The paper leaves open what the
    maps are; read as one label map, its constraints contradict the truth. So there are three modes, with the formulas
    in :py:class:`litemed.metrics.anatomy.Anatomy`:

    - ``mode="disjoint"``, ours: logits of a label map, softmax; the same ReLU's between neighbouring pixels of
      filled regions. It is 0 where the anatomy holds.
    - ``mode="nested"``: logits of filled regions, one sigmoid each; containment exactly as printed, exclusion as
      printed on the visible parts (ours, since the filled sclera holds the pupil).
    - ``mode="printed"``: eqs. 3 and 4 literally on the softmax of a label map, for comparison: exclusion is then
      always 0, and containment is not even 0 for the truth.

    **Pixel loss L**: any loss of (input, target). It gets the logits, in float32 at least, and the target as given.
    Without one, the result is the two TIU terms alone, to be added to another loss.

    Example:
        >>> from litemed.losses import ClassWeightedCrossEntropyLoss
        >>> loss = TIULoss(
        ...     ClassWeightedCrossEntropyLoss(),
        ...     contains=[("sclera", "iris"), ("iris", "pupil")],
        ...     exclusive=[("sclera", "pupil")],
        ...     names=("background", "sclera", "iris", "pupil", "caruncle"),
        ...     occluders=["background"],
        ...     to_onehot_y=True,
        ... )
        >>> loss(torch.randn(2, 5, 40, 60), torch.randint(5, (2, 1, 40, 60))).shape
        torch.Size([])
    """

    def __init__(
        self,
        pixel_loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
        contains: Sequence[tuple[Region, Region]] = (),
        exclusive: Sequence[tuple[Region, Region]] = (),
        names: Sequence[str] | None = None,
        mode: str = "disjoint",
        occluders: Sequence[Region] = (),
        kernel_sizes: Sequence[int] = (4, 5, 8, 10, 20),
        pooled: str = "mean",
        include_background: bool | None = None,
        to_onehot_y: bool = False,
        lambda_multiscale: float = 1.0,
        lambda_relation: float = 1.0,
        lambda_pixel: float = 1.0,
    ) -> None:
        """
        Args:
            pixel_loss: a loss that takes logits and target and returns a scalar.
            contains: pairs (outer, inner), see :py:class:`litemed.metrics.anatomy.Anatomy`.
            exclusive: pairs of regions.
            names: name of every channel, where regions are given by name.
            mode: ``"disjoint"``, ``"nested"`` or ``"printed"``.
            occluders: regions that may cover others, such as eyelids.
            kernel_sizes: sizes of the max-pooling windows in pixels, distinct; they may exceed the image.
            pooled: ``"mean"``, ``"sum"`` or ``"relative"``, see above.
            include_background: whether channel 0 enters the multi-scale term. By default in mode ``"nested"`` only,
                which has no channel for the background.
            to_onehot_y: whether the target holds class indices. Not in mode ``"nested"``, where regions overlap.
            lambda_multiscale: weight of the multi-scale term, >= 0.
            lambda_relation: weight of the intersection-union term, >= 0.
            lambda_pixel: weight of the pixel loss, >= 0.

        Raises:
            ValueError: when an option is unknown or out of its range, or the anatomy contradicts itself.
        """
        super().__init__()
        self.anatomy = Anatomy(contains, exclusive, names, mode, occluders)
        if to_onehot_y and mode == "nested":
            raise ValueError('mode "nested" needs a target with one channel a filled region, not class indices')
        if pooled not in ("mean", "sum", "relative"):
            raise ValueError(f'expected pooled "mean", "sum" or "relative", got {pooled!r}')
        if not kernel_sizes or len(set(kernel_sizes)) != len(kernel_sizes) or min(kernel_sizes) < 1:
            raise ValueError(f"expected distinct kernel sizes >= 1, got {list(kernel_sizes)}")
        self.weights = {"multiscale": lambda_multiscale, "relation": lambda_relation, "pixel": lambda_pixel}
        if min(self.weights.values()) < 0 or not any(self.weights.values()):
            raise ValueError(f"expected weights >= 0 and one of them > 0, got {self.weights}")
        self.pixel_loss = pixel_loss
        self.kernel_sizes = tuple(kernel_sizes)
        self.pooled = pooled
        self.include_background = mode == "nested" if include_background is None else include_background
        self.to_onehot_y = to_onehot_y

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """
        Args:
            input: logits (B, C, H, W) or (B, C, D, H, W).
            target: binary (B, C, spatial...), or class indices (B, 1, spatial...) with ``to_onehot_y``.

        Returns:
            The weighted sum of the terms, a scalar.

        Raises:
            ValueError: when the shapes don't fit each other or the anatomy.
        """
        terms = self.terms(input, target)
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()

    def terms(self, input: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
        """The unweighted terms ``multiscale``, ``relation`` and ``pixel``; those that weigh nothing are left out."""
        if input.ndim not in (4, 5):
            raise ValueError(f"expected 2D or 3D logits (B, C, spatial...), got shape {tuple(input.shape)}")
        logits = full_precision(input)
        truth = match_target(target, logits, self.to_onehot_y)
        maps = torch.sigmoid(logits) if self.anatomy.mode == "nested" else torch.softmax(logits, 1)

        terms = {}
        if self.weights["multiscale"] > 0:
            first = 0 if self.include_background else 1
            terms["multiscale"] = self._multiscale(maps[:, first:], truth[:, first:])
        if self.weights["relation"] > 0:
            pixels = maps[:, 0].numel()
            broken = [v.amount.sum() / pixels for violations in self.anatomy.violations(maps) for v in violations]
            terms["relation"] = torch.stack(broken).sum() if broken else maps.new_zeros(())
        if self.pixel_loss is not None and self.weights["pixel"] > 0:
            terms["pixel"] = self.pixel_loss(logits, plain_tensor(target))
        return terms

    def _multiscale(self, maps: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        differences = []
        for ours, theirs in zip(_max_pools(maps, self.kernel_sizes), _max_pools(truth, self.kernel_sizes), strict=True):
            if self.pooled == "sum":
                ours, theirs = ours.flatten(2).mean(2), theirs.flatten(2).mean(2)
            difference = (ours - theirs).abs()
            if self.pooled == "relative":
                difference = _of_channels(difference) / (_of_channels(ours + theirs) + 1)
            differences.append(difference.mean())
        return torch.stack(differences).mean()


def _of_channels(maps: torch.Tensor) -> torch.Tensor:
    """Sum of each channel over images and cells."""
    return maps.transpose(0, 1).flatten(1).sum(1)


def _max_pools(maps: torch.Tensor, kernel_sizes: Sequence[int]) -> list[torch.Tensor]:
    """Max-pool with stride = kernel, once for each kernel in ascending order.

    A kernel that is a multiple of a smaller one pools the smaller one's result, which has the same maxima.
    """
    pool = F.max_pool2d if maps.ndim == 4 else F.max_pool3d
    pooled = {1: maps}
    for kernel in sorted(kernel_sizes):
        source = max(size for size in pooled if kernel % size == 0)
        pooled[kernel] = pool(pooled[source], kernel // source, ceil_mode=True)
    return [pooled[kernel] for kernel in sorted(kernel_sizes)]
