# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of real labelled pictures and volumes into one set of the challenge's archives, divided by patient.

    python bundles/swiftmedsam/eval/prepare_data.py ROOT OUTPUT [--table sets.json]

``ROOT`` holds a folder for each row of the table, with its images and masks. ``OUTPUT`` gets ``training``,
``validation``, ``test/seen``, ``test/unseen``, ``pictures`` (without masks, for what needs none), ``volumes`` (whole,
of the test patients), ``validation_volumes`` and ``counts.json``. A row of the table says

    set, folder      name without blanks and underscores; folder in ROOT, by default ``set``
    modality         one of `litemed.networks.MODALITIES`
    licence          terms of pictures and masks
    use              "seen": divided by patient into training, validation and test/seen; "training": all of it learns,
                     where patients can't be told apart; "unseen": all of it is test/unseen; "pictures": has no masks
    new_kind         whether an unseen set's objects are of a kind that no training set of its modality shows
    patient          regular expression whose groups, joined, name patient, sequence or series; default the whole stem
    family           sets that share patients bear one name, by default the set's
    parts            patients of "test" and "validation", for sets too small to be drawn
    stems            regular expression that the stems of the set contain, where a folder holds more than one set
    images, masks    folders, by default "images" and "masks"
    threshold, labels, components, min_size, window, plane   see `litemed.datasets.challenge_conversion`
    slices           most slices taken of a volume (default 5), evenly over those that bear a label
    more             most further slices of a training volume, evenly over it, into ``pictures`` (default 0)

Other patients are drawn by a hash of their name, so that a patient stays in its part when others come: a quarter to
test, at most 24 pictures a set, 15 % to validation, at most 10. Pictures are shrunk to at most 1024 pixels on the
longer side; a white rim of a turned scan is blackened in pictures without masks.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from litemed.command_line import run_command
from litemed.datasets.challenge import read_challenge, write_challenge
from litemed.datasets.challenge_conversion import convert_case
from litemed.images.boxes import mask_boxes
from litemed.networks import modality_index
from litemed.transforms.pictures import LoadPictured
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

__all__ = ["prepare"]

TABLE = Path(__file__).with_name("sets.json")
USES = ("seen", "training", "unseen", "pictures")
TEST_SHARE, TEST_MOST = 0.25, 24
VALIDATION_SHARE, VALIDATION_MOST = 0.15, 10
LONGEST = 1024
WHITE = 250
CONVERSION = ("threshold", "labels", "components", "min_size", "window", "plane")
REQUIRED = ("set", "modality", "licence", "use")
OPTIONAL = ("folder", "new_kind", "stems", "patient", "family", "parts", "images", "masks", "slices", "more")


def prepare(root: str | os.PathLike[str], output: str | os.PathLike[str], table: str | None = None) -> None:
    """Writes the archives of all rows whose folder is in ``root``; sets that aren't there are named.

    Args:
        root: folder of the sets.
        output: folder for the archives; must not exist or be empty.
        table: JSON list of rows, see above; by default ``sets.json`` beside this file.

    Raises:
        FileNotFoundError: when ``root`` isn't there.
        ValueError: for a wrong row, a stem without patient, or a wrong file; nothing is written to ``output`` then.
    """
    root, output = Path(root), Path(output)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder")
    if output.exists() and any(output.iterdir()):
        raise ValueError(f"{output} isn't empty")
    rows = [check_row(row) for row in json.loads(Path(table or TABLE).read_text())]
    there = [row for row in rows if (root / row.get("folder", row["set"])).is_dir()]
    if absent := sorted({row["set"] for row in rows} - {row["set"] for row in there}):
        print(f"not in {root}: {', '.join(absent)}")
    if not there:
        raise ValueError(f"{root} holds no folder of the table")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        made = Path(scratch) / "made"
        counts = [count for row in tqdm(there, desc="sets", disable=None) for count in write_set(row, root, made)]
        (made / "counts.json").write_text(json.dumps(counts, indent=1) + "\n")
        if output.exists():
            output.rmdir()
        shutil.move(made, output)


def check_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row, or ValueError for what is wrong with it."""
    if unknown := sorted(row.keys() - {*REQUIRED, *OPTIONAL, *CONVERSION}):
        raise ValueError(f"{row.get('set')}: unknown {', '.join(unknown)}")
    if missing := [key for key in REQUIRED if key not in row]:
        raise ValueError(f"{row.get('set')}: expected {', '.join(missing)}")
    if row["use"] not in USES or re.search(r"[\s_/\\]", row["set"]):
        raise ValueError(f"{row['set']}: expected a set without blanks and underscores, and a use of {', '.join(USES)}")
    modality_index(row["modality"])
    return row


def write_set(row: dict[str, Any], root: Path, output: Path) -> list[dict[str, Any]]:
    """Archives of one set; a count for each part."""
    folder = root / row.get("folder", row["set"])
    images = by_stem(folder / row.get("images", "images"))
    images = {stem: path for stem, path in images.items() if re.search(row.get("stems", ""), stem)}
    if not images:
        raise ValueError(f"{folder}: no images of {row['set']}")
    patients = {stem: patient_of(stem, row) for stem in images}
    parts = parts_of(row, patients)
    masks = {} if row["use"] == "pictures" else by_stem(folder / row.get("masks", "masks"))
    if alone := sorted(images.keys() - masks.keys()) if masks else []:
        raise ValueError(f"{folder}: without mask {', '.join(alone[:5])}")
    pictures, objects, left_out = Counter[str](), Counter[str](), 0
    for stem, path in images.items():
        part = parts[stem]
        name = f"{row['modality']}_{row['set']}_{stem}"
        if part == "pictures":
            write_challenge(_made(output, part) / f"2D_{name}.npz", shrunk(blackened(picture(path))))
            pictures[part] += 1
            continue
        further = row.get("more", 0) if part == "training" else 0
        whole = {"training": None, "validation": "validation_volumes"}.get(part, "volumes")
        for found in cases_of(row, path, masks[stem], None if whole is None else output / whole, name, further):
            if found is None:
                left_out += 1
                continue
            suffix, pixels, labels = found
            if labels is None:
                write_challenge(_made(output, "pictures") / f"2D_{name}{suffix}.npz", pixels)
                pictures["pictures"] += 1
                continue
            boxes, _ = mask_boxes(labels)
            write_challenge(_made(output, part) / f"2D_{name}{suffix}.npz", pixels, boxes=boxes, labels=labels)
            pictures[part] += 1
            objects[part] += len(boxes)
    shown_by = {} if row["use"] == "pictures" else {"pictures": "training"}  # whose patients further slices are of
    return [
        {
            "set": row["set"],
            "modality": row["modality"],
            "licence": row["licence"],
            "part": part,
            "new_kind": row.get("new_kind", False),
            "patients": len({patients[stem] for stem in images if parts[stem] == shown_by.get(part, part)}),
            "pictures": pictures[part],
            "objects": objects[part],
            "without_object": left_out,
        }
        for part in sorted(pictures)
    ]


def patient_of(stem: str, row: dict[str, Any]) -> str:
    """Patient, sequence or series in a stem."""
    if "patient" not in row:
        return stem
    match = re.search(row["patient"], stem)
    if match is None:
        raise ValueError(f"{row['set']}: no patient in {stem!r} by {row['patient']!r}")
    return "-".join(match.groups())


def parts_of(row: dict[str, Any], patients: dict[str, str]) -> dict[str, str]:
    """Part of each stem; all stems of a patient have the same."""
    if row["use"] != "seen":
        part = {"unseen": "test/unseen"}.get(row["use"], row["use"])
        return dict.fromkeys(patients, part)
    given = row.get("parts", {})
    test, validation = set(given.get("test", ())), set(given.get("validation", ()))
    if not (test or validation):
        test, validation = drawn(row.get("family", row["set"]), Counter(patients.values()))
    return {
        stem: "test/seen" if own in test else "validation" if own in validation else "training"
        for stem, own in patients.items()
    }


def drawn(family: str, pictures: Counter[str]) -> tuple[set[str], set[str]]:
    """Patients of test and of validation, by their hashes."""
    order = sorted(pictures, key=lambda own: hashlib.sha256(f"{family}/{own}".encode()).hexdigest())
    total, chosen = sum(pictures.values()), []
    for share, most in ((TEST_SHARE, TEST_MOST), (VALIDATION_SHARE, VALIDATION_MOST)):
        wanted, own, count = min(round(share * total), most), set[str](), 0
        while order and count < wanted:
            own.add(order[0])
            count += pictures[order.pop(0)]
        chosen.append(own)
    return chosen[0], chosen[1]


def cases_of(
    row: dict[str, Any], image: Path, mask: Path, volumes: Path | None, name: str, further: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray | None] | None]:
    """Name suffix, pixels and labels 1 to N of a picture or of a volume's slices; None where no object is.

    So many further slices of a volume come without labels.
    """
    options = {key: row[key] for key in CONVERSION if key in row}
    least = options.get("min_size", 1)
    with tempfile.TemporaryDirectory() as scratch:
        if image.name.endswith((".nii.gz", ".nii", ".nrrd")):
            whole = {key: value for key, value in options.items() if key not in ("components", "min_size")}
            path = convert_case(image, mask, Path(scratch) / f"{name}.npz", row["modality"], **whole)
            case = read_challenge(path)
            assert case.labels is not None
            if volumes is not None:
                volumes.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, volumes / path.name)
            chosen = spread(case.labels, least, row.get("slices", 5))
            for index in chosen:
                yield f"_z{index:03d}", case.images[index], renumbered(case.labels[index], least)
            others = [index for index in range(len(case.images)) if index not in chosen]
            for index in evenly(others, further):
                yield f"_z{index:03d}", case.images[index], None
            return
        try:
            path = convert_case(
                image, readable(mask, Path(scratch)), Path(scratch) / f"{name}.npz", row["modality"], **options
            )
        except ValueError as error:
            if "no object of at least" not in str(error):
                raise
            yield None
            return
        case = read_challenge(path)
        assert case.labels is not None
        labels = renumbered(shrunk(case.labels, nearest=True), 1)
        yield ("", shrunk(case.images), labels) if labels.any() else None


def spread(labels: np.ndarray, least: int, most: int) -> list[int]:
    """Slices with an object of at least so many pixels, at most so many, evenly among them."""
    held = [index for index, plane in enumerate(labels) if np.bincount(plane.ravel())[1:].max(initial=0) >= least]
    return evenly(held, most)


def evenly(values: list[int], most: int) -> list[int]:
    """At most so many of the values, at equal steps."""
    count = min(most, len(values))
    return [values[(2 * place + 1) * len(values) // (2 * count)] for place in range(count)]


def renumbered(labels: np.ndarray, least: int) -> np.ndarray:
    """Labels 1 to N, without those of fewer pixels."""
    sizes = np.bincount(labels.ravel())
    kept = sizes >= least
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0)
    return numbers[labels].astype(np.min_scalar_type(int(numbers.max())))


def readable(mask: Path, scratch: Path) -> Path:
    """The mask, or a grey copy of one whose colour channels were made unequal by JPEG."""
    with Image.open(mask) as opened:
        if opened.format != "JPEG" or opened.mode == "L":
            return mask
        grey = scratch / f"{mask.stem}.png"
        Image.fromarray(np.where(np.asarray(opened.convert("L")) > 127, 255, 0).astype(np.uint8)).save(grey)
    return grey


def picture(path: Path) -> np.ndarray:
    """8-bit RGB."""
    array = np.asarray(LoadPictured("image")({"image": str(path)})["image"]).transpose(2, 1, 0)
    if array.max() > 255:
        array = (array - array.min()) * (255 / max(float(array.max() - array.min()), 1e-8))
    return np.ascontiguousarray(np.rint(array).astype(np.uint8))


def shrunk(array: np.ndarray, nearest: bool = False) -> np.ndarray:
    """At most 1024 on the longer side, by areas, or by nearest neighbours for labels."""
    scale = LONGEST / max(array.shape[:2])
    if scale >= 1:
        return array
    size = tuple(max(1, round(side * scale)) for side in array.shape[1::-1])
    if nearest:
        return np.asarray(Image.fromarray(array.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
    return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BOX))


def blackened(pixels: np.ndarray) -> np.ndarray:
    """White regions at the border made black: a turned scan's, by which its source would be told."""
    regions, _ = ndimage.label(pixels.min(axis=2) >= WHITE)
    rim = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.where(np.isin(regions, np.unique(rim[rim > 0]))[..., None], 0, pixels)


def by_stem(folder: Path) -> dict[str, Path]:
    """Files by their names without suffixes."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    return {re.sub(r"(\.nii)?\.[A-Za-z]+$", "", path.name): path for path in files if path.suffix != ".txt"}


def _made(output: Path, part: str) -> Path:
    folder = output / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    run_command(prepare, "prepare_data")
