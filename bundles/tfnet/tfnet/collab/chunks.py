# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Findings kept on disk, a fixed number of frames at a time, so that an interrupted run can go on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from litemed.files import replacing
from PIL import Image

from tfnet.collab.clips import ClipWriter
from tfnet.collab.drawing import annotated_frame, annotated_size, break_up_picture
from tfnet.collab.frames import Finding, Patch
from tfnet.collab.video import Frame

__all__ = ["CHUNK_LENGTH", "MAP_SIDE", "Chunks"]

CHUNK_LENGTH = 128
"""Frames that are kept together, an even number; an interrupted run loses at most so many."""

MAP_SIDE = 160
"""Points along each side of the map over the outer ring."""

_FOLDER = ".unfinished"


class Chunks:
    """The unfinished results of one recording, in a hidden folder of the output.

    Every chunk is written into a folder that is renamed when it is whole: what has its final name is complete. Chunks
    don't depend on where a run was interrupted.

    Args:
        output_dir: folder that the results are for.
        key: everything that the results depend on. Chunks kept under another key are dropped.
        frame_rate: of the annotated video, or None to write none.
    """

    def __init__(self, output_dir: Path, key: dict[str, object], frame_rate: float | None) -> None:
        self.folder = output_dir / _FOLDER
        self._frame_rate = frame_rate
        said = json.dumps(key, sort_keys=True, indent=1)
        kept = self.folder / "key.json"
        if self.folder.exists() and (not kept.exists() or kept.read_text() != said):
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary:
            temporary.write_text(said)

    def complete(self) -> list[Path]:
        """Folders of the complete chunks, in order."""
        folders: list[Path] = []
        while (folder := self._folder(len(folders))).is_dir():
            folders.append(folder)
        return folders

    def findings(self) -> Iterator[Finding]:
        """What the complete chunks hold, frame by frame."""
        for folder in self.complete():
            with (folder / "findings.jsonl").open() as file:
                for line in file:
                    yield Finding(**json.loads(line))

    def map(self) -> tuple[np.ndarray, np.ndarray]:
        """How many broken frames were broken, and how many were seen, at every point over the outer ring."""
        broken, seen = np.zeros((2, MAP_SIDE, MAP_SIDE), dtype=np.int64)
        for folder in self.complete():
            with np.load(folder / "map.npz") as kept:
                broken += kept["broken"]
                seen += kept["seen"]
        return broken, seen

    def write(self, number: int, found: Iterable[tuple[Frame, Finding, Patch | None]], size: tuple[int, int]) -> None:
        """Write a chunk, whole or not at all.

        Args:
            number: of the chunk, from 0.
            found: its frames and what is known of them.
            size: height and width of the recording's frames.
        """
        half = self.folder / "half"
        shutil.rmtree(half, ignore_errors=True)
        for name in ("masks", "pictures"):
            (half / name).mkdir(parents=True)
        broken, seen = np.zeros((2, MAP_SIDE, MAP_SIDE), dtype=np.int32)
        largest: tuple[Frame, Finding, Patch] | None = None
        shown = annotated_size(*size)
        with ExitStack() as opened:
            rows = opened.enter_context((half / "findings.jsonl").open("w"))
            clip = None
            if self._frame_rate is not None:
                clip = opened.enter_context(ClipWriter(half / "annotated.mp4", shown, self._frame_rate))
            for frame, finding, patch in found:
                rows.write(json.dumps(finding.as_dict()) + "\n")
                if clip is not None:
                    clip.write(annotated_frame(frame.image, finding, patch, shown))
                if patch is None or frame.image is None or finding.rings is None:
                    continue
                _write_mask(half / "masks" / f"{finding.frame:06d}.png", patch, size)
                if finding.name != "broken":
                    continue
                sampled = finding.rings.sample(patch.mask, patch.corner, MAP_SIDE)
                broken += sampled[0]
                seen += sampled[1]
                if finding.begins:
                    _write_picture(half, frame.image, finding, patch)
                if largest is None or (finding.fraction or 0) > (largest[1].fraction or 0):
                    largest = (frame, finding, patch)
        if largest is not None and largest[0].image is not None:
            _write_picture(half, largest[0].image, *largest[1:])
        np.savez(half / "map.npz", broken=broken, seen=seen)
        os.rename(half, self._folder(number))

    def remove(self) -> None:
        """Drop everything kept."""
        shutil.rmtree(self.folder)

    def _folder(self, number: int) -> Path:
        return self.folder / f"chunk_{number:05d}"


def _write_mask(path: Path, patch: Patch, size: tuple[int, int]) -> None:
    """The mask in the frame's own coordinates, one bit a pixel."""
    Image.fromarray(patch.mapped_back(*size)).save(path, compress_level=1)


def _write_picture(folder: Path, image: np.ndarray, finding: Finding, patch: Patch) -> None:
    break_up_picture(image, finding, patch).save(folder / "pictures" / f"{finding.frame:06d}.jpg", quality=88)
