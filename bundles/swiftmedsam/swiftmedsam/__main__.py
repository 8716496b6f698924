# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segment the objects in boxes, in one picture or volume.

python -m swiftmedsam picture.png --boxes "20,30,80,90; 100,40,160,120" --output_dir out
python -m swiftmedsam scan.nii.gz --boxes "[[60,80,10,120,150,30]]" --modality CT --output_dir out
"""

from __future__ import annotations

import json
import os
from typing import Any

from litemed.command_line import run_command
from litemed.deploy.box_networks import deploy_boxes
from litemed.prompting.box_3d import WhenEmpty
from litemed.prompting.segment import segment_boxes
from litemed.training.pretrained import weights_path
from litemed.transforms.windows import Window

from swiftmedsam import BUNDLE_ROOT, load_network


def main(
    image: str,
    output_dir: str,
    boxes: Any = None,
    ckpt_path: str | None = None,
    variant: str | None = None,
    runtime: str = "torch",
    modality: str | None = None,
    window: Window = "soft_tissue",
    plane: str = "axial",
    pixel_spacing: Any = None,
    mask_threshold: float | None = None,
    challenge_compat: bool = False,
    when_empty: WhenEmpty = "stop",
    cache_size: int = 32,
) -> None:
    """Segments an image and prints the report.

    Args:
        image: a picture, a NIfTI or NRRD file, an archive of the challenge, or the folder of a DICOM series.
        output_dir: folder for the label map, the overlay and the report.
        boxes: x0,y0,x1,y1 or x0,y0,z0,x1,y1,z1, several divided by semicolons; a JSON or CSV file; or a mask to take
            them from. Without it, those that an archive brings.
        ckpt_path: weights, or lite_medsam for LiteMedSAM's public ones; by default the bundle's.
        variant: the one that the weights must be of.
        runtime: torch, openvino, onnxruntime, or auto for the fastest that is installed. All but torch export weights
            at their first use, which takes a while and pays for volumes and many boxes; the files are kept.
        modality: CT scales a volume by the window, another by percentiles; without it the values tell.
        window: of CT: soft_tissue, lung, mediastinum, bone, brain, or level and width.
        plane: of a volume's slices: axial, coronal, sagittal, or stored.
        pixel_spacing: pixel size of a picture in mm.
        mask_threshold: for boxes from a mask that is a JPEG picture.
        challenge_compat: reproduce the published protocol.
        when_empty: after a slice in which an object wasn't found: stop, or go on with its box or its last rectangle.
        cache_size: embeddings held at a time, of 4 MiB each.
    """
    network = load_network(weights_path(ckpt_path or os.path.join(BUNDLE_ROOT, "models", "model.pt")), variant)
    report = segment_boxes(
        image,
        boxes,
        deploy_boxes(network, runtime),
        output_dir,
        modality=modality,
        window=window,
        plane=plane,
        pixel_spacing=pixel_spacing,
        mask_threshold=mask_threshold,
        challenge_compat=challenge_compat,
        when_empty=when_empty,
        cache_size=cache_size,
    )
    print(json.dumps(report, indent=4))


if __name__ == "__main__":
    run_command(main, "swiftmedsam")
