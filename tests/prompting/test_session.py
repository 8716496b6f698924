# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Sessions with a network whose answers are known."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.prompting import Place, Prompt, Session, write_results
from litemed.prompting import session as session_room
from litemed.prompting.embedding_store import prune_embeddings
from litemed.prompting.zoom import PlacedSquare, zoom_windows
from PIL import Image


@pytest.fixture
def session(bright: Any, bright_picture: Path, tmp_path: Path) -> Iterator[Session]:
    with Session(bright, bright_picture, folder=tmp_path / "kept") as opened:
        yield opened


PICTURE = Place("picture", 0)


def _square(low: int, high: int, side: int = 256) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[low:high, low:high] = True
    return mask


def test_each_answer_says_what_it_changed(session: Session) -> None:
    session.add_object("one")
    change = session.box("one", [20, 20, 59, 59])
    assert change == (("one",), {PICTURE: (slice(20, 60), slice(20, 60))})
    np.testing.assert_array_equal(session.mask("one"), _square(20, 60))
    change = session.click("one", 30, 40, positive=False)
    assert change.regions == {PICTURE: (slice(35, 46), slice(25, 36))}
    expected = _square(20, 60)
    expected[35:46, 25:36] = False
    np.testing.assert_array_equal(session.mask("one"), expected)
    assert session.click("one", 200, 200) == (("one",), {})
    assert session.click("one", 110, 110).regions == {PICTURE: (slice(100, 131), slice(100, 131))}


def test_the_mask_before_and_all_prompts_are_given_again(session: Session, bright: Any) -> None:
    session.add_object("one")
    session.box("one", [20, 20, 59, 59])
    session.click("one", 30, 40, positive=False)
    session.stroke("one", [[110, 110], [110, 134]])
    boxes, points, labels, masks = bright.decoded[-1]
    assert boxes.tolist() == [[20, 20, 59, 59]]
    assert points.tolist() == [[[30, 40], [110, 110], [110, 122], [110, 134]]]
    assert labels.tolist() == [[0, 1, 1, 1]]
    assert masks.shape == (1, 1, 256, 256)
    assert [decoded[3] is None for decoded in bright.decoded] == [True, False, False]
    assert session.mask("one")[149, 120]  # up to 20 from the stroke's end
    # another box takes the first one's place, and the rest is answered after it
    session.box("one", [100, 100, 149, 149])
    assert [prompt.kind for prompt in session.prompts("one")] == ["click", "stroke", "box"]
    assert not session.mask("one")[20:60, 20:60].any()
    assert session.mask("one")[100:150, 100:150].all()


def test_undo_and_redo_are_exact_and_decode_nothing(session: Session, bright: Any) -> None:
    session.add_object("one")
    session.box("one", [20, 20, 59, 59])
    session.click("one", 30, 40, positive=False)
    corrected, count = session.mask("one"), len(bright.decoded)
    assert session.undo().regions == {PICTURE: (slice(35, 46), slice(25, 36))}
    np.testing.assert_array_equal(session.mask("one"), _square(20, 60))
    assert session.redo().regions == {PICTURE: (slice(35, 46), slice(25, 36))}
    np.testing.assert_array_equal(session.mask("one"), corrected)
    for _ in range(3):
        session.undo()
    assert session.objects == ()
    with pytest.raises(ValueError, match="nothing to undo"):
        session.undo()
    for _ in range(3):
        session.redo()
    np.testing.assert_array_equal(session.mask("one"), corrected)
    assert len(bright.decoded) == count
    session.undo()
    session.click("one", 50, 50)
    with pytest.raises(ValueError, match="nothing to redo"):
        session.redo()


def test_prompts_and_objects_are_taken_back(session: Session) -> None:
    session.add_object("one")
    session.add_object("two")
    session.box("one", [20, 20, 59, 59])
    session.click("one", 30, 40, positive=False)
    session.box("two", [100, 100, 149, 149])
    assert session.remove("one", 1).regions == {PICTURE: (slice(35, 46), slice(25, 36))}
    np.testing.assert_array_equal(session.labels(), _square(20, 60) + 2 * _square(100, 150))
    session.rename_object("one", "first")
    assert session.objects == ("first", "two")
    assert session.remove_object("first") == (("first",), {PICTURE: (slice(20, 60), slice(20, 60))})
    np.testing.assert_array_equal(session.labels(), _square(100, 150))
    with pytest.raises(ValueError, match="no object 'first': it was removed"):
        session.click("first", 1, 1)
    session.undo()
    assert session.mask("first").sum() == 1600


def test_where_objects_overlap_the_earlier_one_has_equal_pixels(session: Session) -> None:
    for name in ("one", "two"):
        session.add_object(name)
        session.box(name, [20, 20, 59, 59])
    np.testing.assert_array_equal(session.labels(), _square(20, 60))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda s: s.box("one", [300, 20, 320, 40]), "expected a box inside 256x256"),
        (lambda s: s.box("one", [20, 20, 10, 40]), "whose ends lie beyond its starts"),
        (lambda s: s.click("one", 256, 3), "expected a click inside 256x256 pixels, got"),
        (lambda s: s.click("one", float("nan"), 3), "expected a click inside 256x256 pixels"),
        (lambda s: s.stroke("one", []), "expected x and y of a stroke"),
        (lambda s: s.stroke("one", [[1, 2], [-4, 2]]), "expected a stroke inside"),
        (lambda s: s.click("one", 30.2, 30, positive=False), "has a click that says the opposite"),
        (lambda s: s.click("none", 3, 3), "no object 'none'"),
        (lambda s: s.click("one", 3, 3, index=1), "expected a slice of picture 0 to 0, got picture 1"),
        (lambda s: s.click("one", 3, 3, plane="axial"), "expected a slice of picture"),
        (
            lambda s: s.add("one", Prompt("lasso", (1.0, 2.0), True, "picture", 0)),
            "a box, click or stroke, got 'lasso'",
        ),
        (lambda s: s.remove("one", 1), "expected one of 1 prompts of 'one', got 1"),
        (lambda s: s.add_object("one"), "name of a new object, got 'one'"),
        (lambda s: s.rename_object("one", ""), "name of a new object, got ''"),
        (lambda s: s.replay({"objects": [{"name": "a"}]}), "expected objects with names and prompts"),
        (lambda s: s.replay({"objects": [{"name": "", "prompts": []}]}), "name of a new object"),
        (lambda s: s.replay({"objects": [{"name": "a", "prompts": []}] * 2}), "name of a new object, got 'a'"),
        (lambda s: s.replay({"objects": [{"name": "a", "prompts": [], "colour": "red"}]}), "a colour such as #56b4e9"),
        (lambda s: s.recolour("one", "#12345g"), "expected a colour such as #56b4e9, got '#12345g'"),
        (lambda s: s.recolour("none", "#123456"), "no object 'none'"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_lost(session: Session, draw: Any, message: str) -> None:
    session.add_object("one")
    session.click("one", 30, 30)
    before, mask = session.to_json(), session.mask("one")
    with pytest.raises(ValueError, match=message):
        draw(session)
    assert session.to_json() == before
    np.testing.assert_array_equal(session.mask("one"), mask)
    session.undo()
    assert session.prompts("one") == ()


def test_a_box_that_leaves_the_picture_is_clipped(session: Session) -> None:
    session.add_object("one")
    session.box("one", [-5, 10, 59, 300])
    assert session.prompts("one")[0].numbers == (0, 10, 59, 256)


def test_reopening_embeds_nothing_and_replaying_gives_the_same(
    session: Session, bright: Any, bright_picture: Path, tmp_path: Path
) -> None:
    session.add_object("one")
    session.add_object("two")
    session.box("one", [20, 20, 59, 59])
    session.click("two", 120, 120)
    session.click("one", 30, 40, positive=False)
    content = json.loads(json.dumps(session.to_json()))
    assert bright.encoded == 2  # the picture, and one by which the encoder is known
    with Session(bright, bright_picture, folder=tmp_path / "kept") as again:
        again.replay(content)
        np.testing.assert_array_equal(again.labels(), session.labels())
        assert again.to_json() == session.to_json()
        again.undo()
        assert again.objects == ()
    assert bright.encoded == 3  # the encoder again


def test_the_folder_stays_within_its_bound(tmp_path: Path) -> None:
    for number, name in enumerate(("old", "new", "newest")):
        (tmp_path / f"{name}.pt").write_bytes(bytes(100))
        os.utime(tmp_path / f"{name}.pt", (1e9 + number, 1e9 + number))
    prune_embeddings(tmp_path, 250)
    assert {file.stem for file in tmp_path.iterdir()} == {"new", "newest"}


def test_a_session_leaves_the_folder_within_its_bound(bright: Any, bright_picture: Path, tmp_path: Path) -> None:
    with Session(bright, bright_picture, folder=tmp_path / "kept", disk=0) as session:
        session.add_object("one")
        session.box("one", [20, 20, 59, 59])
        assert list((tmp_path / "kept").rglob("*.pt"))
    assert not list((tmp_path / "kept").rglob("*.pt"))


def test_the_folder_is_kept_to_its_bound_while_a_volume_is_open(
    bright: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_room, "_PRUNED_AFTER", 4)
    voxels = np.random.default_rng(0).integers(0, 200, (64, 64, 16), np.int16)  # no slice is another's embedding
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "noise.nii.gz")
    bound = 1 << 20
    with Session(bright, tmp_path / "noise.nii.gz", folder=tmp_path / "kept", disk=bound) as session:
        session.encode(*(Place("axial", index) for index in range(16))).result(60)
        sizes = [file.stat().st_size for file in (tmp_path / "kept").rglob("*.pt")]
    assert bright.encoded > 16
    assert sum(sizes) <= bound + 4 * max(sizes) < 16 * max(sizes)


def test_a_file_that_changed_is_told(session: Session, bright_picture: Path) -> None:
    session.add_object("one")
    session.box("one", [20, 20, 59, 59])
    os.utime(bright_picture, (1e9, 1e9))
    with pytest.raises(ValueError, match="has changed on disk since it was opened"):
        session.click("one", 30, 30)
    with pytest.raises(ValueError, match="has changed on disk since it was opened"):
        session.save(bright_picture.with_name("out"))
    assert not bright_picture.with_name("out").exists()
    assert session.mask("one").sum() == 1600


def test_saving_a_picture(session: Session, tmp_path: Path) -> None:
    session.add_object("one")
    session.box("one", [20, 20, 59, 59])
    assert session.save(tmp_path / "out") == tmp_path / "out/case_mask.png"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/case_mask.png")), _square(20, 60))


def test_archives(bright: Any, tmp_path: Path) -> None:
    values = np.full((4, 256, 256), 20, np.uint8)
    values[1:3, 20:60, 20:60] = 220
    write_challenge(tmp_path / "3D_CT_a.npz", values, spacing=(1.0, 1.0, 2.0))
    write_challenge(tmp_path / "2D_US_b.npz", np.repeat(values[1, ..., None], 3, axis=2))
    for name, plane, index in (("3D_CT_a", "axial", 2), ("2D_US_b", "picture", 0)):
        with Session(bright, tmp_path / f"{name}.npz", folder=tmp_path / "kept") as session:
            session.add_object("one")
            session.box("one", [20, 20, 59, 59], plane, index)
            with np.load(session.save(tmp_path / "out")) as written:
                expected = values > 100 if plane == "axial" else values[1] > 100
                np.testing.assert_array_equal(written["segs"], expected)


def test_threads_draw_at_the_same_time(session: Session) -> None:
    def draw(number: int) -> None:
        session.add_object(str(number))
        session.box(str(number), [20, 20, 59, 59] if number % 2 else [100, 100, 149, 149])
        session.click(str(number), 30 if number % 2 else 110, 110 - 70 * (number % 2), positive=False)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(draw, range(16)))
    assert sorted(session.objects, key=int) == [str(number) for number in range(16)]
    for number in range(16):
        expected = _square(20, 60) if number % 2 else _square(100, 150)
        expected[(slice(35, 46), slice(25, 36)) if number % 2 else (slice(105, 116), slice(105, 116))] = False
        np.testing.assert_array_equal(session.mask(str(number)), expected)
    for _ in range(48):
        session.undo()
    assert session.objects == ()


# --- volumes ----------------------------------------------------------------------------------------------------------


# rows and columns of the view run to the back and the left: mirrored, for RAS
BLOCK = (slice(10, 30), slice(20, 50), slice(3, 13))
BOX = [255 - 29, 255 - 49, 255 - 10, 255 - 20]


@pytest.fixture
def scanned(bright: Any, bright_volume: Path, tmp_path: Path) -> Iterator[Session]:
    with Session(bright, bright_volume, folder=tmp_path / "kept", modality="MR", zoom="off") as opened:
        opened.add_object("block")
        yield opened


def _block() -> np.ndarray:
    mask = np.zeros((256, 256, 16), bool)
    mask[BLOCK] = True
    return mask


def test_an_object_is_followed_from_one_slice(scanned: Session, tmp_path: Path) -> None:
    change = scanned.box("block", BOX, "axial", 6)
    assert change == (("block",), {Place("axial", 6): (slice(206, 236), slice(226, 246))})
    scanned.wait(60)
    assert scanned.progress.done == scanned.progress.total == 15
    np.testing.assert_array_equal(scanned.mask("block"), _block())
    np.testing.assert_array_equal(scanned.slice_mask("block", "coronal", 30), np.flip(_block()[:, 30].T, (0, 1)))
    written = nibabel.load(scanned.save(tmp_path / "out"))
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), _block())
    np.testing.assert_array_equal(written.affine, np.diag([1.0, 1, 3, 1]))


def test_a_corrected_slice_stays_and_the_rest_is_not_computed_again(scanned: Session, bright: Any) -> None:
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    count = len(bright.decoded)
    # on slice 10, which was followed to, the box of the mask comes before the click
    scanned.click("block", 236, 212, False, "axial", 10)
    assert [prompt.kind for prompt in scanned.prompts("block")] == ["box", "box", "click"]
    assert list(scanned.prompts("block")[1].numbers) == BOX
    scanned.wait(60)
    # answered: box and click; followed: 7 and 8 from slice 6, 9 from slice 10, and 11 to 13, where it ends, after what
    # slice 10 predicts
    assert len(bright.decoded) == count + 2 + 3 + 1 + 3
    corrected = scanned.slice_mask("block", "axial", 10)
    assert corrected.sum() < 600
    assert not corrected[212, 236]
    np.testing.assert_array_equal(scanned.mask("block")[..., 10], np.flip(corrected.T, (0, 1)))
    np.testing.assert_array_equal(scanned.mask("block")[..., 3:9], _block()[..., 3:9])
    count = len(bright.decoded)
    scanned.undo()
    scanned.wait(60)
    np.testing.assert_array_equal(scanned.mask("block"), _block())
    assert len(bright.decoded) == count


def test_a_slice_of_another_plane_stays_as_corrected(scanned: Session) -> None:
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    scanned.click("block", 232, 8, False, "coronal", 30)
    scanned.wait(60)
    corrected = scanned.slice_mask("block", "coronal", 30)
    assert not corrected[8, 232]
    assert corrected.any()
    expected = _block()
    expected[:, 30] = np.flip(corrected, (0, 1)).T
    np.testing.assert_array_equal(scanned.mask("block"), expected)


def test_following_is_cancelled_and_taken_up_again(scanned: Session, bright: Any) -> None:
    # the first decoding answers the box, the second predicts for it, the fifth is of slice 9
    bright.each = lambda: scanned.cancel() if len(bright.decoded) == 5 else None
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    assert scanned.progress.done < scanned.progress.total
    partly = scanned.mask("block")
    assert np.flatnonzero(partly.any(axis=(0, 1))).tolist() == [3, 4, 5, 6]
    scanned.add_object("other")
    scanned.wait(60)
    np.testing.assert_array_equal(scanned.mask("block"), _block())
    # no slice twice: down to 2, where it ends, and up to 13
    assert len(bright.decoded) == 1 + 1 + 4 + 1 + 7


def test_what_changes_on_several_slices_is_told_of_each(scanned: Session) -> None:
    scanned.box("block", BOX, "axial", 6)
    scanned.box("block", [BOX[0], BOX[1], BOX[0] + 4, BOX[3]], "axial", 9)
    regions = {
        Place("axial", 6): (slice(206, 236), slice(226, 246)),
        Place("axial", 9): (slice(206, 236), slice(226, 231)),
    }
    scanned.box("block", [0, 0, 9, 9], "axial", 1)  # where nothing is bright
    content = scanned.to_json()
    assert scanned.remove_object("block") == (("block",), regions)
    assert scanned.undo() == (("block",), regions)
    assert scanned.replay(content) == ((), {})
    scanned.remove_object("block")
    assert scanned.replay(content) == (("block",), regions)


def test_what_is_saved_after_following_was_cancelled_is_followed_to_its_end(
    scanned: Session, bright: Any, tmp_path: Path
) -> None:
    bright.each = lambda: scanned.cancel() if len(bright.decoded) == 5 else None
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    assert scanned.mask("block").sum() < _block().sum()
    written = nibabel.load(scanned.save(tmp_path / "out"))
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), _block())
    # cancelled again while it is saved: told, and nothing is written
    bright.each = scanned.cancel
    scanned.box("block", BOX, "axial", 9)
    with pytest.raises(ValueError, match=r"scan.nii.gz isn't saved: following its objects was stopped meanwhile"):
        scanned.save(tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_slice_is_encoded_while_objects_are_followed(scanned: Session, bright: Any) -> None:
    goes_on, follows = threading.Event(), threading.Event()

    def wait() -> None:
        if len(bright.decoded) > 1:  # the first decoding answers the box
            follows.set()
            assert goes_on.wait(60)

    bright.each = wait
    scanned.box("block", BOX, "axial", 6)
    assert follows.wait(60)
    scanned.encode(Place("coronal", 30)).result(60)
    assert scanned.is_encoded(Place("coronal", 30))
    assert scanned.is_following
    goes_on.set()
    scanned.wait(60)
    np.testing.assert_array_equal(scanned.mask("block"), _block())


def test_an_object_ends_where_the_network_doubts_it(scanned: Session, bright: Any) -> None:
    decode = bright.decode

    def doubting(embedding: torch.Tensor, *prompts: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits, _ = decode(embedding, *prompts)
        return logits, torch.tensor([[ious[len(bright.decoded) - 1]]])

    # box; itself, slices 5, 4 and 3; itself, slices 7 and 8; then box; slices 7 to 9; itself, slice 11
    ious = [0.5, 0.8, 0.79, 0.73, 0.71, 0.9, 0.82, 0.8, 0.9, 0.9, 0.2, 0.2, 0.9, 0.2]
    bright.decode = doubting
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    assert len(bright.decoded) == 8
    assert np.flatnonzero(scanned.mask("block").any(axis=(0, 1))).tolist() == [4, 5, 6, 7]
    # a prompt further on says that it goes on: between the two nothing ends it
    scanned.box("block", BOX, "axial", 10)
    scanned.wait(60)
    assert np.flatnonzero(scanned.mask("block").any(axis=(0, 1))).tolist() == [4, 5, 6, 7, 8, 9, 10]


def test_replaying_a_volume_needs_no_following_between(
    scanned: Session, bright: Any, bright_volume: Path, tmp_path: Path
) -> None:
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    scanned.click("block", 236, 212, False, "axial", 10)
    scanned.wait(60)
    with Session(bright, bright_volume, folder=tmp_path / "kept", modality="MR", zoom="off") as again:
        _require_the_same_by_replaying(again, scanned)


def _require_the_same_by_replaying(again: Session, session: Session) -> None:
    again.replay(session.to_json())
    assert again.to_json() == session.to_json()
    again.wait(60)
    np.testing.assert_array_equal(again.mask("block"), session.mask("block"))


def test_a_box_that_was_taken_back_is_not_drawn_by_replaying(
    scanned: Session, bright: Any, bright_volume: Path, tmp_path: Path
) -> None:
    scanned.box("block", BOX, "axial", 6)
    scanned.wait(60)
    scanned.click("block", 232, 8, False, "coronal", 30)
    scanned.remove("block", 1)  # the box that came before the click
    assert [prompt.kind for prompt in scanned.prompts("block")] == ["box", "click"]
    scanned.wait(60)
    # on a session that has followed the object to that slice, where a click alone is preceded by a box
    with Session(bright, bright_volume, folder=tmp_path / "kept", modality="MR", zoom="off") as again:
        again.add_object("block")
        again.box("block", BOX, "axial", 6)
        again.wait(60)
        _require_the_same_by_replaying(again, scanned)
        # one change: its prompts are followed once
        again.undo()
        assert [prompt.kind for prompt in again.prompts("block")] == ["box"]


def test_a_slice_of_any_plane_is_that_of_all_labels(bright: Any, tmp_path: Path) -> None:
    """Of a volume with turned and mirrored axes, with prompts in two planes and an overlap."""
    values = np.full((16, 120, 140), 20, np.int16)
    values[3:13, 20:70, 30:90] = 200
    affine = np.array([[0, -1.0, 0, 9], [0, 0, 1.5, -4], [3.0, 0, 0, 2], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "turned.nii.gz")
    with Session(bright, tmp_path / "turned.nii.gz", folder=tmp_path / "kept", modality="MR") as session:
        views = session.image.views
        for name, plane, index in (("one", "axial", 7), ("two", "coronal", 60)):
            session.add_object(name)
            _, height, width = session.planes[plane].shape[:3]
            session.box(name, [0, 0, width // (2 if name == "one" else 1) - 1, height - 1], plane, index)
        session.click("two", 70, 5, False, "sagittal", 40)
        session.wait(60)
        labels = session.labels()
        assert set(np.unique(labels)) == {0, 1, 2}
        for plane, view in views.items():
            for index in range(0, view.shape[0], 11):
                np.testing.assert_array_equal(session.slice_labels(plane, index), view.of_file(labels)[index])
                for name in session.objects:
                    expected = view.of_file(session.mask(name))[index]
                    np.testing.assert_array_equal(session.slice_mask(name, plane, index), expected)
        rows = session.table()
        assert [row["voxels"] for row in rows] == np.bincount(labels.ravel(), minlength=3)[1:].tolist()
        assert [row["volume_mm3"] for row in rows] == [row["voxels"] * 4.5 for row in rows]
        assert [(row["label"], row["name"], row["prompts"]) for row in rows] == [(1, "one", 1), (2, "two", 3)]


def test_results_are_written_and_read_again(bright: Any, bright_picture: Path, tmp_path: Path) -> None:
    with Session(bright, bright_picture, folder=tmp_path / "kept", pixel_spacing=0.5) as session:
        with pytest.raises(ValueError, match="nothing is outlined yet"):
            write_results(session, tmp_path / "out")
        session.add_object("=left, upper")  # which no spreadsheet is to take for a formula
        session.box("=left, upper", [20, 20, 59, 59])
        mask, table, prompts = write_results(session, tmp_path / "out")
    assert table.read_text().splitlines() == ["label,name,pixels,area_mm2,prompts", '1,"\'=left, upper",1600,400.0,1']
    content = json.loads(prompts.read_text())
    assert content["options"] == {"window": "soft_tissue", "pixel_spacing": 0.5}
    with Session(bright, bright_picture, folder=tmp_path / "kept", **content["options"]) as again:
        again.replay(content)
        for first, second in zip((mask, table, prompts), write_results(again, tmp_path / "again"), strict=True):
            assert first.read_bytes() == second.read_bytes()


def test_chosen_colours_are_in_all_files_and_drawn_again(
    scanned: Session, bright: Any, bright_volume: Path, tmp_path: Path
) -> None:
    scanned.box("block", BOX, "axial", 6)
    scanned.add_object("left as it is")
    scanned.add_object("renamed")
    assert scanned.colours == {"block": "#56b4e9", "left as it is": "#e69f00", "renamed": "#009e73"}
    scanned.recolour("block", "#0102FF")
    scanned.recolour("renamed", "#102030")
    scanned.rename_object("renamed", "third")
    files = {file.suffix: file for file in write_results(scanned, tmp_path / "out")}
    assert files[".ctbl"].read_text().splitlines()[2:] == [
        "1 block 1 2 255 255", "2 left_as_it_is 230 159 0 255", "3 third 16 32 48 255"
    ]  # fmt: skip
    assert '1 1 2 255 1 1 1 "block"' in files[".label"].read_text()
    content = json.loads(files[".json"].read_text())
    assert [each.get("colour") for each in content["objects"]] == ["#0102ff", None, "#102030"]
    with Session(bright, bright_volume, folder=tmp_path / "kept", modality="MR", zoom="off") as again:
        again.replay(content)
        assert again.colours == scanned.colours
        for file in write_results(again, tmp_path / "again"):
            assert file.read_bytes() == (tmp_path / "out" / file.name).read_bytes(), file.name
    # one that is removed keeps its colour for undo, so no other gets it
    scanned.remove_object("left as it is")
    scanned.add_object("new")
    assert scanned.colours["new"] == "#009e73"
    scanned.undo()
    scanned.undo()
    assert scanned.colours["left as it is"] == "#e69f00"


def test_a_small_object_is_seen_in_a_window(bright: Any, tmp_path: Path) -> None:
    pixels = np.zeros((600, 900), np.uint8)
    pixels[300:310, 700:710], pixels[:300, :600] = 100, 200  # beside the large one the small one isn't bright
    Image.fromarray(pixels).save(tmp_path / "large.png")
    masks = {}
    for zoom in ("off", "auto"):
        with Session(bright, tmp_path / "large.png", folder=tmp_path / zoom, zoom=zoom) as session:
            session.add_object("small")
            session.box("small", [700, 300, 709, 309])
            masks[zoom] = session.mask("small")
            if zoom == "auto":
                session.click("small", 703, 303, positive=False)
                (window,) = zoom_windows(np.array([[700, 300, 709, 309]]), 600, 900)
                place = PlacedSquare(window).point_to_square(703, 303)
                assert bright.decoded[-1][1].tolist() == [[list(place)]]
                assert bright.decoded[-1][3] is not None  # refined from the mask before
                session.click("small", 100, 100)  # outside the window: the whole picture, from the first prompt on
                box, points, *_ = bright.decoded[-1]
                assert box[0].tolist() == pytest.approx([each / 900 * 256 for each in (700, 300, 709, 309)])
                assert points.shape == (1, 2, 2)
                session.undo()
                session.undo()
                np.testing.assert_array_equal(session.mask("small"), masks[zoom])
    assert not masks["off"].any()
    assert 81 <= masks["auto"][300:310, 700:710].sum() == masks["auto"].sum()


def test_a_window_follows_a_small_object_through_a_volume(bright: Any, tmp_path: Path) -> None:
    volume = np.zeros((5, 600, 900), np.uint8)
    volume[:, :300, :600] = 200
    for index in range(5):
        volume[index, 300:310, 700 + index : 710 + index] = 100
    nibabel.save(nibabel.Nifti1Image(volume.transpose(2, 1, 0), np.diag([-1, -1, 1, 1])), tmp_path / "scan.nii.gz")
    with Session(bright, tmp_path / "scan.nii.gz", folder=tmp_path / "kept") as session:
        session.add_object("small")
        session.box("small", [702, 300, 711, 309], "axial", 2)
        session.wait()
        for index in range(5):
            mask = session.slice_mask("small", "axial", index)
            assert 81 <= mask[300:310, 700 + index : 710 + index].sum() == mask.sum(), index
