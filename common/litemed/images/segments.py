# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the numbers of a label map are called, coded and coloured, for programs that show it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from litemed.bundles import metadata_of
from litemed.files import replacing
from litemed.images.names import image_suffix
from litemed.images.overlay import object_colour

__all__ = ["TISSUE", "Code", "Segment", "bundle_segments", "write_colour_tables"]


class Code(NamedTuple):
    """A coded concept of DICOM, such as ``Code("SCT", "59820001", "Blood vessel")``."""

    scheme: str
    value: str
    meaning: str


TISSUE = Code("SCT", "85756007", "Tissue")
"""What is coded where nothing closer is known."""


class Segment(NamedTuple):
    """One number of a label map.

    Attributes:
        label: the number, from 1.
        name: for people.
        category: DICOM's segmented property category (CID 7150).
        type: DICOM's segmented property type (CID 7151).
        chosen: RGB, each 0 to 255; None for the colour that overlays have.
    """

    label: int
    name: str
    category: Code = TISSUE
    type: Code = TISSUE
    chosen: tuple[int, int, int] | None = None

    @property
    def colour(self) -> tuple[int, int, int]:
        """RGB: as chosen, else the one that overlays have."""
        return object_colour(self.label) if self.chosen is None else self.chosen


def bundle_segments(bundle_root: str | os.PathLike[str], labels: Iterable[int]) -> list[Segment]:
    """What a bundle's metadata call the numbers of its label maps.

    Names are those of ``network_data_format.outputs.pred.channel_def``. Of a bundle with one class, whose numbers count
    objects, they are the class with the number: ``object 2``. Codes stand under ``litemed.segments``, by name:
    ``"SCT 91723000 Anatomical structure; SCT 59820001 Blood vessel"``, category and type.

    Args:
        bundle_root: the bundle's folder.
        labels: numbers; 0 is left out.

    Raises:
        FileNotFoundError: when there are no metadata.
        ValueError: for a code that is none.
    """
    metadata = metadata_of(bundle_root)
    outputs: Any = metadata.get("network_data_format", {}).get("outputs", {})
    classes = {int(key): str(name) for key, name in outputs.get("pred", {}).get("channel_def", {}).items()}
    classes.pop(0, None)
    codes = metadata["litemed"].get("segments", {})
    only = next(iter(classes.values())) if len(classes) == 1 else "object"
    counts = len(classes) < 2
    found = []
    for label in sorted(int(each) for each in labels if each):
        name = only if counts else classes.get(label, only)
        told = codes.get(name)
        category, kind = _codes(told, name) if told else (TISSUE, TISSUE)
        found.append(Segment(label, f"{name} {label}" if counts or label not in classes else name, category, kind))
    return found


def _codes(text: str, name: str) -> tuple[Code, Code]:
    parts = [part.split(maxsplit=2) for part in text.split(";")]
    if len(parts) != 2 or any(len(part) != 3 for part in parts):
        raise ValueError(f"segment {name}: expected category and type as SCHEME CODE MEANING; ..., got {text!r}")
    return Code(*parts[0]), Code(*parts[1])


def write_colour_tables(labels_file: str | os.PathLike[str], segments: Sequence[Segment]) -> list[Path]:
    """Write names and colours beside a label map: ``.ctbl`` for 3D Slicer, ``.label`` for ITK-SNAP.

    Args:
        labels_file: the label map; the tables have its name with their own suffixes.
        segments: its numbers.

    Returns:
        the files.
    """
    source = Path(labels_file)
    base = source.name.removesuffix(image_suffix(source))
    rows = [(each.label, each.name, each.colour) for each in segments]
    slicer = ["# 3D Slicer colour table", "0 background 0 0 0 0"]
    slicer += [f"{label} {name.replace(' ', '_')} {red} {green} {blue} 255" for label, name, (red, green, blue) in rows]
    snap = ["# ITK-SNAP label description", '0 0 0 0 0 0 0 "Clear Label"']
    snap += [f'{label} {red} {green} {blue} 1 1 1 "{name}"' for label, name, (red, green, blue) in rows]
    written = []
    for suffix, lines in ((".ctbl", slicer), (".label", snap)):
        with replacing(source.with_name(base + suffix)) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        written.append(source.with_name(base + suffix))
    return written
