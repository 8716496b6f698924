# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writing simulated eyes: pictures, LabelMe files and the table of measures."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import approximate_polygon, find_contours

from tiu_ocular.simulation.geometry import BACKGROUND, CARUNCLE, IRIS, PUPIL, SCLERA
from tiu_ocular.simulation.people import Domain, Person, Pose, Side, draw_person, draw_pose
from tiu_ocular.simulation.photo import draw_camera
from tiu_ocular.simulation.scene import Shot, shoot

_NOTICE = """Simulated photographs of eyes in visible light with LabelMe annotations.
No person, no photograph: for trying out the software and for training, never presented as clinical.
truth.csv: lengths in pixels as if nothing were cut off or covered, areas in pixels of what is visible.
"""
_DOMAINS: tuple[Domain, ...] = ("public", "clinical")
_AFFECTED = 0.8  # millimetres of ptosis from which an eye counts as affected
# Outlines run through the middle between pixels, at least 0.35 pixels from any pixel's centre: a polygon that stays
# closer to them than that has the same pixels inside.
_TOLERANCE = 0.3
# Each region with what lies on top of it, so that later ones are painted over it.
_PAINTED = {
    "sclera": (SCLERA, IRIS, PUPIL, CARUNCLE),
    "iris": (IRIS, PUPIL),
    "pupil": (PUPIL,),
    "caruncle": (CARUNCLE,),
}


def write_eyes(
    folder: Path, domain: Domain, subjects: int, images: int, size: tuple[int, int], closed: float, seed: int
) -> None:
    """Writes a sample into an empty folder; see `tiu_ocular.simulation`."""
    (folder / "README.txt").write_text(_NOTICE)
    rows = []
    for subject in range(subjects):
        key = [seed, _DOMAINS.index(domain), subject]
        person = draw_person(np.random.default_rng(key), domain)
        for image in range(images):
            rng = np.random.default_rng([*key, image])
            side: Side = "right" if image % 2 == 0 else "left"
            pose = draw_pose(rng, person, domain, side)
            camera = draw_camera(rng, size, domain, mirrored=side == "right")
            if rng.random() < closed:
                pose = dataclasses.replace(pose, openness=0.0)
            shot = shoot(rng, person, pose, camera, domain)
            path = folder / _name(domain, subject, image, person, pose)
            path.parent.mkdir(exist_ok=True)
            shot.image.save(path, quality=int(rng.integers(30, 97)))
            path.with_suffix(".json").write_text(json.dumps(labelme_content(shot.labels, path.name)))
            rows.append(
                {"case": path.stem, "subject": f"{subject + 1:03d}", "eye": side} | _measures(person, pose, shot)
            )
    with (folder / "truth.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def labelme_content(labels: np.ndarray, image_name: str) -> dict[str, Any]:
    """What a LabelMe file holds: polygons that give back the label map when they are painted in order."""
    shapes: list[dict[str, Any]] = [
        {"label": name, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}}
        for name, values in _PAINTED.items()
        for points in _outlines(np.isin(labels, values))
    ]
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_name,
        "imageData": None,
        "imageHeight": labels.shape[0],
        "imageWidth": labels.shape[1],
    }


def _outlines(mask: np.ndarray) -> Iterator[list[list[float]]]:
    """Outer outlines of a mask without holes, as vertices x, y that count from the picture's corner."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return
    corner = np.array((columns[0], rows[0]))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for line in find_contours(np.pad(part, 1).astype(float), 0.5):
        # half a pixel less: the padding takes one, and pixel centres lie at one half
        points = approximate_polygon(line, _TOLERANCE)[:-1, ::-1] - 0.5 + corner
        yield np.round(points, 2).tolist()


def _name(domain: Domain, subject: int, image: int, person: Person, pose: Pose) -> str:
    """Path of a picture below the sample's folder."""
    if domain == "public":
        session, number = divmod(image // 2, 5)
        return f"C{2 * subject + 1 + image % 2}_S{session + 1}_I{number + 1}.jpg"
    group = "omg" if person.ptosis[0 if pose.side == "right" else 1] >= _AFFECTED else "healthy"
    return f"{group}/P{subject + 1:03d}_{pose.side[0].upper()}_{image // 2 + 1:02d}.jpg"


def _measures(person: Person, pose: Pose, shot: Shot) -> dict[str, Any]:
    labels = shot.of_eye
    areas = np.bincount(labels.ravel(), minlength=CARUNCLE + 1)
    seen = np.isin(labels, (IRIS, PUPIL)).sum()
    rim = np.concatenate((labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()))
    lengths = {name: round(value, 3) for name, value in dataclasses.asdict(shot.truth).items()}
    return lengths | {
        "sclera_area_px": areas[SCLERA],
        "iris_area_px": areas[IRIS],
        "pupil_area_px": areas[PUPIL],
        "caruncle_area_px": areas[CARUNCLE],
        "iris_visible_fraction": round(float(seen / shot.truth.iris_full_area_px), 4),
        "cut_by_border": int((rim != BACKGROUND).any()),
        "ptosis_mm": round(person.ptosis[0 if pose.side == "right" else 1], 3),
        "gaze_yaw_deg": round(pose.yaw, 2),
        "gaze_pitch_deg": round(pose.pitch, 2),
    }
