# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How well the whole pipeline does on videos whose truth is known: ``python -m tfnet.collab.evaluation``.

The videos stand in ``videos/<part>/`` of a data set in the layout of TFM, each with a JSON file of its truth beside it,
as :func:`tfnet.simulation` writes them: ``frames``, each with ``class`` and ``boxes``, and ``intervals``, each
with ``onset``, ``last`` and ``break_up`` (a frame's number, or null). True masks are those of the data set's frames.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.images.masks import read_labels
from litemed.metrics.tables import Table, read_rows, summarise, write_json, write_rows

from tfnet.classifier import CLASSES
from tfnet.collab.models import Models
from tfnet.collab.networks import OPINION, Networks
from tfnet.collab.pipeline import EVIDENCE, Options, analyse, evidence_of
from tfnet.data import load_cases
from tfnet.detector import RINGS, box_iou
from tfnet.frame_metrics import break_up_scores
from tfnet.simulation.writing import tearfilm

__all__ = ["TimedInterval", "compare_intervals", "evaluate", "run"]

_BUNDLE_ROOT = Path(__file__).resolve().parents[2]
_PARTS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class TimedInterval:
    """One interval after a blink, as it is and as it was read.

    Attributes:
        video: name of the video.
        onset: its last closed frame.
        last: its last open frame.
        break_up_time: true break-up time in frames, or None where the tear film holds.
        found: whether the pipeline has an interval after a blink there.
        found_time: break-up time that it read, or None.
    """

    video: str
    onset: int
    last: int
    break_up_time: int | None
    found: bool
    found_time: int | None

    @property
    def error(self) -> int | None:
        """Frames that the break-up was read too late, or None where there are no two times to compare."""
        both = self.break_up_time is not None and self.found_time is not None
        return self.found_time - self.break_up_time if both else None  # type: ignore[operator]

    @property
    def outcome(self) -> str:
        """``timed``, ``holds`` (both say so), ``missed``, ``false alarm`` or ``lost`` (no such interval was read)."""
        if not self.found:
            return "lost"
        if self.break_up_time is None:
            return "holds" if self.found_time is None else "false alarm"
        return "missed" if self.found_time is None else "timed"

    def within(self, frames: int) -> bool:
        """Whether it was read right: timed with an error of so many frames at most, or rightly said to hold."""
        return self.outcome == "holds" or (self.error is not None and abs(self.error) <= frames)


def compare_intervals(
    video: str, truth: Iterable[dict[str, Any]], report: Iterable[dict[str, Any]]
) -> list[TimedInterval]:
    """Set the true intervals of a video beside those of a report: each beside the one that it shares most frames with.

    Args:
        video: its name.
        truth: intervals after a blink, each with ``onset``, ``last`` and ``break_up``.
        report: ``intervals`` of ``report.json``. An interval without a blink before it counts for none.
    """
    read = [interval for interval in report if interval["after_blink"]]
    compared = []
    for interval in truth:
        onset, last, break_up = interval["onset"], interval["last"], interval["break_up"]
        shared = [min(last, other["last_frame"]) - max(onset, other["onset_frame"]) for other in read]
        best = int(np.argmax(shared)) if shared and max(shared) > 0 else None
        compared.append(
            TimedInterval(
                video=video,
                onset=onset,
                last=last,
                break_up_time=None if break_up is None else break_up - onset,
                found=best is not None,
                found_time=None if best is None else read[best]["break_up_time_frames"],
            )
        )
    return compared


def evaluate(
    dataset_dir: Path, output_dir: Path, models: Models, options: Options, part: str = "test", progress: bool = True
) -> dict[str, Any]:
    """Analyse every video of a part and score what comes out.

    Args:
        dataset_dir: the data set's folder.
        output_dir: folder for the reports, ``videos/<name>/``, for ``intervals.csv`` and ``evaluation.json``. A video
            that is there already, by the same models and options, isn't analysed again.
        models: classifier, detector and segmenter.
        options: of the analysis.
        part: ``"train"``, ``"val"`` or ``"test"``.
        progress: show progress bars.

    Returns:
        the content of ``evaluation.json``.

    Raises:
        ValueError: when there is no video, no truth beside one, or an unknown part.
    """
    if part not in _PARTS:
        raise ValueError(f"expected a part among {', '.join(_PARTS)}, got {part!r}")
    folder = Path(dataset_dir) / "videos" / part
    videos = sorted(folder.glob("*.mp4"))
    if not videos:
        raise ValueError(f"no video in {folder}: a sample with videos is written by tfnet.simulation")
    masks: dict[str, dict[int, Path]] = {video.stem: {} for video in videos}
    for case in load_cases(dataset_dir, "segmentation", _PARTS[part], crops=None):
        masks.get(case["video"], {})[_number(case["case"])] = Path(case["label"])
    frames: list[dict[str, Any]] = []
    intervals: list[TimedInterval] = []
    extra = 0
    for video in videos:
        truth = _truth(video.with_suffix(".json"))
        output = Path(output_dir) / "videos" / video.stem
        report = _analysed(video, output, models, options, progress)
        compared = compare_intervals(video.stem, truth["intervals"], report["intervals"])
        extra += sum(each["after_blink"] for each in report["intervals"]) - sum(each.found for each in compared)
        intervals += compared
        frames += _scored_frames(video.stem, output, truth["frames"], masks[video.stem])
    result = {
        "videos": len(videos),
        "scored_frames": len(frames),
        "models": models.identity,
        "options": asdict(options),
        "frames": _frame_scores(frames),
        "break_up_time": _time_scores(intervals, extra),
    }
    _write_intervals(Path(output_dir) / "intervals.csv", intervals)
    write_json(Path(output_dir) / "evaluation.json", result)
    return result


def _number(case: str) -> int:
    """Number of a frame within its video, from the name of its case."""
    return int(case.rsplit("_", 1)[1])


def _truth(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"no truth {path} beside its video")
    return json.loads(path.read_text())


def _analysed(video: Path, output: Path, models: Models, options: Options, progress: bool) -> dict[str, Any]:
    """The report of a video, made unless it is there."""
    if (output / "report.json").is_file():
        report = json.loads((output / "report.json").read_text())
        if report["models"] == models.identity and report["options"] == asdict(options):
            return report
    return analyse(video, output, models, options, progress)


def _scored_frames(
    video: str, output: Path, truth: list[dict[str, Any]], masks: dict[int, Path]
) -> Iterator[dict[str, Any]]:
    """Scores of every frame; a score that isn't defined there is lacking."""
    rows = read_rows(output / "frames.csv")
    if len(rows) != len(truth):
        raise ValueError(f"{video} has {len(rows)} frames, its truth {len(truth)}")
    for number, (row, true) in enumerate(zip(rows, truth, strict=True)):
        hit = float(row["class"] == true["class"])
        scores: dict[str, Any] = {"video": video, "accuracy": hit, f"recall_{true['class']}": hit}
        if true["boxes"] is not None and row["outside_x0"]:
            corners = ("x0", "y0", "x1", "y1")
            found = torch.tensor([[float(row[f"{ring}_{corner}"]) for corner in corners] for ring in RINGS])
            overlaps = box_iou(found, torch.tensor([true["boxes"][ring] for ring in RINGS])).tolist()
            scores |= {"box_iou": sum(overlaps) / len(RINGS), "outside_iou": overlaps[-1]}
        if true["class"] == "clear":
            x0, y0, x1, y1 = true["boxes"]["outside"]
            scores["false_area"] = float(row["area_px"] or 0) / ((x1 - x0) * (y1 - y0))
        if number in masks:
            scores |= _mask_scores(output / row["mask"] if row["mask"] else None, masks[number])
        yield scores


_MASK_SCORES = ("mean_dice", "mean_iou", "mean_recall", "dice", "recall", "precision")


def _mask_scores(found: Path | None, true: Path) -> dict[str, float]:
    """Scores over the whole frame of a mask; none was made where the frame wasn't taken for a broken one."""
    truth = read_labels(true) > 0
    mask = np.zeros_like(truth) if found is None else read_labels(found) > 0
    return break_up_scores(mask, truth, _MASK_SCORES)


def _frame_scores(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over frames with intervals over videos."""
    names = ["accuracy", *(f"recall_{name}" for name in CLASSES), "box_iou", "outside_iou", "false_area", *_MASK_SCORES]
    columns = {name: [frame.get(name, math.nan) for frame in frames] for name in names}
    scores = Table.of(columns, patients=[frame["video"] for frame in frames]).scores
    return {name: row for name, row in scores.items() if row["cases"]}


def _time_scores(intervals: list[TimedInterval], extra: int) -> dict[str, Any]:
    errors = [interval.error for interval in intervals if interval.error is not None]
    videos = [interval.video for interval in intervals]
    shares = {
        f"within_{limit}": summarise([float(interval.within(limit)) for interval in intervals], videos)
        for limit in (0, 1, 2, 3)
    }
    outcomes = ("timed", "holds", "missed", "false alarm", "lost")
    return {
        "intervals": len(intervals),
        **{outcome: sum(interval.outcome == outcome for interval in intervals) for outcome in outcomes},
        "extra": extra,
        "median_error": float(np.median(errors)) if errors else None,
        "mean_absolute_error": float(np.abs(errors).mean()) if errors else None,
        **shares,
    }


def _write_intervals(path: Path, intervals: list[TimedInterval]) -> None:
    columns = [*(field.name for field in fields(TimedInterval)), "outcome", "error"]
    rows = [{**asdict(interval), "outcome": interval.outcome, "error": interval.error} for interval in intervals]
    write_rows(path, rows, columns)


def run(
    dataset_dir: str | None = None,
    output_dir: str = f"{_BUNDLE_ROOT}/runs/collab_evaluation",
    part: str = "test",
    gate: bool = True,
    smooth: int = 0,
    evidence: str = f"{EVIDENCE:g}",
    every_frame: bool = False,
    models_dir: str = f"{_BUNDLE_ROOT}/models",
    opinion: float = OPINION,
    runtime: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
) -> None:
    """Score the pipeline on videos whose truth is known.

    Interrupted, the same command goes on where it was.

    Args:
        dataset_dir: folder of a data set with ``videos/<part>/``; by default the built-in simulated sample.
        output_dir: folder for the reports of the videos, intervals.csv and evaluation.json.
        part: train, val or test.
        gate: segment frames of class broken only.
        smooth: drop errors of the classifier that last up to so many frames.
        evidence: that a break-up has to gather until the next blink; 0 or paper takes the first broken frame.
        every_frame: classify every frame.
        models_dir: folder of the weights.
        opinion: weight of TF-Net's evidence where the classifier can't tell clear from broken; 0 never asks.
        runtime: openvino, onnxruntime, torch, or auto for the fastest that is installed.
        precision: f32, or bf16 with OpenVINO on a processor that has it.
        threads: of the runtime; all cores by default.
    """
    options = Options(gate, smooth, evidence_of(evidence), annotated_video=False, every_frame=every_frame)
    models = Networks(models_dir, opinion=opinion, runtime=runtime, precision=precision, threads=threads)
    result = evaluate(Path(dataset_dir or tearfilm()), Path(output_dir), models, options, part)
    times = {name: value for name, value in result["break_up_time"].items() if isinstance(value, dict)}
    print(Table(result["frames"], result["scored_frames"]).text())
    print(Table(times, result["break_up_time"]["intervals"]).text())
    for name, value in result["break_up_time"].items():
        if not isinstance(value, dict):
            print(f"{name:<20}{value}")
    print(f"written to {output_dir}")


if __name__ == "__main__":
    run_command(run, "tfnet.collab.evaluation", resumes=True)
