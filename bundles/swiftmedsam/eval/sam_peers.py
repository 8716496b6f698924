# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Image encoders of MobileSAM and EfficientViT-SAM-L0 as ONNX files, with random weights, for `bench_medsam.py`.

No package on the index carries them, so they are built from timm's parts: MobileSAM's is TinyViT-5M whose last merge
keeps the size; EfficientViT-SAM-L0's is EfficientViT-L0, its last three stages brought to one size and added, and four
fused inverted bottlenecks. Both end in 256x64x64, as Segment Anything's encoder does.

Run in an environment with torch, torchvision and timm: python bundles/swiftmedsam/eval/sam_peers.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

# timm imports torchvision, whose compiled operators may not fit this torch: their names are enough
_LIBRARY = torch.library.Library("torchvision", "DEF")
for _schema in ("nms(Tensor boxes, Tensor scores, float threshold) -> Tensor",):
    _LIBRARY.define(_schema)
    _LIBRARY.define("q" + _schema)

import timm  # noqa: E402
from timm.models.efficientvit_mit import EfficientVitLarge  # noqa: E402

CHANNELS, SIDE = 256, 64


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class MobileSAM(nn.Module):
    size = 1024

    def __init__(self) -> None:
        super().__init__()
        self.body = timm.create_model("tiny_vit_5m_224", num_classes=0)
        self.body.stages[3].downsample.conv2.conv.stride = (1, 1)
        self.neck = nn.Sequential(
            nn.Conv2d(320, CHANNELS, 1, bias=False),
            LayerNorm2d(CHANNELS),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
            LayerNorm2d(CHANNELS),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.neck(self.body.forward_features(image))


class EfficientViTSAM(nn.Module):
    size = 512

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 64, 128, 256, 512)
        self.body = EfficientVitLarge(widths=widths, depths=(1, 1, 1, 4, 4), head_widths=(1, 1), num_classes=0)
        self.body.head = nn.Identity()  # its classifier, which isn't used
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, CHANNELS, 1, bias=False), nn.BatchNorm2d(CHANNELS)) for width in widths[2:]
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
                nn.BatchNorm2d(CHANNELS),
                nn.GELU(),
                nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False),
                nn.BatchNorm2d(CHANNELS),
            )
            for _ in range(4)
        )
        self.out = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        stages, x = [], self.body.stem(image)
        for stage in self.body.stages:
            x = stage(x)
            stages.append(x)
        total: torch.Tensor | float = 0.0
        for lateral, each in zip(self.laterals, stages[-3:], strict=True):
            total = total + F.interpolate(lateral(each), (SIDE, SIDE), mode="bicubic")
        for block in self.blocks:
            total = total + block(total)
        return self.out(total)


def main(folder: Path) -> None:
    facts = {}
    for name, network in (("MobileSAM", MobileSAM()), ("EfficientViT-SAM-L0", EfficientViTSAM())):
        network.eval()
        image = torch.zeros(1, 3, network.size, network.size)
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            embedding = network(image)
        if embedding.shape != (1, CHANNELS, SIDE, SIDE):
            raise ValueError(f"{name}: expected an embedding of {CHANNELS}x{SIDE}x{SIDE}, got {list(embedding.shape)}")
        parameters = sum(each.numel() for each in network.parameters())
        facts[name] = {"size": network.size, "gflop": counter.get_total_flops() / 1e9, "parameters": parameters}
        torch.onnx.export(network, (image,), str(folder / f"{name}.onnx"), opset_version=18, dynamo=False)
    (folder / "peers.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
