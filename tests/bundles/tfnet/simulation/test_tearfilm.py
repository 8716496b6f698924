# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated tear-film videos: geometry, truth that agrees with itself and with the pictures, and the layout of TFM."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_fill_holes
from tfnet import simulation
from tfnet.readers.tfm import TFM_BOXES, TFM_CLASSES, tfm
from tfnet.simulation.breakup import Patch
from tfnet.simulation.cornea import Cornea
from tfnet.simulation.rings import Rings
from tfnet.simulation.timeline import draw_timeline
from tfnet.simulation.video import TearFilmVideo

CLEAR, CLOSED, BROKEN, BLUR = range(4)
SIZE = (240, 320)
LONG = {"seconds": 8.0, "frame_rate": 15.0, "size": SIZE}
PARTS = {"training": "train", "validation": "val", "test": "test"}
COURSE = {"seconds": 4.0, "frame_rate": 15.0, "size": (144, 192)}
SMALL = {"videos": (2, 1, 1), "films": (0, 0, 1), "frames": 8, **COURSE}


@pytest.fixture(scope="module")
def videos() -> list[TearFilmVideo]:
    return [TearFilmVideo((1, number), **LONG) for number in range(8)]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return simulation.tearfilm(tmp_path_factory.mktemp("tearfilm"), **SMALL)


def cornea(**changes) -> Cornea:
    standard = {"apical_radius": 7.8, "shape": 0.74, "toricity": 0.0, "axis": 0.0, "tilt": (0.0, 0.0)}
    return Cornea(**(standard | {"outermost": 3.0, "pixels_per_mm": 20.0} | changes))


def test_a_standard_cornea_shows_evenly_spaced_circles():
    x = np.array([[0.0, 15.0, 30.0, -60.0]])
    np.testing.assert_allclose(cornea().ring_coordinate(x, np.zeros((1, 1)))[0], [0, 0.25, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(cornea().ring_box(0.5), [-30, -30, 30, 30], rtol=1e-5)


def test_a_flatter_sphere_shows_larger_rings():
    # near the vertex a mirror's picture is as large as its radius of curvature
    box = cornea(apical_radius=8.58, shape=1.0).ring_box(0.01)
    np.testing.assert_allclose(box, np.array([-0.66, -0.66, 0.66, 0.66]), rtol=1e-3)


def test_toricity_makes_ellipses_and_tilt_moves_their_centre():
    steep, flat = 1.05**-0.5, 0.95**-0.5
    box = cornea(toricity=0.05, axis=0.0, shape=0.74).ring_box(0.01)
    np.testing.assert_allclose(box[2:], [0.6 * steep, 0.6 * flat], rtol=1e-3)
    box = cornea(tilt=(0.01, 0.0)).ring_box(1.0)
    np.testing.assert_allclose(box[[0, 2]], [-60 / 0.97, 60 / 1.03], rtol=1e-5)


def test_picture_points_are_the_inverse():
    mirror = cornea(apical_radius=7.3, shape=0.5, toricity=0.06, axis=0.7, tilt=(0.01, -0.02))
    rng = np.random.default_rng(0)
    ring, angle = rng.uniform(0.05, 1, 50), rng.uniform(-np.pi, np.pi, 50)
    x, y = mirror.picture_points(ring, angle).T
    np.testing.assert_allclose(mirror.ring_coordinate(x, y), ring, rtol=1e-5)
    np.testing.assert_allclose(np.arctan2(y, x), angle, rtol=1e-5)


def test_rings_end_where_they_should():
    rings = Rings(inside=0.2, count=5, duty=0.4, widening=0.1)
    assert rings.outer_edge(5) == pytest.approx(1)
    coordinate = np.linspace(0, 1.3, 26001, dtype=np.float32)
    bright = rings.brightness(coordinate, 1e-4) > 0.5
    edges = coordinate[np.flatnonzero(np.diff(bright.astype(int)))]
    assert len(edges) == 10
    assert edges[0] == pytest.approx(0.2, abs=1e-3)
    assert edges[-1] == pytest.approx(1, abs=1e-3)
    assert edges[5] == pytest.approx(rings.outer_edge(3), abs=1e-3)
    np.testing.assert_allclose(np.diff((edges[::2] + edges[1::2]) / 2), rings.spacing, atol=1e-3)


def test_patches_grow():
    patch = Patch(0.5, 0.0, 0.05, 0.1, start=2.0, pace=0.5, spread=0.1, wave=0.3, swell=0.2, fade=0.3)
    assert patch.size(1.99) == 0
    assert patch.size(2.0) == pytest.approx(0.45)
    sizes = [patch.size(time) for time in np.arange(2, 6, 0.1)]
    assert (np.diff(sizes) > 0).all()


def test_timeline_blinks_and_reopens():
    line = draw_timeline(np.random.default_rng(0), 8.0, 30.0)
    assert len(line.seconds) == 240
    assert len(line.blinks) == len(line.break_ups) >= 2
    assert line.aperture[0] == 1
    assert line.interval(0) == -1
    for number, (blink, start) in enumerate(zip(line.blinks, line.break_ups, strict=True)):
        shut = (line.seconds >= blink.shut) & (line.seconds <= blink.up)
        assert (line.aperture[shut] == 0).all()
        assert start > blink.open
        after = np.flatnonzero(line.seconds >= blink.up)
        assert not len(after) or line.interval(int(after[0])) == number


def test_frames_come_in_any_order_and_are_the_same_each_time(videos):
    again = TearFilmVideo((1, 0), **LONG)
    for index in (50, 3, -1):
        first, second = videos[0][index], again[index]
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.mask, second.mask)
        assert first.label == second.label
    other = TearFilmVideo((1, 1), **LONG)
    assert (other[3].image != again[3].image).mean() > 0.5
    assert len(again) == 120
    with pytest.raises(IndexError, match="expected a frame below 120, got 120"):
        again[120]


def test_iterating_gives_all_frames():
    video = TearFilmVideo(3, seconds=0.5, frame_rate=20, size=(96, 128))
    frames = list(video)
    assert len(frames) == len(video) == 10
    assert [frame.label for frame in frames] == list(video.labels)
    assert all(frame.image.shape == frame.mask.shape == (96, 128) for frame in frames)
    assert all(frame.image.dtype == np.uint8 and frame.mask.dtype == bool for frame in frames)


def test_truth_of_a_frame_agrees_with_its_class(videos):
    for video in videos[:3]:
        for index in range(0, len(video), 8):
            frame = video[index]
            assert frame.label == video.labels[index]
            assert (frame.boxes is None) == (frame.label == CLOSED)
            assert frame.mask.any() == (frame.label == BROKEN)
            if frame.boxes is not None:
                np.testing.assert_array_equal(frame.boxes, video.boxes(index))
                rows, columns = np.nonzero(frame.mask)
                x0, y0, x1, y1 = frame.boxes[-1]
                assert ((columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)).all()


def test_boxes_are_nested_concentric_and_within_the_frame(videos):
    for video in videos:
        for index in range(0, len(video), 24):
            boxes = video.boxes(index)
            assert (boxes[:, :2] > 0).all()
            assert (boxes[:, 2:] < (SIZE[1], SIZE[0])).all()
            extent = boxes[:, 2:] - boxes[:, :2]
            assert (np.diff(extent, axis=0) > 0).all()
            centres = (boxes[:, :2] + boxes[:, 2:]) / 2
            assert np.abs(centres - centres[0]).max() < 0.02 * SIZE[1]


def test_proportions_are_like_those_of_the_data_set(videos):
    widths, of_frame, of_crop = [], [], []
    for video in videos:
        boxes = video.boxes(0)
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        widths.append(width / width[-1])
        assert 0.28 < width[-1] / SIZE[1] < 0.48
        for index in [index for index, label in enumerate(video.labels) if label == BROKEN][::6]:
            area = video.mask(index).sum()
            of_frame.append(area / np.prod(SIZE))
            of_crop.append(area / (width[-1] * height[-1]))
    inside, middle, _ = np.mean(widths, axis=0)
    assert inside == pytest.approx(0.14, abs=0.015)
    assert middle == pytest.approx(0.40, abs=0.03)
    assert np.mean(of_frame) == pytest.approx(0.0018, abs=0.0008)
    assert np.mean(of_crop) == pytest.approx(0.0093, abs=0.004)
    shares = np.bincount([label for video in videos for label in video.labels], minlength=4) / (8 * 120)
    assert shares[CLEAR] > 0.35
    assert shares[BROKEN] > 0.12
    assert min(shares[CLOSED], shares[BLUR]) > 0.05


def test_intervals_follow_from_the_classes(videos):
    count = 0
    for video in videos:
        labels = np.array(video.labels)
        covered = np.zeros(len(labels), bool)
        for onset, last, break_up in video.intervals:
            assert labels[onset] == CLOSED
            assert not (labels[onset + 1 : last + 1] == CLOSED).any()
            assert last + 1 == len(labels) or labels[last + 1] == CLOSED
            broken = np.flatnonzero(labels[onset + 1 : last + 1] == BROKEN)
            assert break_up == (onset + 1 + broken[0] if len(broken) else None)
            covered[onset + 1 : last + 1] = True
            count += 1
        start = int(np.argmax(labels == CLOSED))
        assert (covered == (labels != CLOSED))[start:].all()
        assert not (labels[:start] == BROKEN).any()
    assert count >= 16


def test_break_up_starts_when_the_timeline_says_and_grows(videos):
    delays = []
    for video in videos:
        for interval in video.intervals:
            number = video.timeline.interval(interval.onset + 1)
            start = video.timeline.break_ups[number]
            if interval.break_up is not None:
                delays.append(video.timeline.seconds[interval.break_up] - start)
                early, late = (video.mask(index).sum() for index in (interval.break_up, interval.last))
                if video.labels[interval.last] == BROKEN and interval.last - interval.break_up > 15:
                    assert late > early
    assert min(delays) >= 0
    assert np.median(delays) < 0.3


def test_pictures_show_their_class(videos):
    brightness, contrast = ({label: [] for label in range(4)} for _ in range(2))
    for video in videos:
        for label in range(4):
            indices = [index for index, other in enumerate(video.labels) if other == label]
            for index in indices[len(indices) // 2 : len(indices) // 2 + 1]:
                x0, y0, x1, y1 = np.rint(video.boxes(index)[1]).astype(int)
                rings = video[index].image[y0:y1, x0:x1].astype(float)
                brightness[label].append(rings.mean())
                contrast[label].append(rings.std())
    assert min(brightness[CLOSED]) > max(brightness[CLEAR] + brightness[BROKEN])
    assert min(contrast[CLEAR] + contrast[BROKEN]) > max(contrast[CLOSED])
    assert np.median(contrast[BLUR]) < 0.6 * np.median(contrast[CLEAR])


def test_rings_differ_where_the_film_is_broken(videos):
    inside, outside = [], []
    for video in videos[:3]:
        sound = TearFilmVideo(video.seed, **LONG)
        sound._patches = [[] for _ in sound._patches]
        labels = np.array(video.labels)
        for index in np.flatnonzero(labels == BROKEN)[5::12].tolist():
            change = np.abs(video[index].image.astype(float) - sound[index].image)
            mask = video.mask(index)
            inside.append(change[mask].mean())
            outside.append(change[~mask].max())
        for index in np.flatnonzero(labels == CLEAR)[::10].tolist():
            np.testing.assert_array_equal(video[index].image, sound[index].image)
    assert len(inside) >= 3
    assert np.mean(inside) > 12
    assert max(outside) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0.0}, "expected at least one frame, got 0.0 seconds"),
        ({"frame_rate": -1.0}, "expected at least one frame"),
        ({"size": (241, 320)}, r"expected an even height and width .*, got \(241, 320\)"),
        ({"size": (64, 80)}, "expected an even height and width"),
        ({"size": (320, 240)}, "1 to 1.8 times as wide as high"),
    ],
)
def test_what_a_video_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        TearFilmVideo(0, **options)


@pytest.mark.parametrize("options", [{"videos": (0, 1, 1)}, {"films": (0, 0, 9)}, {"frames": 0}, {"workers": 0}])
def test_what_the_sample_refuses(tmp_path, options):
    with pytest.raises(ValueError, match="expected at least one video a part"):
        simulation.tearfilm(tmp_path, **options)
    with pytest.raises(ValueError, match="even height"):
        simulation.tearfilm(tmp_path, size=(63, 80))
    assert not list(tmp_path.iterdir())


def test_frames_at_turns(tmp_path):
    settings = SMALL | {"videos": (1, 1, 1), "films": (0, 0, 0), "frames": 10}
    folder = simulation.tearfilm(tmp_path, **settings, turns=1.0)
    assert folder != simulation.tearfilm(tmp_path, **settings)
    for number, (section, part) in enumerate(PARTS.items()):
        labels = TearFilmVideo((0, number, 1), **COURSE).labels
        changes = [index for index in range(1, len(labels)) if labels[index] != labels[index - 1]]
        near = {index for change in changes for index in range(change - 4, change + 4)}
        written = [int(case["case"].rpartition("_")[2]) for case in tfm(folder, "classification", section)]
        assert len(written) == 10
        for name, share in zip((BROKEN, CLEAR, CLOSED), (4, 3, 1), strict=True):
            spare = [index for index in near if 0 <= index < len(labels) and labels[index] == name]
            chosen = [index for index in written if labels[index] == name and index in near]
            assert len(chosen) >= min(share, len(spare)), (part, name)
    with pytest.raises(ValueError, match="a share of frames from 0 to 1, got turns=2"):
        simulation.tearfilm(tmp_path, turns=2)


def test_layout_and_split_by_video(root):
    assert "Simulated" in (root / "README.txt").read_text()
    seen = {}
    for section, part in PARTS.items():
        frames = tfm(root, "classification", section)
        expected = SMALL["videos"][list(PARTS).index(section)]
        assert len(frames) == expected * SMALL["frames"]
        seen[section] = {case["video"] for case in frames}
        assert seen[section] == {f"{part}{number:02d}" for number in range(1, expected + 1)}
        labels = {case["case"]: case["label"] for case in frames}
        open_eyes = {case for case, label in labels.items() if label != CLOSED}
        broken = {case for case, label in labels.items() if label == BROKEN}
        assert {case["case"] for case in tfm(root, "detection", section)} == open_eyes
        for crops, members in (("full", open_eyes), ("broken_only", broken), ("non_broken", open_eyes - broken)):
            assert {case["case"] for case in tfm(root, "segmentation", section, crops)} == members
        assert {case["case"] for case in tfm(root, "segmentation", section, crops=None)} == broken
    assert not seen["training"] & seen["validation"] | seen["training"] & seen["test"]


def test_files_hold_the_truth_of_the_video(root):
    video = TearFilmVideo((0, 2, 1), **COURSE)
    labels = {case["case"]: case["label"] for case in tfm(root, "classification", "test")}
    assert set(labels.values()) >= {CLEAR, CLOSED, BROKEN}
    boxes = {case["case"]: case["boxes"] for case in tfm(root, "detection", "test")}
    outlined = {case["case"]: case["label"] for case in tfm(root, "segmentation", "test", crops=None)}
    crops = {case["case"]: case for case in tfm(root, "segmentation", "test", crops="full")}
    for case, label in labels.items():
        index = int(case.rpartition("_")[2])
        frame = video[index]
        assert frame.label == label
        np.testing.assert_array_equal(np.asarray(Image.open(root / "images" / "test" / f"{case}.png")), frame.image)
        if label == CLOSED:
            continue
        np.testing.assert_allclose(boxes[case], frame.boxes, atol=1e-3)
        x0, y0, x1, y1 = np.rint(boxes[case][2]).astype(int)
        np.testing.assert_array_equal(np.asarray(Image.open(crops[case]["image"])), frame.image[y0:y1, x0:x1])
        np.testing.assert_array_equal(np.asarray(Image.open(crops[case]["label"])) > 0, frame.mask[y0:y1, x0:x1])
        if label == BROKEN:
            painted = np.asarray(Image.open(outlined[case])) > 0
            np.testing.assert_array_equal(painted, binary_fill_holes(frame.mask, np.ones((3, 3))))


def test_film_and_its_truth(root):
    folder = root / "videos" / "test"
    assert sorted(path.name for path in (root / "videos").rglob("*.*")) == ["test01.json", "test01.mp4"]
    truth = json.loads((folder / "test01.json").read_text())
    video = TearFilmVideo((0, 2, 1), **COURSE)
    assert truth["simulated"] is True
    assert (truth["frame_rate"], truth["height"], truth["width"]) == (15, *COURSE["size"])
    assert [frame["class"] for frame in truth["frames"]] == [TFM_CLASSES[label] for label in video.labels]
    assert [tuple(interval.values()) for interval in truth["intervals"]] == [tuple(each) for each in video.intervals]
    for index, frame in enumerate(truth["frames"]):
        assert (frame["boxes"] is None) == (video.labels[index] == CLOSED)
        assert (frame["break_up_pixels"] > 0) == (video.labels[index] == BROKEN)
        if frame["boxes"] is not None:
            np.testing.assert_allclose([frame["boxes"][name] for name in TFM_BOXES], video.boxes(index), atol=0.006)
    with av.open(str(folder / "test01.mp4")) as container:
        assert container.streams.video[0].average_rate == 15
        decoded = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(decoded) == 60
    for index in (0, 30, 59):
        image = video[index].image
        assert np.abs(decoded[index].astype(float) - image).mean() < 5
        assert np.corrcoef(decoded[index].ravel(), image.ravel())[0, 1] > 0.98


def _decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(int)


def test_written_again_by_two_processes_it_has_the_same_bytes(root, tmp_path):
    """But for the compression of videos, in which x264 isn't bound to the bit on a busy machine."""
    again = simulation.tearfilm(tmp_path, **SMALL, workers=2)
    assert again.name == root.name
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]
    assert len(files) > 100
    for path in files:
        if path.suffix == ".mp4":
            assert np.abs(_decoded(root / path) - _decoded(again / path)).mean() < 1, path
        else:
            assert (root / path).read_bytes() == (again / path).read_bytes(), path


def test_a_video_does_not_depend_on_the_others(root, tmp_path):
    fewer = simulation.tearfilm(tmp_path, **(SMALL | {"videos": (1, 1, 1)}))
    assert fewer.name != root.name
    for path in fewer.glob("images/*/*.png"):
        assert path.read_bytes() == (root / path.relative_to(fewer)).read_bytes()
