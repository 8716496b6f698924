# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Our measurements beside those of ``periorbital-package`` 0.1.3 (Nahass et al.) on the same label maps.

It needs an environment of its own with the packages that the peer's geometry imports, and the peer unpacked:

    python -m pip download --no-deps periorbital-package==0.1.3 -d PEER && (cd PEER && python -m zipfile -e *.whl .)
    python -m pip install opencv-python-headless scikit-learn
    python bundles/tiu_ocular/eval/periorbital.py --peer PEER --faces 60

The maps are of simulated faces, both eyes beside each other, as the geometry gives them: no network. Lengths in mm by
an iris of 11.71 mm, each tool by the diameters that it found itself.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from litemed.command_line import run_command
from PIL import Image
from tiu_ocular.measurements import IRIS_MM, measure_eyes
from tiu_ocular.regions import REGIONS
from tiu_ocular.simulation.geometry import Camera, Eye
from tiu_ocular.simulation.people import draw_person, draw_pose

_NAMES = {"mrd1": "mrd_1", "mrd2": "mrd_2", "pfh": "vert_pf", "fissure_width": "horiz_fissure"}
_NAMES["iris_diameter"] = "iris_diameter"
_SIZE, _SCALE = (360, 240), 10.0  # of each half, and pixels a millimetre


def compare(peer: str, faces: int = 60, tilt: bool = True, seed: int = 0, json_path: str | None = None) -> None:
    """Measure simulated faces by both tools and print how they differ.

    Args:
        peer: folder with the unpacked package.
        faces: how many, half of them with drooping lids.
        tilt: outer canthi as high above the inner ones as people have them; without, both are level.
        seed: of the faces.
        json_path: file for every value.
    """
    theirs = _peer(Path(peer))
    rows: list[dict[str, Any]] = []
    for number in range(faces):
        droops = bool(number % 2)
        labels, eyes = _face(np.random.default_rng([seed, number]), droops, tilt)
        ours = measure_eyes(labels, iris_mm=IRIS_MM)
        if len(ours) < 2:
            continue  # an eye that is closed
        other = theirs(labels)
        for side, eye in eyes.items():
            row = {"face": number, "side": side, "droops": droops, "exact": _exact(eye)}
            row["ours"] = {name: ours[side][name] for name in _NAMES}
            row["theirs"] = {name: other[f"{side}_{key}"] for name, key in _NAMES.items()}
            rows.append(row)
    groups = {
        "open lids": [row for row in rows if not row["droops"]],
        "drooping lids above the iris's centre": [r for r in rows if r["droops"] and r["exact"]["mrd1"] > 0],
        "drooping lids below it": [row for row in rows if row["droops"] and row["exact"]["mrd1"] <= 0],
    }
    for title, chosen in groups.items():
        print(f"\n{title}: {len(chosen)} eyes\n")
        print("| mm | theirs less ours, mean | its magnitude | ours from exact | theirs from exact |")
        print("| --- | --- | --- | --- | --- |")
        for name in _NAMES:
            known = [row for row in chosen if row["ours"][name] is not None]
            if known:
                own, peers, exact = (np.array([row[k][name] for row in known]) for k in ("ours", "theirs", "exact"))
                cells = [f"{name} ({len(known)})", f"{(peers - own).mean():+.2f} (SD {(peers - own).std():.2f})"]
                cells += [f"{np.abs(gap).mean():.2f}" for gap in (peers - own, own - exact, peers - exact)]
                print(f"| {' | '.join(cells)} |")
    if json_path:
        Path(json_path).write_text(json.dumps(rows, indent=1) + "\n")


def _face(rng: np.random.Generator, droops: bool, tilt: bool) -> tuple[np.ndarray, dict[str, Eye]]:
    """Label map of two eyes that look ahead, the right one on the left, and the eyes themselves."""
    person = draw_person(rng, "clinical")
    person = dataclasses.replace(
        person,
        iris_radius=IRIS_MM / 2,
        hooding=0.0,
        epicanthus=0.0,
        canthal_tilt=person.canthal_tilt if tilt else 0.0,
        ptosis=person.ptosis if droops else (0.0, 0.0),
    )
    halves, eyes = [], {}
    for side in ("right", "left"):
        pose = draw_pose(rng, person, "clinical", "right" if side == "right" else "left")
        pose = dataclasses.replace(pose, yaw=0.0, pitch=0.0, openness=1.0)
        camera = Camera.looking(_SIZE, (_SIZE[0] / 2, _SIZE[1] / 2), _SCALE, 0, (1, 1), side == "right")
        eyes[side] = Eye(person, pose, camera)
        halves.append(eyes[side].label_map())
    return np.concatenate(halves, axis=1), eyes


def _exact(eye: Eye) -> dict[str, float]:
    """In mm, from the curves; heights at right angles to the line through the canthi."""
    along = np.subtract(eye.outer_canthus, eye.inner_canthus)
    width = float(np.hypot(*along))
    along = along / width
    across = np.array([-along[1], along[0]])
    up, down = (
        float(np.interp(0, points @ along, points @ across))
        for points in (np.stack([eye.grid, margin], axis=1) - eye.iris_centre for margin in (eye.upper, eye.lower))
    )
    return {"mrd1": up, "mrd2": -down, "pfh": up - down, "fissure_width": width, "iris_diameter": IRIS_MM}


def _peer(folder: Path) -> Callable[[np.ndarray], dict[str, float]]:
    """Their measurements of a label map, in mm; their network and its packages aren't loaded."""
    package = types.ModuleType("periorbital")
    package.__path__ = [str(folder / "periorbital")]
    sys.modules["periorbital"] = package
    anatomy = _module(folder, "find_anatomy_from_masks")
    distances = _module(folder, "extract_periorbital_distances")

    def measure(labels: np.ndarray) -> dict[str, float]:
        masks = dict(_masks(labels))
        landmarks = anatomy.EyeFeatureExtractor(masks, Image.new("RGB", labels.shape[::-1])).extract_features()
        found = distances.EyeMetrics(landmarks, masks).run()
        both = {f"{side}_iris_diameter": landmarks[f"{side}_iris_diameter"] for side in ("right", "left")}
        scale = 11.71 / (sum(both.values()) / 2)  # as in their convert_measurements
        return {
            key: float(value) * scale
            for key, value in {**found, **both}.items()
            if isinstance(value, int | float | np.floating)
        }

    return measure


def _module(folder: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"periorbital.{name}", folder / "periorbital" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"no module {name} of periorbital in {folder}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _masks(labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Masks under their names: the iris is the whole disc, and a line far above stands for brows."""
    middle = labels.shape[1] // 2
    brow = np.zeros(labels.shape, bool)
    brow[2] = True
    sclera = labels == REGIONS.index("sclera")
    wanted = {
        "sclera_orig": sclera,
        "sclera": sclera,
        "iris": np.isin(labels, (REGIONS.index("iris"), REGIONS.index("pupil"))),
        "caruncle": labels == REGIONS.index("caruncle"),
        "brow": brow,
    }
    for name, mask in wanted.items():
        for side, part in (("right", slice(0, middle)), ("left", slice(middle, None))):
            own = np.zeros(labels.shape, int)
            own[:, part] = mask[:, part]
            yield f"{side}_{name}", own


if __name__ == "__main__":
    run_command(compare, "periorbital.py")
