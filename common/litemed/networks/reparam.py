# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Structural re-parameterisation: parallel branches in training, one convolution afterwards."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

__all__ = ["ReparamConv", "fuse"]

Module = TypeVar("Module", bound=nn.Module)


class ReparamConv(nn.Module):
    """Parallel linear branches that are summed in training and fold into one convolution for inference.

    The branches are a ``kernel_size`` convolution, for a kernel above 1 a 1x1 convolution, and where input and output
    have the same channels and size the identity; each has a batch normalisation and no bias. It is the block of
    MobileOne (Vasu et al. 2022, arXiv:2206.04040, section 3.2) with one branch of each kind and full convolutions.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side of the kernel, in pixels.
        stride: of every branch; above 1 there is no identity.
        activation: whether a ReLU follows the sum.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, out_channels, ceil(H / stride), ceil(W / stride))``.

    Raises:
        ValueError: when the kernel has an even side.

    Example:
        >>> block = ReparamConv(4, 8, stride=2).eval()
        >>> block(torch.zeros(1, 4, 16, 16)).shape
        torch.Size([1, 8, 8, 8])
        >>> block.fuse().weight.shape
        torch.Size([8, 4, 3, 3])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, activation: bool = True
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"expected a kernel with an odd side, got {kernel_size}")
        self.kernel_size = kernel_size
        self.stride = stride
        self.kernel = _ConvNorm(in_channels, out_channels, kernel_size, stride)
        self.pointwise = _ConvNorm(in_channels, out_channels, 1, stride) if kernel_size > 1 else None
        self.identity = nn.BatchNorm2d(out_channels) if in_channels == out_channels and stride == 1 else None
        self.activation = nn.ReLU() if activation else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = self.kernel(x)
        if self.pointwise is not None:
            total = total + self.pointwise(x)
        if self.identity is not None:
            total = total + self.identity(x)
        return self.activation(total)

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """The convolution with bias that equals the sum of the branches in evaluation mode, without the activation.

        It folds the running statistics, so it is what the block computes in evaluation, not in training.
        """
        conv = self.kernel.conv
        weight, bias = _folded(conv.weight, self.kernel.norm)
        others = []
        if self.pointwise is not None:
            others.append(_folded(self.pointwise.conv.weight, self.pointwise.norm))
        if self.identity is not None:
            others.append(_folded(torch.eye(conv.out_channels).to(conv.weight)[..., None, None], self.identity))
        margin = self.kernel_size // 2
        for centre, shift in others:
            weight, bias = weight + nn.functional.pad(centre, [margin] * 4), bias + shift
        fused = nn.Conv2d(conv.in_channels, conv.out_channels, self.kernel_size, self.stride, margin).to(weight)
        fused.load_state_dict({"weight": weight, "bias": bias})
        return fused.train(self.training)


def fuse(network: Module) -> Module:
    """Replace every :class:`ReparamConv` of a network by one convolution and its activation, in place.

    Fuse for inference, when the weights are trained and loaded: the keys of the state dictionary change with it.

    Args:
        network: a network in evaluation mode.

    Returns:
        The same network; a :class:`ReparamConv` itself, which can't be replaced in place, as a new module.

    Raises:
        ValueError: when the network is in training mode, in which the branches don't equal one convolution.
    """
    if network.training:
        raise ValueError("expected a network in evaluation mode: call .eval() before fuse()")
    if isinstance(network, ReparamConv):
        return nn.Sequential(network.fuse(), network.activation).eval()  # type: ignore[return-value]
    for name, child in network.named_children():
        setattr(network, name, fuse(child))
    return network


class _ConvNorm(nn.Module):
    """Convolution without bias, then batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        # A 1x1 kernel strides by leaving pixels out: torch 2.13 corrupts memory in the backward pass of a strided 1x1
        # convolution of 3 channels in channels-last order on a CPU.
        self.step = stride if kernel_size == 1 else 1
        stride, padding = stride // self.step, kernel_size // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x[:, :, :: self.step, :: self.step]))


def _folded(weight: torch.Tensor, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution without bias that a batch normalisation follows."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
