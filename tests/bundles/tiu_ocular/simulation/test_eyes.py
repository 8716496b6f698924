# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated eyes: exact regions and lengths, whole anatomy, the layouts of their readers, the same bytes each time."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from litemed.images.labelme import labelme_map
from litemed.metrics.anatomy import Anatomy
from litemed.metrics.violations import broken_pixels
from PIL import Image
from scipy import ndimage
from tiu_ocular import simulation
from tiu_ocular.readers.clinical_eyes import clinical_eyes
from tiu_ocular.readers.ubiris import ubiris
from tiu_ocular.simulation.geometry import CARUNCLE, IRIS, PUPIL, SCLERA, Camera, Eye
from tiu_ocular.simulation.people import Person, Pose, draw_person, draw_pose
from tiu_ocular.simulation.photo import draw_camera
from tiu_ocular.simulation.scene import shoot
from tiu_ocular.simulation.writing import labelme_content
from tiu_ocular.visibility import annotated, pupil_contrast

SMALL = {"subjects": 4, "images_per_subject": 2, "size": (120, 80)}
ANATOMY = Anatomy(
    contains=[("sclera", "iris"), ("iris", "pupil")],
    exclusive=[("sclera", "pupil")],
    names=("background", "sclera", "iris", "pupil", "caruncle"),
    occluders=["background"],
)


def person_and_pose(**changes: object) -> tuple[Person, Pose]:
    """A person with level lids that looks straight ahead."""
    person = dataclasses.replace(
        draw_person(np.random.default_rng(0), "public"),
        fissure_width=30.0,
        canthal_tilt=0.0,
        upper_height=7.0,
        lower_height=5.0,
        upper_shape=(0.8, 0.8),
        lower_shape=(0.8, 0.8),
        pupil_height=1.0,
        hooding=0.0,
        iris_radius=6.0,
        caruncle=(3.0, 2.0),
        ptosis=(0.0, 0.0),
    )
    pose = Pose("left", yaw=0.0, pitch=0.0, openness=1.0, pupil_radius=2.0, pupil_shift=(0.0, 0.0))
    of_pose = {field.name for field in dataclasses.fields(Pose)} & changes.keys()
    pose = dataclasses.replace(pose, **{name: changes.pop(name) for name in of_pose})
    return dataclasses.replace(person, **changes), pose


def camera(scale: float = 10, roll: float = 0, squeeze: tuple[float, float] = (1, 1), mirrored: bool = False) -> Camera:
    return Camera.looking((480, 320), (240, 160), scale, roll, squeeze, mirrored)


def eye(view: Camera | None = None, **changes: object) -> Eye:
    return Eye(*person_and_pose(**changes), view or camera())


def drawn_eyes(count: int, **changes: object) -> Iterator[Eye]:
    for number in range(count):
        rng = np.random.default_rng(number)
        domain = "clinical" if number % 2 else "public"
        person = dataclasses.replace(draw_person(rng, domain), **changes)
        pose = draw_pose(rng, person, domain, "right" if number % 3 else "left")
        yield Eye(person, pose, draw_camera(rng, (480, 320), domain, mirrored=bool(number % 3)))


def areas(labels: np.ndarray) -> list[int]:
    return np.bincount(labels.ravel(), minlength=5).tolist()


def test_lengths_of_an_eye_that_looks_straight_ahead():
    truth = eye().truth()
    assert truth.fissure_width_px == pytest.approx(30 * 10)
    assert truth.fissure_height_px == pytest.approx((7 + 5) * 10, rel=1e-4)
    assert truth.iris_diameter_px == pytest.approx(2 * 6 * 10)
    assert truth.pupil_diameter_px == pytest.approx(2 * 2 * 10)
    assert truth.iris_full_area_px == pytest.approx(math.pi * 60**2, rel=1e-4)
    assert truth.pupil_full_area_px == pytest.approx(math.pi * 20**2, rel=1e-4)


def test_regions_of_an_eye_that_looks_straight_ahead():
    labels = eye(upper_height=12.0, lower_height=12.0, pupil_height=0.0).label_map()  # the lids cover nothing
    _, _, iris, pupil, _ = areas(labels)
    assert pupil == pytest.approx(math.pi * 20**2, rel=0.01)
    assert iris == pytest.approx(math.pi * (60**2 - 20**2), rel=0.01)
    assert ndimage.center_of_mass(labels == PUPIL) == pytest.approx((159.5, 239.5), abs=0.1)
    assert labels[160, 240 - 156 + 5] == CARUNCLE  # the left eye's nasal side is on the picture's left
    assert labels[160, 240 + 130] == SCLERA


def test_the_lid_covers_what_lies_above_it():
    wide, half = eye().label_map(), eye(ptosis=(0.0, 5.0)).label_map()
    assert np.isin(half[half != wide], (0,)).all()
    margin = (np.argmax(half[:, 240] > 0) - 160) / -10
    # the lid's top is 7 mm above the canthi, these 1 mm below the pupil; all curves have their top at the middle
    assert margin == pytest.approx(7 - 1 - 5, abs=0.15 + 0.1)
    assert areas(half)[PUPIL] < areas(wide)[PUPIL]
    assert eye(ptosis=(0.0, 5.0)).truth().fissure_height_px == pytest.approx(70, rel=0.01)
    assert eye(ptosis=(0.0, 5.0)).truth().iris_diameter_px == pytest.approx(120)


def test_an_iris_seen_from_the_side_is_an_ellipse():
    truth = eye(yaw=30.0).truth()
    assert truth.iris_diameter_px == pytest.approx(120, rel=1e-3)
    assert truth.iris_full_area_px == pytest.approx(math.pi * 60**2 * math.cos(math.radians(30)), rel=1e-3)


def test_the_iris_keeps_off_the_caruncle():
    labels = eye(yaw=-60.0).label_map()
    beside = ndimage.binary_dilation(labels == CARUNCLE, iterations=2)
    assert (labels == IRIS).any()
    assert not (beside & np.isin(labels, (IRIS, PUPIL))).any()


@pytest.mark.parametrize("roll", [0, 30, -45])
def test_camera(roll):
    view = Camera.looking((48, 32), (20.5, 10.5), 8, roll, (0.9, 0.8), mirrored=True)
    x, y = view.millimetres()
    assert (x[10, 20], y[10, 20]) == (0, 0)
    columns, rows = view.pixels(x, y)
    assert np.allclose(columns, np.arange(48) + 0.5, atol=1e-3)
    assert np.allclose(rows, np.arange(32)[:, None] + 0.5, atol=1e-3)
    assert view.scale == pytest.approx(8 * math.sqrt(0.9 * 0.8))


def test_lengths_turn_with_the_camera_and_shrink_with_the_head():
    turned = eye(camera(roll=30, mirrored=True)).truth()
    for name, value in dataclasses.asdict(eye().truth()).items():
        assert getattr(turned, name) == pytest.approx(value, rel=1e-3)
    squeezed = eye(camera(squeeze=(0.8, 1))).truth()
    assert squeezed.fissure_width_px == pytest.approx(0.8 * 300)
    assert squeezed.iris_diameter_px == pytest.approx(120, rel=1e-3)
    assert squeezed.iris_full_area_px == pytest.approx(0.8 * math.pi * 60**2, rel=1e-3)


def test_a_right_eye_is_a_mirrored_left_eye():
    left, right = eye().label_map(), eye(camera(mirrored=True)).label_map()
    assert np.mean(left != right[:, ::-1]) < 1e-4


@pytest.mark.parametrize("openness", [0.0, 0.05])
def test_closed_eye(openness):
    closed = eye(openness=openness)
    assert areas(closed.label_map())[1:] == [0, 0, 0, 0]
    assert closed.truth().fissure_height_px == 0
    assert labelme_content(closed.label_map(), "a.jpg")["shapes"] == []


def test_every_label_map_keeps_the_anatomy():
    for number, simulated in enumerate(drawn_eyes(25)):
        labels = simulated.label_map()
        masks = np.arange(5)[:, None, None] == labels
        assert not broken_pixels(masks, ANATOMY).any(), number
        assert ndimage.label(labels > 0)[1] <= 1, number
        assert ndimage.binary_fill_holes(labels > 0).sum() == (labels > 0).sum(), number


def test_polygons_give_back_the_label_map(tmp_path):
    for number, simulated in enumerate(drawn_eyes(12)):
        labels = simulated.label_map()
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(labelme_content(labels, "a.jpg")))
        assert np.array_equal(labelme_map(path), labels), number


def test_areas_agree_with_the_exact_ones_where_nothing_is_covered():
    found = 0
    for simulated in drawn_eyes(30, upper_height=15.0, lower_height=15.0):
        labels, truth = simulated.label_map(), simulated.truth()
        bare = np.isin(labels, (IRIS, PUPIL))
        if (
            (bare == (simulated.iris > 0)).all()
            and bare.any()
            and not bare[[0, -1]].any()
            and not bare[:, [0, -1]].any()
        ):
            found += 1
            assert bare.sum() == pytest.approx(truth.iris_full_area_px, rel=0.02)
            assert (labels == PUPIL).sum() == pytest.approx(truth.pupil_full_area_px, rel=0.05, abs=3)
    assert found > 5


def test_a_picture_looks_like_an_eye():
    person, pose = person_and_pose(iris_outer=(0.2, 0.12, 0.07), iris_inner=(0.25, 0.15, 0.08), skin=(0.8, 0.6, 0.5))
    shots = [shoot(np.random.default_rng(seed), person, pose, camera(), "clinical") for seed in range(3)]
    for image, labels, _, _ in shots:
        grey = np.asarray(image.convert("L"), float)
        sclera, iris, pupil = (np.median(grey[labels == region]) for region in (SCLERA, IRIS, PUPIL))
        assert sclera > iris > pupil
        assert grey[(labels == 0)].std() > 3


def test_a_shot_is_labelled_as_an_annotator_sees_it():
    person, pose = person_and_pose(iris_outer=(0.03,) * 3, iris_inner=(0.03,) * 3, fibres=0.0, limbal_ring=0.0)
    view = Camera.looking((120, 80), (60, 40), 2.5, 0, (1, 1), False)
    whole = Eye(person, pose, view).label_map()
    shots = [shoot(np.random.default_rng(seed), person, pose, view, "clinical") for seed in range(12)]
    for shot in shots:
        contrast, to_texture = pupil_contrast(np.asarray(shot.image), whole, whole == PUPIL)
        assert (shot.labels == PUPIL).any() == (contrast >= 6 and to_texture >= 0.8)
    assert not all((shot.labels == PUPIL).any() for shot in shots)
    assert all(np.array_equal(shot.labels >= IRIS, whole >= IRIS) for shot in shots)


def _lightness(grey: int) -> float:
    """L* of CIELAB of a grey of sRGB above 10 of 255 (IEC 61966-2-1, CIE 15)."""
    return 116 * (((grey / 255 + 0.055) / 1.055) ** 2.4) ** (1 / 3) - 16


# lightness 50.0, 47.2 and 44.0
@pytest.mark.parametrize(
    ("grey", "noise", "labelled"), [(119, 0, False), (112, 0, False), (104, 0, True), (104, 30, False)]
)
def test_a_pupil_is_labelled_where_its_lightness_differs_visibly_and_beyond_the_noise(grey, noise, labelled):
    labels = eye().label_map()
    picture = np.where(labels == PUPIL, grey, 119)[..., None].repeat(3, axis=2)
    picture = picture + noise * np.random.default_rng(0).choice((-1, 1), labels.shape)[..., None]
    if not noise:
        assert pupil_contrast(picture, labels, labels == PUPIL)[0] == pytest.approx(_lightness(119) - _lightness(grey))
    drawn = annotated(picture, labels)
    assert (drawn == PUPIL).any() == labelled
    assert np.array_equal(drawn > SCLERA, labels > SCLERA)


def test_a_pupil_of_which_too_little_is_seen_is_labelled_by_doubt_alone():
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:30], labels[20, 20:24] = IRIS, PUPIL
    assert pupil_contrast(np.zeros((40, 40, 3)), labels, labels == PUPIL) is None
    assert not (annotated(np.zeros((40, 40, 3)), labels) == PUPIL).any()
    assert np.array_equal(annotated(np.zeros((40, 40, 3)), labels, doubtful=True), labels)


def test_a_wide_picture_shows_and_labels_both_eyes():
    person, pose = person_and_pose()
    view = Camera.looking((480, 320), (300, 160), 4, 0, (1, 1), False)
    shot = shoot(np.random.default_rng(1), person, pose, view, "public")
    parts, count = ndimage.label(shot.labels > 0)
    assert count == 2
    centres = ndimage.center_of_mass(np.isin(shot.labels, (IRIS, PUPIL)), parts, (1, 2))
    assert centres[1][1] - centres[0][1] == pytest.approx(4 * 62, abs=1)  # millimetres between pupils
    assert np.array_equal(shot.of_eye > 0, parts == parts[160, 300])


@pytest.fixture(scope="module")
def roots(tmp_path_factory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("eyes")
    return {domain: simulation.eyes(home, domain=domain, **SMALL) for domain in ("public", "clinical")}


def test_public_layout(roots):
    cases = [case for section in ("training", "validation", "test") for case in ubiris(roots["public"], section)]
    assert sorted(case["case"] for case in cases) == [f"C{eye}_S1_I1" for eye in range(1, 9)]
    assert {case["subject"] for case in cases} == {"001", "002", "003", "004"}
    assert "Simulated" in (roots["public"] / "README.txt").read_text()
    with Image.open(cases[0]["image"]) as image:
        assert (image.size, image.mode, image.format) == ((120, 80), "RGB", "JPEG")


@pytest.mark.filterwarnings("ignore:.*eyes have no region")
def test_clinical_layout(roots):
    cases = clinical_eyes(roots["clinical"])
    assert len(cases) == 8
    assert {case["subject"] for case in cases} == {"P001", "P002", "P003", "P004"}
    assert {case["eye"] for case in cases} == {"left", "right"}
    affected = {row["case"] for row in table(roots["clinical"]) if float(row["ptosis_mm"]) >= 0.8}
    assert {case["case"] for case in cases if case["group"] == "omg"} == affected != set()


def table(root: Path) -> list[dict[str, str]]:
    with (root / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("domain", ["public", "clinical"])
def test_truth_has_a_row_for_each_picture(roots, domain):
    rows = {row["case"]: row for row in table(roots[domain])}
    files = {path.stem: path for path in roots[domain].rglob("*.json")}
    assert rows.keys() == files.keys()
    for case, row in rows.items():
        names = ("sclera", "iris", "pupil", "caruncle")
        shown, own = areas(labelme_map(files[case]))[1:], [int(row[f"{name}_area_px"]) for name in names]
        assert all(a >= b for a, b in zip(shown, own, strict=True))  # a wide public picture shows the other eye too
        assert domain == "public" or shown == own
        assert float(row["iris_diameter_px"]) > float(row["pupil_diameter_px"]) > 0
        assert 0 <= float(row["iris_visible_fraction"]) <= 1.1


def test_written_again_it_has_the_same_bytes_and_no_two_pictures_agree(roots, tmp_path):
    root, again = roots["public"], simulation.eyes(tmp_path, **SMALL)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert all((root / path).read_bytes() == (again / path).read_bytes() for path in files)
    assert len({path.read_bytes() for path in root.glob("*.jpg")}) == 8


def test_a_larger_sample_begins_with_the_smaller_one(roots, tmp_path):
    larger = simulation.eyes(tmp_path, **SMALL | {"subjects": 2, "images_per_subject": 3})
    assert (larger / "C3_S1_I1.jpg").read_bytes() == (roots["public"] / "C3_S1_I1.jpg").read_bytes()
    assert simulation.eyes(tmp_path, **SMALL | {"subjects": 1}, seed=1) != simulation.eyes(
        tmp_path, **SMALL | {"subjects": 1}
    )


def test_closed_eyes_when_asked(tmp_path):
    root = simulation.eyes(tmp_path, **SMALL | {"subjects": 2}, closed=1.0)
    for row in table(root):
        assert row["fissure_height_px"] == "0.0"
        assert not labelme_map(root / f"{row['case']}.json").any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domain": "private"}, "expected domain to be one of 'public', 'clinical', got 'private'"),
        ({"subjects": 0}, "got 0 subjects"),
        ({"images_per_subject": -1}, "-1 images"),
        ({"size": (0, 320)}, r"size \(0, 320\)"),
        ({"closed": 1.5}, "closed share between 0 and 1, got 1.5"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        simulation.eyes(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())
