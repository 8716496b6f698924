# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a session leaves behind: the masks, a table of the objects, and the prompts to draw them again."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

from litemed.files import replacing
from litemed.images.dicom_seg import write_dicom_seg
from litemed.images.names import is_archive, is_dicom, result_name
from litemed.images.overlay import parse_colour
from litemed.images.segments import Segment, write_colour_tables
from litemed.metrics.tables import write_rows
from litemed.notices import Notice
from litemed.prompting.session import Session

__all__ = ["write_results"]


def write_results(session: Session, output_dir: str | os.PathLike[str]) -> list[Path]:
    """Wait for what is followed, and write what was outlined; each file whole or not at all.

    Args:
        session: of an image.
        output_dir: folder, made when it isn't there.

    Returns:
        ``<stem>_mask.*``, see `Session.save`; ``<stem>_objects.csv``, see `Session.table`; ``<stem>_prompts.json``, by
        which ``litemed segment --prompts`` draws the same masks; of volumes names and colours for 3D Slicer and
        ITK-SNAP, see `litemed.images.segments`; and of DICOM ``<stem>_segments.dcm``, a DICOM SEG. What keeps that from
        being written is told by a `litemed.notices.Notice`.

    Raises:
        ValueError: when nothing is outlined, or as `Session.save`.
    """
    if not session.objects:
        raise ValueError(f"{session.image.path}: nothing is outlined yet")
    mask = session.save(output_dir)
    table, prompts = (
        mask.with_name(result_name(session.image.path, kind, suffix, session.image.part))
        for kind, suffix in (("objects", ".csv"), ("prompts", ".json"))
    )
    write_rows(table, session.table())
    with replacing(prompts) as temporary:
        temporary.write_text(json.dumps(session.to_json(), indent=4) + "\n", encoding="utf-8")
    return [mask, table, prompts, *(_write_names(session, mask) if session.image.is_volume else ())]


def _write_names(session: Session, mask: Path) -> list[Path]:
    """Write what belongs to the label map of a volume."""
    image = session.image
    colours = session.colours
    segments = [
        Segment(label, name, chosen=parse_colour(colours[name])) for label, name in enumerate(session.objects, start=1)
    ]
    written = [] if is_archive(image.path) else write_colour_tables(mask, segments)
    if image.path.is_dir() or is_dicom(image.path):
        target = mask.with_name(result_name(image.path, "segments", ".dcm", image.part))
        try:
            series = image.options["series"]
            written.append(write_dicom_seg(target, session.labels(), image.path, segments, series=series))
        except (ImportError, ValueError) as error:  # the label map is there all the same
            warnings.warn(str(error), Notice, stacklevel=2)
    return written
