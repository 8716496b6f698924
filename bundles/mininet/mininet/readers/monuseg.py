# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MoNuSeg: nuclei in stained tissue of several organs, outlined in Aperio ImageScope."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from litemed.datasets.files import Case, dataset_root, index, listing, pair, wrong_layout
from litemed.datasets.validation import check_cases, image_size
from litemed.files import replacing
from PIL import Image
from skimage.draw import polygon

_MAX_LABEL = np.iinfo(np.uint16).max


def monuseg(
    root: str | os.PathLike[str], masks_dir: str | os.PathLike[str] | None = None, validate: bool = True
) -> list[Case]:
    """Reads MoNuSeg (Kumar et al., IEEE TMI 36(7), 2017 and 39(5), 2020): tissue pictures of 1000x1000 at 40x.

    The layout is ``Tissue Images/*.tif`` with ``Annotations/*.xml`` (training), or both in one folder (test). The
    outlines are painted into 16-bit instance masks (see `imagescope_instances`) when a mask is missing or older than
    its XML file. Patients are told by the first 12 characters of a case (``TCGA-XX-XXXX``).

    Args:
        root: the data set's folder.
        masks_dir: where the masks ``<case>.png`` are kept; ``root/masks`` by default.
        validate: check sizes and values of all files.

    Returns:
        Cases whose label is an instance mask: 0 background, 1 to N nuclei.

    Raises:
        FileNotFoundError: when the folder has another layout.
        ValueError: names the files that lack a partner or are broken.
    """
    base = dataset_root(root)
    two_folders = (base / "Tissue Images").is_dir()
    outlines = {path.stem: path for path in sorted((base / "Annotations" if two_folders else base).glob("*.xml"))}
    if not outlines:
        raise wrong_layout(base, "Tissue Images/*.tif and Annotations/*.xml, or *.tif beside *.xml")
    images = index(base / "Tissue Images" if two_folders else base)
    cases = pair(images, label=outlines)
    masks = Path(masks_dir).expanduser().absolute() if masks_dir is not None else base / "masks"
    for case in cases:
        case["label"] = str(_painted(Path(case["label"]), Path(case["image"]), masks / f"{case['case']}.png"))
    if validate:
        check_cases(cases)
    return cases


def imagescope_instances(xml_path: str | os.PathLike[str], size: tuple[int, int]) -> np.ndarray:
    """Paints the regions of an Aperio ImageScope file into an instance mask.

    Coordinates count from the picture's upper left corner, so the pixel in row r, column c has its centre at
    ``X = c + 0.5``, ``Y = r + 0.5``. A pixel belongs to a region if its centre lies inside the outline or on it, by the
    even-odd rule where the outline crosses itself; what lies outside the picture is cut off. Where regions overlap, the
    one that comes first in the file keeps the pixels, as in the data set's own MATLAB code (which, by its one-based
    pixel centres, lies half a pixel up and left of this). Regions with ``NegativeROA="1"`` are holes: they are cleared
    after all others are painted. Regions that enclose no free pixel get no number, with a warning.

    Args:
        xml_path: the XML file, with ``Region`` elements of ``Vertex`` elements with ``X`` and ``Y`` in pixels.
        size: height and width of the picture in pixels.

    Returns:
        uint16 array of that size: 0 background, 1 to N in the order of the file.

    Raises:
        ValueError: when the file isn't such an XML file, a coordinate isn't a finite number, or there are more than
            65,535 regions.
    """
    mask = np.zeros(size, np.uint16)
    holes, nothing, count = [], [], 0
    for name, is_hole, x, y in _regions(Path(xml_path)):
        rows, columns = polygon(y - 0.5, x - 0.5, size) if len(x) > 2 else np.zeros((2, 0), int)
        if is_hole:
            holes.append((rows, columns))
            continue
        free = mask[rows, columns] == 0
        if not free.any():
            nothing.append(f"region {name}")
            continue
        count += 1
        if count > _MAX_LABEL:
            raise ValueError(f"{xml_path} has more than {_MAX_LABEL} regions")
        mask[rows[free], columns[free]] = count
    for hole in holes:
        mask[hole] = 0
    if nothing:
        total = count + len(nothing)
        warnings.warn(
            f"{len(nothing)} of {total} regions of {xml_path} enclose no free pixel:{listing(nothing)}", stacklevel=2
        )
    return mask


def _regions(path: Path) -> Iterator[tuple[str, bool, np.ndarray, np.ndarray]]:
    """Name, whether it is a hole, and X and Y of the vertices, of each region in the order of the file."""
    try:
        tree = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} can't be read: {error}") from error
    if tree.tag != "Annotations":
        raise ValueError(f"{path} isn't an ImageScope file: expected the element Annotations, got {tree.tag}")
    for position, region in enumerate(tree.iter("Region"), start=1):
        name = region.get("Id", str(position))
        try:
            vertices = [(float(vertex.attrib["X"]), float(vertex.attrib["Y"])) for vertex in region.iter("Vertex")]
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: region {name} has a vertex without a number for X or Y ({error})") from error
        x, y = np.array(vertices, dtype=float).reshape(-1, 2).T
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError(f"{path}: region {name} has a vertex that isn't finite")
        yield name, region.get("NegativeROA") == "1", x, y


def _painted(outlines: Path, image: Path, mask: Path) -> Path:
    if not mask.exists() or mask.stat().st_mtime < outlines.stat().st_mtime:
        width, height = image_size(image)
        instances = imagescope_instances(outlines, (height, width))
        with replacing(mask) as temporary:
            Image.fromarray(instances).save(temporary, format="PNG")
    return mask
