# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The page's server: what is drawn on it, what it refuses, and what happens while two look at it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
import pytest
from litemed.app import create_app
from litemed.app import tasks as task_room
from litemed.app.tasks import Tasks
from litemed.prompting import Session, write_results
from PIL import Image
from starlette.testclient import TestClient

HOST = "http://127.0.0.1:8000"
TOKEN = "long-random-text"


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """The folder that is opened, with a square's picture, one beside that is private, and a link to that."""
    folder = tmp_path / "opened"
    folder.mkdir()
    values = np.full((256, 256), 20, np.uint8)
    values[20:60, 20:60] = values[100:150, 100:150] = 220
    Image.fromarray(values).save(folder / "case.png")
    Image.fromarray(values).save(tmp_path / "private.png")
    (folder / "link.png").symlink_to(tmp_path / "private.png")
    (folder / "notes.txt").write_text("no image")
    (folder / "film.mp4").write_bytes(b"")
    return folder


@pytest.fixture
def serve(bright: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TestClient]]:
    """``serve(source)``: a browser that has opened the page."""
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path / "home"))
    browsers = []

    def start(source: Path, **options: Any) -> TestClient:
        run = {"bundle": "clicks", "weights": {"path": "model.pt"}, "options": {"variant": "fast"}}
        folders = (source, tmp_path / "out", tmp_path / "dropped")
        app = create_app(lambda: bright, *folders, TOKEN, 8000, run=run, **options)
        browser = TestClient(app, base_url=HOST)
        browser.__enter__()
        browsers.append(browser)
        entry = browser.get(f"/?token={TOKEN}")
        assert entry.status_code == 200
        assert "<title>litemed</title>" in entry.text
        return browser

    yield start
    for browser in browsers:
        browser.__exit__(None, None, None)


@pytest.fixture
def browser(serve: Callable[..., TestClient], opened: Path) -> TestClient:
    return serve(opened)


def _open(browser: TestClient, name: str = "opened/case.png", **options: Any) -> dict[str, Any]:
    answer = browser.post("/api/images", json={"name": name, "options": options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _box(numbers: list[int], **more: Any) -> dict[str, Any]:
    prompt = {"kind": "box", "numbers": numbers, "positive": True, "plane": "picture", "index": 0}
    return {"name": "one", "is_new": True, "prompt": {**prompt, **more}}


def _picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_what_can_be_opened_is_listed(browser: TestClient, opened: Path) -> None:
    (opened / "deep/series").mkdir(parents=True)
    (opened / "deep/series/1").write_bytes(bytes(128) + b"DICM")
    found = {file["name"]: file["kind"] for file in browser.get("/api/folder").json()["files"]}
    assert found == {
        "opened/case.png": "picture",
        "opened/deep/series": "volume",
        "opened/film.mp4": "video",
        "opened/link.png": "picture",
    }


def test_an_object_is_drawn_corrected_and_saved_as_by_a_session(
    browser: TestClient, bright: Any, opened: Path, tmp_path: Path
) -> None:
    image = _open(browser, pixel_spacing=0.5)
    assert image["planes"]["picture"] | {"crossed": 0} == {
        "depth": 1, "width": 256, "height": 256, "aspect": [1, 1], "crossed": 0
    }  # fmt: skip
    at = f"/api/images/{image['number']}"
    state = browser.post(f"{at}/draw", json=_box([20, 20, 59, 59])).json()
    assert [(each["name"], each["colour"]) for each in state["objects"]] == [("one", "#56b4e9")]
    click = {"kind": "click", "numbers": [30, 40], "positive": False, "plane": "picture", "index": 0}
    browser.post(f"{at}/draw", json={"name": "one", "prompt": click})
    stroke = {"kind": "stroke", "numbers": [110, 110, 110, 134], "positive": True, "plane": "picture", "index": 0}
    browser.post(f"{at}/draw", json={"name": "two", "is_new": True, "prompt": stroke})

    shown = _picture(browser.get(f"{at}/slice?plane=picture&index=0&low=20&high=220").content)
    assert np.unique(np.asarray(shown)).tolist() == [0, 255]
    labels = _picture(browser.get(f"{at}/labels?plane=picture&index=0").content).convert("RGBA")
    assert labels.getpixel((25, 25)) == (0x56, 0xB4, 0xE9, 255)
    assert labels.getpixel((120, 120)) == (0xE6, 0x9F, 0, 255)
    assert labels.getpixel((30, 40))[3] == labels.getpixel((70, 70))[3] == 0
    part = _picture(browser.get(f"{at}/labels?plane=picture&index=0&region=20,20,60,60&factor=2").content)
    np.testing.assert_array_equal(np.asarray(part.convert("RGBA")), np.asarray(labels)[20:60:2, 20:60:2])

    assert browser.get(f"{at}/table").json()[0] == {
        "label": 1, "name": "one", "pixels": 1479, "area_mm2": 369.75, "prompts": 2
    }  # fmt: skip
    saved = browser.post(f"{at}/save", json={}).json()
    assert saved["files"] == ["case_mask.png", "case_objects.csv", "case_prompts.json"]
    with Session(bright, opened / "case.png", folder=tmp_path / "kept", pixel_spacing=0.5) as session:
        session.add_object("one")
        session.add_object("two")
        session.box("one", [20, 20, 59, 59])
        session.click("one", 30, 40, positive=False)
        session.stroke("two", [[110, 110], [110, 134]])
        for expected in write_results(session, tmp_path / "expected"):
            assert browser.get(f"/results/{expected.name}").content == expected.read_bytes()
    (told,) = browser.get("/results/run.json").json()["results"].values()
    digest = hashlib.sha256((opened / "case.png").read_bytes()).hexdigest()
    assert (told["input"]["path"], told["input"]["sha256"]) == (str(opened / "case.png"), digest)
    assert (told["files"], told["bundle"], told["weights"]) == (saved["files"], "clicks", {"path": "model.pt"})
    assert told["options"] == {"variant": "fast", "window": "soft_tissue", "pixel_spacing": 0.5}


def test_undoing_renaming_and_colours(browser: TestClient) -> None:
    at = f"/api/images/{_open(browser)['number']}"
    browser.post(f"{at}/draw", json=_box([20, 20, 59, 59]))
    browser.post(f"{at}/colour", json={"name": "one", "colour": "#010203"})
    state = browser.post(f"{at}/rename_object", json={"name": "one", "new": " lesion "}).json()
    assert [(each["name"], each["colour"]) for each in state["objects"]] == [("lesion", "#010203")]
    for _ in range(3):
        state = browser.post(f"{at}/undo").json()
    assert state["objects"] == []
    assert (state["can_undo"], state["can_redo"]) == (False, True)
    assert browser.post(f"{at}/redo").json()["objects"][0]["name"] == "one"


def test_a_volume_in_three_planes_is_followed(browser: TestClient, bright_volume: Path, opened: Path) -> None:
    bright_volume.rename(opened / "scan.nii.gz")
    image = _open(browser, "opened/scan.nii.gz", modality="MR")
    planes = image["planes"]
    assert {name: (each["depth"], each["height"], each["width"]) for name, each in planes.items()} == {
        "axial": (16, 256, 256), "coronal": (256, 16, 256), "sagittal": (256, 16, 256)
    }  # fmt: skip
    assert planes["coronal"]["aspect"] == [1, 3]
    # in RAS rows run against y, and against z in the other planes
    assert planes["axial"]["crossed"] == {
        "y": {"plane": "coronal", "mirrored": True}, "x": {"plane": "sagittal", "mirrored": True}
    }  # fmt: skip
    at = f"/api/images/{image['number']}"
    browser.post(f"{at}/draw", json=_box([226, 206, 245, 235], plane="axial", index=6))
    for _ in range(300):
        state = browser.get(f"{at}?plane=axial&index=6").json()
        if not state["is_following"]:
            break
        time.sleep(0.05)
    assert state["progress"] == {"done": 15, "total": 15}
    assert state["is_encoded"]
    assert browser.get(f"{at}/table").json()[0]["volume_mm3"] == pytest.approx(20 * 30 * 10 * 3, rel=0.02)  # in windows
    coronal = _picture(browser.get(f"{at}/labels?plane=coronal&index=30").content).convert("RGBA")
    alpha = np.asarray(coronal)[..., 3] > 0
    assert alpha[3:13, 227:245].all()
    assert alpha.sum() == alpha[3:13, 226:246].sum()
    # another way to scale it: what was drawn stays
    again = _open(browser, "opened/scan.nii.gz", modality="CT")
    assert again["intensity"] == "CT window soft_tissue"
    assert again["state"]["objects"] == state["objects"]
    assert browser.get(at).status_code == 404


def test_saved_prompts_give_the_same_masks_on_a_page_opened_otherwise(
    browser: TestClient, bright_volume: Path, opened: Path
) -> None:
    """As a file of them that is dropped: the image is opened with its options, then they take the place of all else."""
    bright_volume.rename(opened / "scan.nii.gz")
    at = f"/api/images/{_open(browser, 'opened/scan.nii.gz', modality='MR', zoom='off')['number']}"
    browser.post(f"{at}/draw", json=_box([226, 206, 245, 235], plane="axial", index=6))
    assert browser.post(f"{at}/save", json={}).status_code == 200
    mask, prompts = (browser.get(f"/results/scan_{name}").content for name in ("mask.nii.gz", "prompts.json"))
    content = json.loads(prompts)
    assert content["options"] == {"modality": "MR", "window": "soft_tissue", "zoom": "off"}
    at = f"/api/images/{_open(browser, 'opened/scan.nii.gz', modality='CT', zoom='auto')['number']}"
    browser.post(f"{at}/draw", json={**_box([1, 1, 9, 9], plane="axial"), "name": "other"})
    other = browser.post(f"{at}/save", json={})
    assert browser.get("/results/scan_mask.nii.gz").content != mask
    assert other.status_code == 200
    at = f"/api/images/{_open(browser, 'opened/scan.nii.gz', **content['options'])['number']}"
    drawn = browser.post(f"{at}/replay", json={"content": content}).json()["objects"]
    assert [(each["name"], each["prompts"]) for each in drawn] == [("one", content["objects"][0]["prompts"])]
    browser.post(f"{at}/save", json={})
    assert browser.get("/results/scan_mask.nii.gz").content == mask
    assert browser.get("/results/scan_prompts.json").content == prompts
    undone = browser.post(f"{at}/undo").json()["objects"]
    assert [each["name"] for each in undone] == ["one", "other"]


# --- what can't be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "given", "message"),
    [
        ("draw", _box([300, 20, 320, 40]), "expected a box inside 256x256"),
        ("draw", {"name": "gone", "prompt": _box([1, 1, 9, 9])["prompt"]}, "no object 'gone': it was removed"),
        ("draw", {"name": "one"}, "a draw lacks something: KeyError('prompt')"),
        ("draw", {"name": "one", "prompt": 3}, "a draw lacks something"),
        ("draw", _box([1, 1, 9, 9], index=4), "expected a slice of picture 0 to 0"),
        ("undo", {}, "nothing to undo"),
        ("close", {}, "expected an action of"),
        ("colour", {"name": "one", "colour": "red;"}, "expected a colour such as"),
        ("replay", {"content": {"objects": [{"name": "a"}]}}, "expected objects with names and prompts"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(
    browser: TestClient, action: str, given: dict[str, Any], message: str
) -> None:
    at = f"/api/images/{_open(browser)['number']}"
    answer = browser.post(f"{at}/{action}", json=given)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert browser.get(at).json()["objects"] == []


def test_contradictory_clicks_and_an_object_that_another_browser_removed(
    browser: TestClient, serve: Callable[..., TestClient]
) -> None:
    at = f"/api/images/{_open(browser)['number']}"
    other = TestClient(browser.app, base_url=HOST, cookies=dict(browser.cookies))
    assert _open(other)["number"] == at[-1]
    before = browser.post(f"{at}/draw", json=_box([20, 20, 59, 59])).json()["revision"]
    click = {"kind": "click", "numbers": [30, 40], "positive": True, "plane": "picture", "index": 0}
    other.post(f"{at}/draw", json={"name": "one", "prompt": click})
    seen = browser.get(at).json()
    assert seen["revision"] > before
    assert [prompt["kind"] for prompt in seen["objects"][0]["prompts"]] == ["box", "click"]
    contrary = browser.post(f"{at}/draw", json={"name": "one", "prompt": {**click, "positive": False}})
    assert "has a click that says the opposite" in contrary.json()["error"]
    other.post(f"{at}/remove_object", json={"name": "one"})
    late = browser.post(f"{at}/draw", json={"name": "one", "prompt": {**click, "numbers": [50, 50]}})
    assert "no object 'one': it was removed" in late.json()["error"]
    assert browser.post(f"{at}/undo").json()["objects"][0]["prompts"] == seen["objects"][0]["prompts"]


def test_a_file_that_changes_on_disk_is_told_and_what_was_drawn_stays(browser: TestClient, opened: Path) -> None:
    at = f"/api/images/{_open(browser)['number']}"
    drawn = browser.post(f"{at}/draw", json=_box([20, 20, 59, 59])).json()["objects"]
    os.utime(opened / "case.png", (1e9, 1e9))
    assert browser.get(at).json()["has_changed"]
    for action, given in (("draw", _box([1, 1, 9, 9])), ("save", {})):
        assert "has changed on disk" in browser.post(f"{at}/{action}", json=given).json()["error"]
    again = _open(browser)
    assert again["number"] != at[-1]
    assert again["state"]["objects"] == drawn
    assert not again["state"]["has_changed"]
    Image.new("L", (10, 10)).save(opened / "case.png")
    lost = browser.post("/api/images", json={"name": "opened/case.png"})
    assert "isn't what was drawn on any more" in lost.json()["error"]
    assert _open(browser)["planes"]["picture"]["width"] == 10


def test_of_many_images_those_used_long_ago_are_closed_and_nothing_is_lost(browser: TestClient, opened: Path) -> None:
    at = f"/api/images/{_open(browser)['number']}"
    drawn = browser.post(f"{at}/draw", json=_box([20, 20, 59, 59])).json()["objects"]
    for number in range(4):
        Image.new("L", (40, 40), 40 * number).save(opened / f"{number}.png")
        _open(browser, f"opened/{number}.png")
    assert "isn't open any more" in browser.get(at).json()["error"]
    assert _open(browser)["state"]["objects"] == drawn


def test_what_was_drawn_is_there_again_after_the_server_ended(
    serve: Callable[..., TestClient], opened: Path, tmp_path: Path
) -> None:
    browser = serve(opened)
    at = f"/api/images/{_open(browser, pixel_spacing=0.5)['number']}"
    browser.post(f"{at}/draw", json=_box([20, 20, 59, 59]))
    drawn = browser.post(f"{at}/colour", json={"name": "one", "colour": "#010203"}).json()["objects"]
    (opened / "case.png").rename(opened / "renamed.png")  # an image is known by its content
    again = serve(opened)
    image = _open(again, "opened/renamed.png")
    assert (image["is_again"], image["state"]["objects"]) == (True, drawn)
    assert image["options"]["pixel_spacing"] == 0.5
    at = f"/api/images/{image['number']}"
    assert again.post(f"{at}/undo").json()["objects"] == []
    assert list((tmp_path / "home/drawings").iterdir()) == []
    assert again.post(f"{at}/redo").json()["objects"] == drawn
    (file,) = (tmp_path / "home/drawings").iterdir()
    file.write_text("{")
    image = _open(serve(opened), "opened/renamed.png")
    assert (image["is_again"], image["state"]["objects"]) == (False, [])


def test_pages_of_a_file_have_drawings_of_their_own(serve: Callable[..., TestClient], opened: Path) -> None:
    pages = [Image.new("L", (80, 80), value) for value in (0, 250)]
    pages[0].save(opened / "pages.tif", save_all=True, append_images=pages[1:])
    browser = serve(opened)
    at = f"/api/images/{_open(browser, 'opened/pages.tif', page=2)['number']}"
    browser.post(f"{at}/draw", json=_box([20, 20, 59, 59]))
    assert _open(browser, "opened/pages.tif", page=1)["state"]["objects"] == []
    assert len(_open(browser, "opened/pages.tif", page=2)["state"]["objects"]) == 1


def test_a_disk_that_takes_no_drawing_is_told(serve: Callable[..., TestClient], opened: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/drawings").write_text("in the way")
    browser = serve(opened)
    at = f"/api/images/{_open(browser)['number']}"
    state = browser.post(f"{at}/draw", json=_box([20, 20, 59, 59])).json()
    assert len(state["objects"]) == 1
    assert "can't be kept on disk" in state["trouble"]


def test_an_edit_that_is_sent_twice_is_taken_once(browser: TestClient) -> None:
    at = f"/api/images/{_open(browser)['number']}"
    click = {"kind": "click", "numbers": [30, 40], "positive": True, "plane": "picture", "index": 0}
    browser.post(f"{at}/draw", json=_box([20, 20, 59, 59]))
    for number in ("a", "a", "b"):
        state = browser.post(f"{at}/draw", json={"name": "one", "prompt": click, "id": number}).json()
    assert [prompt["kind"] for prompt in state["objects"][0]["prompts"]] == ["box", "click", "click"]


def test_bad_files_and_questions_are_told(browser: TestClient, opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (opened / "bad.nii.gz").write_bytes(b"no volume")
    pages = [Image.new("L", (9, 9), value) for value in (0, 250)]
    pages[0].save(opened / "pages.tif", save_all=True, append_images=pages[1:])
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 100)
    for name, message in (
        ("bad.nii.gz", "bad.nii.gz: not a readable NIfTI file"),
        ("pages.tif", "it has 2 pages: choose one from 1 to 2"),
        ("case.png", "exceeds limit of 200 pixels"),  # as of a picture of 20,000 by 20,000
        ("notes.txt", "notes.txt"),
    ):
        answer = browser.post("/api/images", json={"name": f"opened/{name}"})
        assert answer.status_code == 400
        assert message in answer.json()["error"]
        assert "\n" not in answer.json()["error"]
    assert _open(browser, "opened/pages.tif", page=2)["options"]["page"] == 2
    number = _open(browser, "opened/pages.tif", page=2)["number"]
    for query in ("slice?plane=picture&index=0&low=5&high=1", "slice?plane=picture&index=0&low=x&high=1",
                  "slice?plane=axial&index=0&low=0&high=1", "labels?plane=picture&index=7",
                  "labels?plane=picture&index=0&region=5,5,5,9", "labels?plane=picture&index=0&factor=0"):  # fmt: skip
        assert browser.get(f"/api/images/{number}/{query}").status_code == 400, query


# --- who is answered --------------------------------------------------------------------------------------------------

PATHS = ("/", "/api/folder", "/static/main.js", "/results/case_mask.png")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "keeps_token"),
    [
        ({}, False),
        ({"cookie": "litemed-8000=guess"}, False),
        ({"cookie": f"litemed-9000={TOKEN}"}, False),
        ({"host": "evil.example:8000"}, True),
        ({"host": "127.0.0.1:9000"}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
    ],
)
def test_only_the_page_itself_is_answered(
    browser: TestClient, path: str, headers: dict[str, str], keeps_token: bool
) -> None:
    if not keeps_token:
        browser.cookies.clear()
    assert browser.get(path, headers=headers).status_code == 403
    assert browser.post("/api/images", json={"name": "opened/case.png"}, headers=headers).status_code == 403


def test_the_token_opens_the_page_alone(browser: TestClient) -> None:
    browser.cookies.clear()
    assert browser.get("/?token=guess").status_code == 403
    assert browser.get(f"/api/folder?token={TOKEN}").status_code == 403
    entry = browser.get(f"/?token={TOKEN}", headers={"sec-fetch-site": "cross-site"}, follow_redirects=False)
    assert entry.status_code == 303
    assert {"HttpOnly", "SameSite=strict"} <= set(entry.headers["set-cookie"].split("; "))
    page = browser.get("/", headers={"origin": HOST, "sec-fetch-site": "same-origin"})
    assert page.status_code == 200
    assert "script-src 'self';" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    [
        "opened/../private.png",
        "opened/link.png",
        "opened//etc/passwd",
        "private.png",
        "/etc/passwd",
        "dropped/../x",
        "\0",
    ],
)
def test_files_beside_the_opened_folder_are_not_served(browser: TestClient, name: str) -> None:
    assert browser.post("/api/images", json={"name": name}).status_code == 404
    assert browser.post("/api/tasks", json={"name": name, "tool": "vessels"}).status_code == 404


def test_of_a_single_file_its_neighbours_are_not_served(serve: Callable[..., TestClient], opened: Path) -> None:
    Image.new("L", (9, 9)).save(opened / "other.png")
    browser = serve(opened / "case.png")
    assert [file["name"] for file in browser.get("/api/folder").json()["files"]] == ["opened/case.png"]
    assert browser.post("/api/images", json={"name": "opened/other.png"}).status_code == 404
    assert _open(browser)["planes"]["picture"]["width"] == 256


def test_only_what_was_saved_and_tasks_wrote_is_served_as_results(
    browser: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an output folder that has other files, such as a home folder."""
    said = (
        "import sys, pathlib; out = pathlib.Path(sys.argv[-1]); out.mkdir(); (out / '.hidden').write_text(''); "
        "(out / 'frames').mkdir(); (out / 'frames/1.svg').write_text('shown in the report'); "
        "(out / 'link.csv').symlink_to(out.parent / 'notes.txt'); "
        "(out / 'report.html').write_text('<script>alert(1)</script>')"
    )
    monkeypatch.setattr(task_room, "_CALL", said)
    (tmp_path / "out/other").mkdir(parents=True)
    for name in ("notes.txt", ".netrc", "case_mask.png", "other/report.html"):
        (tmp_path / "out" / name).write_text("of somebody else")
        assert browser.get(f"/results/{name}").status_code == 404, name
    at = f"/api/images/{_open(browser)['number']}"
    browser.post(f"{at}/draw", json=_box([20, 20, 59, 59]))
    for name in browser.post(f"{at}/save", json={}).json()["files"]:
        assert browser.get(f"/results/{name}").content == (tmp_path / "out" / name).read_bytes()
    task = browser.post("/api/tasks", json={"tool": "collab", "name": "opened/film.mp4"}).json()
    assert _ended(browser, task["number"])["error"] is None
    answer = browser.get("/results/film_collab/report.html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert browser.get("/results/film_collab/frames/1.svg").text == "shown in the report"
    for name in (
        "notes.txt", ".netrc", "other/report.html", "film_collab/.hidden", "film_collab/link.csv", "film_collab",
        "film_collab/../notes.txt", "../private.png", "%2e%2e/private.png", "..%2fprivate.png", "missing.png", "",
    ):  # fmt: skip
        assert browser.get(f"/results/{name}").status_code == 404, name
    assert browser.get("/static/../server.py").status_code == 404


def test_what_is_too_large_is_refused(serve: Callable[..., TestClient], opened: Path, tmp_path: Path) -> None:
    browser = serve(opened, most_uploaded=1000)
    assert browser.post("/api/images", content=b" " * (1 << 20) + b"{}").status_code == 413
    assert browser.put("/api/files/1/large.png", content=bytes(1001)).status_code == 413

    def parts() -> Iterator[bytes]:
        yield from (bytes(600), bytes(600))

    assert browser.put("/api/files/1/large.png", content=parts()).status_code == 413
    assert not any(path.is_file() for path in (tmp_path / "dropped").rglob("*"))


def test_files_are_dragged_in(browser: TestClient, opened: Path, tmp_path: Path) -> None:
    content = (opened / "case.png").read_bytes()
    assert browser.put("/api/files/17/mine%20(1).png", content=content).json() == {"size": len(content)}
    assert {"name": "dropped/17/mine (1).png", "kind": "picture"} in browser.get("/api/folder").json()["files"]
    assert _open(browser, "dropped/17/mine (1).png")["planes"]["picture"]["width"] == 256
    for name in ("17/../../x.png", "x.png", "17/.hidden", "a/b/c.png", "17/..%5cx.png"):
        assert browser.put(f"/api/files/{name}", content=b"1").status_code in (400, 404, 405), name
    assert not (tmp_path / "x.png").exists()


def test_groups_of_dragged_files_have_names_of_their_own(browser: TestClient, tmp_path: Path) -> None:
    asked = ["CT chest", "CT chest", "..", "a/b:c", "x" * 300]
    told = [browser.post("/api/files", json={"name": name}).json()["group"] for name in asked]
    assert told == ["CT chest", "CT chest (2)", "files", "a_b_c", "x" * 80]
    assert {path.name for path in (tmp_path / "dropped").iterdir()} == set(told)


def test_a_dragged_dicom_series_is_one_volume_and_its_seg_is_read_by_others(
    browser: TestClient, write: Callable[..., Path], tmp_path: Path
) -> None:
    highdicom = pytest.importorskip("highdicom")
    voxels = np.full((48, 40, 6), 20, np.int16)
    voxels[10:30, 8:20, 2:5] = 200
    study = {"StudyInstanceUID": "1.2.3", "FrameOfReferenceUID": "1.2.3.4", "PatientID": "anna", "SeriesNumber": 7}
    series = write("dicom", voxels, np.diag([-1.0, -1, 3, 1]), **study)
    group = browser.post("/api/files", json={"name": "CT chest"}).json()["group"]
    for file in series.iterdir():
        browser.put(f"/api/files/{group}/{file.name}", content=file.read_bytes())
    files = browser.get("/api/folder").json()["files"]
    assert [file for file in files if file["name"].startswith("dropped")] == [
        {"name": "dropped/CT chest", "kind": "volume"}
    ]
    at = f"/api/images/{_open(browser, 'dropped/CT chest', modality='MR')['number']}"
    browser.post(f"{at}/draw", json=_box([10, 8, 29, 19], plane="axial", index=3))
    while browser.get(at).json()["is_following"]:
        time.sleep(0.05)
    browser.post(f"{at}/colour", json={"name": "one", "colour": "#ffffff"})
    saved = browser.post(f"{at}/save", json={}).json()
    assert saved["notices"] == []
    assert (saved["files"][0], saved["files"][-1]) == ("CT chest_mask.nii.gz", "CT chest_segments.dcm")
    assert saved["notices"] == []
    mask = nibabel.load(tmp_path / "out/CT chest_mask.nii.gz")
    labels = np.asarray(mask.dataobj)
    assert (labels[voxels == 200] == 1).mean() > 0.9
    seg = highdicom.seg.segread(tmp_path / "out/CT chest_segments.dcm")
    assert (seg.PatientID, seg.get_segment_description(1).segment_label) == ("anna", "one")
    white = seg.get_segment_description(1).RecommendedDisplayCIELabValue  # L* 100, a* and b* 0, in 16 bits
    np.testing.assert_allclose(white, [65535, 0x8080, 0x8080], atol=5)
    volume = seg.get_volume(combine_segments=True)
    there = volume.map_indices_to_reference(np.argwhere(volume.array == 1))
    here = np.argwhere(labels) @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    here *= (-1, -1, 1)  # DICOM counts to the left and back
    np.testing.assert_allclose(there[np.lexsort(there.T)], here[np.lexsort(here.T)], atol=1e-6)
    frames = itk.array_from_image(itk.imread(str(tmp_path / "out/CT chest_segments.dcm"), itk.UC))
    np.testing.assert_array_equal(frames > 0, labels.T[2:5] > 0)


# --- tasks ------------------------------------------------------------------------------------------------------------


def _ended(browser: TestClient, number: str) -> dict[str, Any]:
    for _ in range(400):
        state = browser.get(f"/api/tasks/{number}").json()
        if not state["is_running"]:
            return state
        time.sleep(0.05)
    raise AssertionError(state)


def test_tools_run_as_the_command_does(browser: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a command that tells how it was called, in place of litemed's."""
    said = (
        "import sys, pathlib, json; words = sys.argv[1:]; out = pathlib.Path(words[words.index('--out') + 1]); "
        "out.mkdir(parents=True); (out / 'report.html').write_text('page'); (out / '.hidden.png').write_text(''); "
        "print('\\r 1/4 [00:01', file=sys.stderr); print('\\r 4/4 [00:02', file=sys.stderr); print(json.dumps(words))"
    )
    monkeypatch.setattr(task_room, "_CALL", said)
    offered = browser.get("/api/folder").json()["tools"]
    assert {name: tool["takes"] for name, tool in offered.items()} == {
        "vessels": "picture", "skin": "picture", "nuclei": "picture", "measure": "picture, video", "collab": "video"
    }  # fmt: skip
    for tool, name, words in (
        ("collab", "film.mp4", ["collab", "FILE"]),
        ("vessels", "case.png", ["segment", "FILE", "--bundle", "BUNDLE", "--application", "vessels"]),
    ):
        started = browser.post("/api/tasks", json={"tool": tool, "name": f"opened/{name}"}).json()
        ended = _ended(browser, started["number"])
        assert (ended["error"], ended["done"], ended["total"]) == (None, 4, 4)
        called = json.loads(ended["said"])
        assert called[-2:] == ["--out", str(tmp_path / "out" / f"{Path(name).stem}_{tool}")]
        expected = [{"FILE": str(tmp_path / "opened" / name), "BUNDLE": called[3]}.get(word, word) for word in words]
        assert called[:-2] == expected
        assert ended["files"] == [f"{Path(name).stem}_{tool}/report.html"]
        assert browser.get(f"/results/{ended['files'][0]}").text == "page"
    assert (
        "expected one of" in browser.post("/api/tasks", json={"tool": "rm", "name": "opened/case.png"}).json()["error"]
    )


def test_a_task_is_stopped_and_its_error_told(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = "import sys, time; print('ready', file=sys.stderr, flush=True); time.sleep(60)"
    monkeypatch.setattr(
        task_room, "_CALL", f"try:\n    {wait}\nexcept KeyboardInterrupt:\n    sys.exit('litemed: interrupted')"
    )
    task = browser.post("/api/tasks", json={"tool": "collab", "name": "opened/film.mp4"}).json()
    again = browser.post("/api/tasks", json={"tool": "collab", "name": "opened/film.mp4"})
    assert "collab is running on film.mp4 already" in again.json()["error"]
    time.sleep(1.5)
    browser.post(f"/api/tasks/{task['number']}/cancel")
    ended = _ended(browser, task["number"])
    assert ended["error"].splitlines()[-1] == "litemed: interrupted"
    assert browser.get("/api/tasks/99").status_code == 404


def test_tasks_are_told_while_another_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks(tmp_path)

    class Starting:
        """A task that is told while another one starts."""

        def __init__(self, number: str, tool: str, source: Path, output_dir: Path) -> None:
            self.number, self.output_dir = number, output_dir

        def state(self) -> dict[str, Any]:
            if self.number == "1":
                tasks.start("vessels", Path(f"{time.monotonic_ns()}.png"))
            return {"number": self.number, "is_running": False}

    monkeypatch.setattr(task_room, "Task", Starting)
    tasks.start("vessels", Path("case.png"))
    assert [state["number"] for state in tasks.states()] == ["1"]
    assert [state["number"] for state in tasks.states()] == ["1", "2"]


def test_all_that_the_page_loads_ships_with_it(browser: TestClient) -> None:
    static = Path(create_app.__code__.co_filename).parent / "static"
    for file in static.iterdir():
        assert browser.get(f"/static/{file.name}").content == file.read_bytes()
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.read_text())
        assert [each for each in addresses if "www.w3.org" not in each] == []


@pytest.mark.parametrize("option", ["zoom", "modality", "runtime"])
def test_what_is_chosen_on_the_page_is_no_option_of_it(option: str, bright_picture: Path, tmp_path: Path) -> None:
    from litemed.app.serving import serve

    with pytest.raises(ValueError, match=f"the page takes no {option}: it is chosen there, or is the default"):
        serve(str(bright_picture), str(tmp_path / "out"), browser=False, overrides={option: "off"})
