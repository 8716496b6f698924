# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writing simulated tear-film videos as the TFM data set is laid out, split by video."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from litemed.parallel import in_parallel
from litemed.samples.cache import written_once
from litemed.samples.noise import as_mask
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from tfnet.readers.tfm import TFM_BOXES, TFM_CLASSES
from tfnet.simulation.device import STRESSES, Device, Stress, draw_device
from tfnet.simulation.video import BROKEN, CLOSED, Frame, TearFilmVideo

_PARTS = ("train", "val", "test")
_VERSION = "tearfilm-v1"
_TURN = 4
_DEVICES = 7  # of seeds: devices apart from subjects
_FAST = 1  # of zlib: noise is hardly smaller at its best, which takes half of all the time
_SHARES = {"broken": 0.40, "clear": 0.30, "blur": 0.15, "closed": 0.15}

_NOTICE = """Simulated tear-film videos in the layout of the TFM data set.
No patient, no photograph. A figure measured on these frames says how the software does on simulated data, nothing else.

images/, labels/, crop_*/   frames of all videos, as TFM has them; a frame is named <video>_<number>
videos/<part>/<video>.mp4   whole videos, of the same subjects
videos/<part>/<video>.json  their truth: class and boxes of each frame, area of break-up in pixels, and for each
                            interval between blinks the last closed frame (onset), the first broken frame (break_up)
                            and the last frame

No subject is in two parts. Masks are exact.
"""


class _Film(NamedTuple):
    """One video to write."""

    part: str
    number: int
    frames: int
    whole: bool
    seconds: float
    frame_rate: float
    size: tuple[int, int]
    seed: int
    turns: float
    devices: int = 0
    unseen: bool = False
    stress: Stress | None = None

    @property
    def name(self) -> str:
        return f"{self.part}{self.number:02d}"

    @property
    def device(self) -> Device | None:
        """One of a number of devices; those of a part are its own where they shall be unseen."""
        if not self.devices:
            return None
        group = _PARTS.index(self.part) if self.unseen else 0
        seed = (self.seed, _DEVICES, group, self.number % self.devices)
        device = draw_device(seed)
        return device if self.stress is None else device.strained(self.stress, np.random.default_rng(seed))


def tearfilm(
    root: str | os.PathLike[str] | None = None,
    *,
    videos: tuple[int, int, int] = (8, 2, 3),
    films: tuple[int, int, int] = (0, 1, 2),
    frames: int = 12,
    seconds: float = 8.0,
    frame_rate: float = 30.0,
    size: tuple[int, int] = (960, 1280),
    seed: int = 0,
    turns: float = 0.0,
    devices: int = 0,
    unseen: bool = False,
    stress: Stress | None = None,
    workers: int = 1,
) -> Path:
    """Writes the simulated tear-film sample, once, in the layout of TFM.

    Every video shows another subject (see `TearFilmVideo`), and no video is in two parts. Of each, some frames are
    written as ``images/`` with their labels, about 40 % broken, 30 % clear, 15 % blur and 15 % closed, and the outside
    boxes of those with open eyes as ``crop_full/``, ``crop_broken_only/`` and ``crop_non_broken/``. The first videos of
    each part are also written whole, as ``videos/<part>/<name>.mp4`` with the truth of every frame beside it in JSON.
    All of it is simulated.

    Args:
        root: folder of samples; by default ``$LITEMED_HOME/samples`` or ``~/.cache/litemed/samples``.
        videos: number of training, validation and test videos.
        films: how many of each are written whole.
        frames: number of frames written of each video.
        seconds: length of a video.
        frame_rate: in frames per second.
        size: height and width of a frame in pixels.
        seed: of everything; a video depends on the seed, its part and its number alone.
        turns: share of the frames written that stand within four frames of a change of class, where classes are hardest
            to tell, as far as there are such; the others come from anywhere.
        devices: how many devices record a part's videos in turn (see `draw_device`), each with its own ``size``; 0 is
            the one of the TFM data set.
        unseen: give validation and test devices of their own, in place of training's.
        stress: strain every device, see `Device.strained`.
        workers: number of processes that write; the files don't depend on it.

    Returns:
        The data set's folder, for `tfnet.readers.tfm`. Other arguments than the defaults give another folder.

    Raises:
        ValueError: for counts below one, more films than videos, a share beyond 0 to 1, options of devices without
            devices, or what `TearFilmVideo` refuses.
    """
    if min(*videos, frames, workers) < 1 or any(
        not 0 <= film <= total for film, total in zip(films, videos, strict=True)
    ):
        raise ValueError(
            "expected at least one video a part, one frame and one worker, and not more films than videos, "
            f"got videos={videos}, films={films}, frames={frames}, workers={workers}"
        )
    if not 0 <= turns <= 1:
        raise ValueError(f"expected a share of frames from 0 to 1, got turns={turns}")
    if devices < 0 or (not devices and (unseen or stress)):
        raise ValueError(f"expected a number of devices, got devices={devices}, unseen={unseen}, stress={stress}")
    if stress is not None and stress not in STRESSES:
        raise ValueError(f"expected a stress among {', '.join(STRESSES)}, got {stress!r}")
    settings = {
        "videos": tuple(videos),
        "films": tuple(films),
        "frames": frames,
        "seconds": seconds,
        "frame_rate": frame_rate,
        "size": tuple(size),
        "seed": seed,
        # without them, the name of a folder stays as it was
        **({"turns": turns} if turns else {}),
        **({"devices": devices, "unseen": unseen, "stress": stress} if devices else {}),
    }
    TearFilmVideo(seed, seconds=seconds, frame_rate=frame_rate, size=size)  # refuses what can't be rendered
    jobs = [
        _Film(
            part,
            number,
            frames,
            number <= whole,
            seconds,
            frame_rate,
            (size[0], size[1]),
            seed,
            turns,
            devices,
            unseen,
            stress,
        )
        for part, total, whole in zip(_PARTS, videos, films, strict=True)
        for number in range(1, total + 1)
    ]
    return written_once(_folder_name(settings), partial(_write, jobs=jobs, workers=workers), root)


def _folder_name(settings: dict[str, Any]) -> str:
    """The version, with a digest of the arguments if these aren't the defaults."""
    defaults = tearfilm.__kwdefaults__ or {}
    if all(defaults[key] == value for key, value in settings.items()):
        return _VERSION
    return f"{_VERSION}-{hashlib.sha256(repr(settings).encode()).hexdigest()[:10]}"


def _write(folder: Path, jobs: list[_Film], workers: int) -> None:
    (folder / "README.txt").write_text(_NOTICE)
    for part in _PARTS:
        for name in ("images", "labels/detection", "labels/segmentaiton", "videos"):
            (folder / name / part).mkdir(parents=True)
        for crops in ("full", "broken_only", "non_broken"):
            for kind in ("images", "masks"):
                (folder / f"crop_{crops}" / kind / part).mkdir(parents=True)
    rows = dict(in_parallel(partial(_write_film, folder), jobs, workers=workers))
    (folder / "labels" / "classification").mkdir()
    for part in _PARTS:
        lines = [line for job in jobs if job.part == part for line in rows[job]]
        (folder / "labels" / "classification" / f"{part}_cls.txt").write_text("".join(lines))


def _write_film(folder: Path, job: _Film) -> list[str]:
    """Writes one video's files; returns its rows of the list of classes."""
    seed = (job.seed, _PARTS.index(job.part), job.number)
    video = TearFilmVideo(seed, seconds=job.seconds, frame_rate=job.frame_rate, size=job.size, device=job.device)
    chosen = _chosen(np.random.default_rng(seed), np.array(video.labels), job.frames, job.turns)
    if job.whole:
        _write_truth(folder / "videos" / job.part / f"{job.name}.json", video, job)
        stream = _encoded(folder / "videos" / job.part / f"{job.name}.mp4", video)
    else:
        stream = ((index, video[index]) for index in chosen)
    rows = []
    for index, frame in stream:
        if index in chosen:
            name = f"{job.name}_{index:05d}"
            _write_frame(folder, job.part, name, frame, video.device)
            rows.append(f"{name}.png {frame.label}\n")
    return rows


def _chosen(rng: np.random.Generator, labels: np.ndarray, count: int, turns: float = 0.0) -> list[int]:
    """Frames to write: of each class its share, or all there are, filled up from the rest; a share of them at turns."""
    order = rng.permutation(len(labels))
    at_turn = _at_turns(labels)
    chosen: list[int] = []
    for name, share in _SHARES.items():
        of_class = order[labels[order] == TFM_CLASSES.index(name)]
        wanted = round(share * count)
        first = of_class[at_turn[of_class]][: round(turns * wanted)]
        chosen.extend([*first.tolist(), *of_class[~np.isin(of_class, first)].tolist()][:wanted])
    rest = [int(index) for index in order if index not in chosen]
    return sorted((chosen + rest)[: min(count, len(labels))])


def _at_turns(labels: np.ndarray) -> np.ndarray:
    """Whether each frame is one of the last or first few of its class in a row."""
    changes = np.flatnonzero(np.diff(labels))
    near = np.zeros(len(labels), bool)
    for change in changes:
        near[max(0, change + 1 - _TURN) : change + 1 + _TURN] = True
    return near


def _encoded(path: Path, video: TearFilmVideo) -> Iterator[tuple[int, Frame]]:
    """Writes a video as H.264, and gives every frame on the way."""
    import av  # here, so that bundles without videos don't need it

    height, width = video.size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(video.frame_rate).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast", "threads": "1"}
        for index, frame in enumerate(video):
            yield index, frame
            image = frame.image if video.device is None else video.device.coloured(frame.image)
            kind = "rgb24" if image.ndim == 3 else "gray"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format=kind)))
        container.mux(stream.encode())


def _write_truth(path: Path, video: TearFilmVideo, job: _Film) -> None:
    truth = {
        "simulated": True,
        "seed": video.seed,
        "frame_rate": video.frame_rate,
        "height": video.size[0],
        "width": video.size[1],
        **({"device": asdict(video.device)} if video.device else {}),
        "intervals": [interval._asdict() for interval in video.intervals],
        "frames": [
            {
                "class": TFM_CLASSES[label],
                "boxes": (
                    None if label == CLOSED else dict(zip(TFM_BOXES, video.boxes(index).round(2).tolist(), strict=True))
                ),
                "break_up_pixels": int(video.mask(index).sum()) if label == BROKEN else 0,
            }
            for index, label in enumerate(video.labels)
        ],
    }
    path.write_text(json.dumps(truth, indent=1) + "\n")


def _write_frame(folder: Path, part: str, name: str, frame: Frame, device: Device | None) -> None:
    image = frame.image if device is None else device.coloured(frame.image)
    Image.fromarray(image).save(folder / "images" / part / f"{name}.png", compress_level=_FAST)
    if frame.boxes is None:
        return
    height, width = frame.image.shape
    relative = np.clip(frame.boxes / (width, height, width, height), 0, 1)
    rows = np.hstack(((relative[:, :2] + relative[:, 2:]) / 2, relative[:, 2:] - relative[:, :2]))
    lines = [f"{number} " + " ".join(f"{value:.6f}" for value in row) + "\n" for number, row in enumerate(rows)]
    (folder / "labels" / "detection" / part / f"{name}.txt").write_text("".join(lines))
    if frame.label == BROKEN:
        (folder / "labels" / "segmentaiton" / part / f"{name}.txt").write_text(_polygons(frame.mask))
    x0, y0, x1, y1 = np.maximum(np.rint(frame.boxes[-1]).astype(int), 0)
    window = slice(y0, y1), slice(x0, x1)
    crop, mask = Image.fromarray(image[window]), as_mask(frame.mask[window])
    for kind, picture in (("images", crop), ("masks", mask)):
        whole, part_of_them = (
            folder / f"crop_{crops}" / kind / part / f"{name}.png"
            for crops in ("full", "broken_only" if frame.label == BROKEN else "non_broken")
        )
        picture.save(whole, compress_level=_FAST)
        shutil.copyfile(whole, part_of_them)


def _polygons(mask: np.ndarray) -> str:
    """Outlines of a mask's regions as rows of a class and x y x y ..., relative to the frame; they can't show holes."""
    height, width = mask.shape
    lines = []
    for contour in find_contours(np.pad(mask, 1).astype(float), 0.5):
        corners = approximate_polygon(contour, 0.01)[:-1, ::-1] - 0.5  # padding and the pixel's centre
        if len(corners) > 2:
            lines.append("0 " + " ".join(f"{value:.6f}" for value in (corners / (width, height)).ravel()) + "\n")
    return "".join(lines)
