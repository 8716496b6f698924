# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m tfnet.collab VIDEO --output_dir OUT``"""

from __future__ import annotations

import time
from pathlib import Path

from litemed.command_line import run_command

from tfnet.collab.networks import Networks
from tfnet.collab.pipeline import Options, analyse

_BUNDLE_ROOT = Path(__file__).resolve().parents[2]


def run(
    video: str,
    output_dir: str,
    gate: bool = True,
    smooth: int = 0,
    evidence: float = 0.0,
    fps: float | None = None,
    annotated_video: bool = True,
    models_dir: str = f"{_BUNDLE_ROOT}/models",
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
) -> None:
    """Find when and where the tear film breaks up in a recording, and write a report.

    Interrupted, the same command goes on where it was.

    Args:
        video: a video file (mp4, avi, mov, ...) or a folder of pictures.
        output_dir: folder for report.html, report.json, frames.csv, masks/, annotated.mp4, heatmap.png, timeline.png.
        gate: segment frames of class broken only; False segments all open frames, as Algorithm 1 is printed.
        smooth: drop errors of the classifier that last up to so many frames.
        evidence: that a break-up has to gather until the next blink; 0 takes the first broken frame, as in the paper.
        fps: frames a second, in place of the file's timestamps, or for a folder.
        annotated_video: write the annotated video.
        models_dir: folder of the weights.
        runtime: openvino, onnxruntime, torch, or auto for the fastest that is installed.
        precision: f32, or bf16 with OpenVINO on a processor that has it.
        threads: of the runtime; all cores by default.
    """
    options = Options(gate=gate, smooth=smooth, evidence=evidence, fps=fps, annotated_video=annotated_video)
    models = Networks(models_dir, runtime=runtime, precision=precision, threads=threads)
    started = time.perf_counter()
    report = analyse(str(video), output_dir, models, options)
    seconds = time.perf_counter() - started
    print(report["summary"])
    for note in report["notes"]:
        print(f"- {note}")
    print(f"{report['recording']['frames']} frames in {seconds:.1f} s")
    print(f"Look at:  {Path(output_dir) / 'report.html'}")


if __name__ == "__main__":
    run_command(run, "tfnet.collab", resumes=True)
