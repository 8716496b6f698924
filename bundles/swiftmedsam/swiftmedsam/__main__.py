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

import fire
from litemed.pretrained import weights_path
from litemed.prompting import segment_boxes

from swiftmedsam import BUNDLE_ROOT, load_network


def main(
    image: str,
    output_dir: str,
    boxes: Any = None,
    ckpt_path: str | None = None,
    variant: str | None = None,
    **options: Any,
) -> None:
    """Segments an image and prints the report.

    Args:
        image: a picture, a NIfTI or NRRD file, an archive of the challenge, or the folder of a DICOM series.
        output_dir: folder for the label map, the overlay and the report.
        boxes: x0,y0,x1,y1 or x0,y0,z0,x1,y1,z1, several divided by semicolons; a JSON or CSV file; or a mask to take
            them from. Without it, those that an archive brings.
        ckpt_path: weights, or lite_medsam for LiteMedSAM's public ones; by default the bundle's.
        variant: the one that the weights must be of.
        options: modality, window, plane, pixel_spacing, mask_threshold, challenge_compat, when_empty and cache_size,
            as of litemed.prompting.segment_boxes.
    """
    network = load_network(weights_path(ckpt_path or os.path.join(BUNDLE_ROOT, "models", "model.pt")), variant).fuse()
    print(json.dumps(segment_boxes(image, boxes, network, output_dir, **options), indent=4))


if __name__ == "__main__":
    fire.Fire(main)
