# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed collab``: a video of a tear film, read."""

from __future__ import annotations

import json as json_text
import time
from pathlib import Path

from tfnet import BUNDLE_ROOT

__all__ = ["collab"]


def collab(
    video: str,
    out: str = "collab",
    gate: bool = True,
    smooth: int = 0,
    evidence: float = 0.0,
    fps: float | None = None,
    annotated_video: bool = True,
    models_dir: str = f"{BUNDLE_ROOT}/models",
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    json: bool = False,
) -> None:
    """Find when and where the tear film breaks up in a video, and write a report.

    Examples::

        litemed collab visit1.mp4 --out visit1
        litemed collab frames/ --fps 25 --gate False

    Interrupted, the same command goes on where it was.

    Args:
        video: a video file (mp4, avi, mov, ...), or a folder of pictures in the order of their names.
        out: folder for report.html, report.json, frames.csv, masks/, annotated.mp4, heatmap.png, timeline.png.
        gate: segment frames of class broken only; False segments all open frames, as Algorithm 1 is printed.
        smooth: drop errors of the classifier that last up to so many frames.
        evidence: that a break-up has to gather until the next blink; 0 takes the first broken frame, as in the paper.
        fps: frames a second, in place of the file's timestamps, or for a folder.
        annotated_video: write the annotated video.
        models_dir: folder of the weights.
        runtime: openvino, onnxruntime, torch, or auto for the fastest that is installed.
        precision: f32, or bf16 with OpenVINO on a processor that has it.
        threads: of the runtime; all cores by default.
        json: print the report as JSON.
    """
    from tfnet.collab import Networks, Options, analyse  # here, so that help needs no network

    options = Options(gate=gate, smooth=smooth, evidence=evidence, fps=fps, annotated_video=annotated_video)
    models = Networks(models_dir, runtime=runtime, precision=precision, threads=threads)
    started = time.perf_counter()
    try:
        report = analyse(video, out, models, options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on from here") from None
    seconds = time.perf_counter() - started
    if json:
        print(json_text.dumps(report, indent=4))
        return
    print(report["summary"])
    for note in report["notes"]:
        print(f"- {note}")
    print(f"{report['recording']['frames']} frames in {seconds:.1f} s")
    print(f"Look at:  {Path(out) / 'report.html'}")
