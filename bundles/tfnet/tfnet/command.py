# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed collab``: a video of a tear film, read; ``litemed visit``: several of them on one page."""

from __future__ import annotations

import json as json_text
import time
from pathlib import Path

from tfnet import BUNDLE_ROOT

__all__ = ["collab", "visit"]


def collab(
    video: str,
    out: str = "collab",
    gate: bool = True,
    smooth: int = 0,
    evidence: str = "4",
    fps: float | None = None,
    annotated_video: bool = True,
    every_frame: bool = False,
    eye: str | None = None,
    code: str | None = None,
    date: str | None = None,
    device: str | None = None,
    operator: str | None = None,
    models_dir: str = f"{BUNDLE_ROOT}/models",
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    json: bool = False,
) -> None:
    """Find when and where the tear film breaks up in a video, and write a report.

    Examples::

        litemed collab right1.mp4 --out right1 --eye OD --code P042
        litemed collab frames/ --fps 25 --gate False

    Interrupted, the same command goes on where it was.

    Args:
        video: a video file (mp4, avi, mov, ...), or a folder of pictures in the order of their names.
        out: folder for report.html, report.json, visit.pdf and visit.html (one page to print), recordings.csv (a row),
            frames.csv, masks/, annotated.mp4, heatmap.png, timeline.png, and run.json, what they were made with.
        gate: segment frames of class broken only; False segments all open frames, as Algorithm 1 is printed.
        smooth: drop errors of the classifier that last up to so many frames.
        evidence: that a break-up has to gather until the next blink, so that it counts only if it lasts; 0 or paper
            takes the first broken frame, as in the paper.
        fps: frames a second, in place of the file's timestamps, or for a folder.
        annotated_video: write the annotated video.
        every_frame: classify every frame; else, from 24 a second on, one between two of the same class has theirs.
        eye: OD, the right one, or OS; names nasal and temporal in the report.
        code: of the patient, for the report; never a name.
        date: of the recording.
        device: that recorded it.
        operator: who recorded it.
        models_dir: folder of the weights.
        runtime: openvino, onnxruntime, torch, or auto for the fastest that is installed.
        precision: f32, or bf16 with OpenVINO on a processor that has it.
        threads: of the runtime; all cores by default.
        json: print the report as JSON.
    """
    from tfnet.collab import Networks, Options, Visit, analyse  # here, so that help needs no network
    from tfnet.collab.pipeline import evidence_of

    whose = Visit(eye, code, date, device, operator)
    options = Options(gate, smooth, evidence_of(evidence), fps, annotated_video, every_frame)
    models = Networks(models_dir, runtime=runtime, precision=precision, threads=threads)
    started = time.perf_counter()
    try:
        report = analyse(video, out, models, options, visit=whose)
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
    print(f"Print:    {Path(out) / 'visit.pdf'}")


def visit(*folders: str, out: str = "visit") -> None:
    """Put the recordings of one or both eyes of a patient on one page.

    Examples::

        litemed visit right1 right2 right3 left1 left2 left3 --out visit

    Args:
        folders: of results of litemed collab; each says which eye by its --eye.
        out: folder for visit.pdf and visit.html, one A4 page with mean and standard deviation over the recordings of
            each eye, and recordings.csv, a row a recording.
    """
    from tfnet.collab.visit import read_reports, write_visit

    reports = read_reports(folders)
    Path(out).mkdir(parents=True, exist_ok=True)
    write_visit(out, reports)
    print(f"{len(reports)} recording{'s' if len(reports) > 1 else ''}")
    print(f"Print:    {Path(out) / 'visit.pdf'}")
