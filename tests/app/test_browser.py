# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: what is drawn and saved on it is what a session gives."""

from __future__ import annotations

import csv
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import uvicorn
from litemed.app import create_app
from litemed.app import tasks as task_room
from litemed.prompting import Session, write_results
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

TOKEN = "long-random-text"
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
BUNDLES = Path(__file__).parents[2] / "bundles"
BAR = 30
"""Height of the line below a slice, as view.js leaves it free."""


@pytest.fixture
def address(
    bright: Any, bright_picture: Path, bright_volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Of a page on a picture and a volume, with its token."""
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path / "home"))
    folder = tmp_path / "opened"
    folder.mkdir()
    for file in (bright_picture, bright_volume):
        shutil.copy(file, folder)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        app = create_app(lambda: bright, folder, tmp_path / "out", tmp_path / "dropped", TOKEN, port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{port}/?token={TOKEN}"
        server.should_exit = True
        thread.join()


class Browser:
    """A page, and what went wrong on it."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.elsewhere: list[str] = []
        host = address.partition("/?")[0]
        page.on("console", lambda said: self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self._asked(asked.url, host))
        page.goto(address)

    def _asked(self, url: str, host: str) -> None:
        if not url.startswith((f"{host}/", f"blob:{host}/")):
            self.elsewhere.append(url)

    def open(self, name: str) -> None:
        self.page.click(f"#files button:has-text('{name}')")
        self.page.wait_for_selector(f"#about :text('{name}')")
        self.page.wait_for_timeout(300)

    def at(
        self, x: float, y: float, plane: str = "picture", aspect: tuple[float, float] = (1, 1)
    ) -> tuple[float, float]:
        """Where a pixel of a slice of 256 columns is on the screen, when the whole slice is shown."""
        box = self.page.locator(f"canvas[aria-label={plane}]").bounding_box()
        width, height = 256 * aspect[0], (16 if aspect[1] != 1 else 256) * aspect[1]
        scale = min(box["width"] / width, (box["height"] - BAR) / height)
        left, top = (box["width"] - width * scale) / 2, (box["height"] - BAR - height * scale) / 2
        return (box["x"] + left + (x + 0.5) * aspect[0] * scale, box["y"] + top + (y + 0.5) * aspect[1] * scale)

    def drag(self, *places: Any, **button: Any) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(*places[0]))
        mouse.down(**button)
        for place in places[1:]:
            mouse.move(*self.at(*place))
        mouse.up(**button)

    def click(self, *place: Any, **button: Any) -> None:
        self.page.mouse.click(*self.at(*place), **button)

    def prompts(self, counts: list[int]) -> None:
        """Wait until the objects have so many prompts."""
        for place, count in enumerate(counts):
            told = "1 prompt" if count == 1 else f"{count} prompts"
            row = self.page.locator("#objects li .size").nth(place)
            sync_api.expect(row).to_contain_text(told, timeout=30_000)
        sync_api.expect(self.page.locator("#objects li")).to_have_count(len(counts))

    def save(self) -> list[str]:
        self.page.click("#save")
        self.page.wait_for_selector("#saved a", timeout=60_000)
        return self.page.locator("#saved a").all_inner_texts()


@pytest.fixture
def browse(address: str) -> Iterator[Callable[..., Browser]]:
    """``browse(color_scheme)``: a browser in which the page is open."""
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)

        def start(color_scheme: str = "light") -> Browser:
            context = chromium.new_context(color_scheme=color_scheme, viewport={"width": 1300, "height": 800})
            context.set_default_timeout(30_000)
            return Browser(context.new_page(), address)

        yield start
        chromium.close()


def test_a_picture_is_outlined_corrected_undone_and_saved(
    browse: Callable[..., Browser], bright: Any, bright_picture: Path, tmp_path: Path
) -> None:
    browser = browse()
    page = browser.page
    browser.open("case.png")
    browser.drag((20, 20), (40, 40), (59, 59))
    browser.prompts([1])
    page.keyboard.press("c")
    browser.click(30, 40, button="right")
    browser.prompts([2])
    page.keyboard.press("n")
    browser.prompts([2, 0])
    page.keyboard.press("s")
    browser.drag((110, 110), (110, 122), (110, 134))
    browser.prompts([2, 1])
    browser.click(4, 4)  # a stroke of one place, which is taken back
    browser.prompts([2, 2])
    page.keyboard.press("Control+z")
    browser.prompts([2, 1])
    page.keyboard.press("Control+Shift+z")
    browser.prompts([2, 2])
    page.click("#undo")
    browser.prompts([2, 1])
    # contradicting an earlier click is told, and nothing is lost
    page.keyboard.press("1")
    page.keyboard.press("c")
    browser.click(30, 40)
    sync_api.expect(page.locator("#told")).to_contain_text("has a click that says the opposite")
    browser.prompts([2, 1])
    name = page.locator("#objects input[type=text]").nth(1)
    name.fill("lower")
    name.press("Enter")
    sync_api.expect(page.locator("#objects li .size").nth(0)).to_contain_text("1479 px")
    page.wait_for_timeout(500)
    shot = tmp_path / "light.png"
    page.screenshot(path=shot)
    # light: text is dark on a light ground, and the objects' colours, a blue and an orange, are on the picture
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    assert pixels[790, 10].min() > 195
    assert (pixels[:40, :120].max(axis=-1) < 90).sum() > 20
    red, _, blue = np.moveaxis(pixels, -1, 0)
    assert (blue - red > 40).sum() > 2000
    assert (red - blue > 40).sum() > 2000
    assert browser.save() == ["case_mask.png", "case_objects.csv", "case_prompts.json"]
    with Session(bright, bright_picture, folder=tmp_path / "kept") as session:
        session.add_object("object 1")
        session.add_object("lower")
        session.box("object 1", [20, 20, 59, 59])
        session.click("object 1", 30, 40, positive=False)
        session.stroke("lower", [[110, 110], [110, 122], [110, 134]])
        for expected in write_results(session, tmp_path / "expected"):
            assert (tmp_path / "out" / expected.name).read_bytes() == expected.read_bytes(), expected.name
    # what refused the click is the one line that the console may have
    assert [line for line in browser.wrong if "status of 400" not in line] == []
    assert browser.elsewhere == []


def test_a_volume_is_outlined_in_one_plane_and_corrected_in_another(
    browse: Callable[..., Browser], bright: Any, bright_volume: Path, tmp_path: Path
) -> None:
    browser = browse("dark")
    page = browser.page
    browser.open("scan.nii.gz")
    axial = page.locator("canvas[aria-label=axial]")
    axial.focus()
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    sync_api.expect(page.locator(".view.main .bar span")).to_have_text("axial 7 / 16")
    browser.drag((226, 206, "axial"), (245, 235, "axial"))
    browser.prompts([1])
    sync_api.expect(page.locator("#cancel")).to_be_hidden(timeout=60_000)
    sync_api.expect(page.locator("#objects .size").first).to_contain_text("17.85 ml", timeout=60_000)
    page.keyboard.down("Shift")
    page.mouse.click(*browser.at(236, 220, "axial"))
    page.keyboard.up("Shift")
    coronal = page.locator(".view:has(canvas[aria-label=coronal]) .bar span")
    sync_api.expect(coronal).to_have_text("coronal 36 / 256")  # rows run against y
    page.keyboard.press("c")
    page.mouse.click(*browser.at(236, 8, "coronal", (1, 3)), button="right")
    browser.prompts([3])  # with the box of the slice that was followed to
    sync_api.expect(page.locator("#cancel")).to_be_hidden(timeout=60_000)
    page.wait_for_timeout(500)
    shot = tmp_path / "dark.png"
    page.screenshot(path=shot)
    assert browser.save()[:3] == ["scan_mask.nii.gz", "scan_objects.csv", "scan_prompts.json"]
    with Session(bright, bright_volume, folder=tmp_path / "kept") as session:
        session.add_object("object 1")
        session.box("object 1", [226, 206, 245, 235], "axial", 6)
        session.wait(60)
        session.click("object 1", 236, 8, False, "coronal", 35)
        for expected in write_results(session, tmp_path / "expected"):
            assert (tmp_path / "out" / expected.name).read_bytes() == expected.read_bytes(), expected.name
    assert (browser.wrong, browser.elsewhere) == ([], [])
    # dark: text is light on a dark ground, and the object's colour is on the slices
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    assert pixels[790, 10].max() < 60
    assert ((pixels[..., 2] - pixels[..., 0]) > 40).sum() > 2000


def test_planes_are_shown_in_the_shape_that_the_body_has(browse: Callable[..., Browser], tmp_path: Path) -> None:
    voxels = np.full((40, 60, 10), 200, np.int16)
    voxels[20, 30, 5] = 0
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([0.5, 1.25, 6, 1])), tmp_path / "opened/flat.nii.gz")
    browser = browse()
    browser.open("flat.nii.gz")
    sides = """canvas => {
        const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = { x: new Set(), y: new Set() };
        for (let i = 0; i < width * height; i++) if (data[4 * i + 3] === 255) {
            seen.x.add(i % width);
            seen.y.add(Math.floor(i / width));
        }
        return [seen.x.size, seen.y.size];
    }"""
    for plane, across, down in (("axial", 20, 75), ("coronal", 20, 60), ("sagittal", 75, 60)):
        canvas = browser.page.wait_for_selector(f"canvas[aria-label={plane}]")
        for _ in range(100):  # until the slice is there
            width, height = canvas.evaluate(sides)
            if width:
                break
            browser.page.wait_for_timeout(100)
        assert width / height == pytest.approx(across / down, rel=0.02), plane
    assert browser.wrong == []


def test_a_dragged_folder_of_dicom_is_one_volume(
    browse: Callable[..., Browser], write: Callable[..., Path], tmp_path: Path
) -> None:
    voxels = np.zeros((48, 40, 6), np.int16)
    voxels[10:30, 8:20] = 200
    series = write("dicom", voxels, np.diag([-1.0, -1, 3, 1]), name="CT chest")
    (series / "deeper").mkdir()
    first = sorted(series.glob("*.dcm"))[0]
    first.rename(series / "deeper/000.dcm")  # as on the discs of scanners: names are not told apart across folders
    sorted(series.glob("*.dcm"))[0].rename(series / "000.dcm")
    (series / ".DS_Store").write_bytes(b"of a file manager")
    page = browse().page
    tools = page.context.new_cdp_session(page)

    def drag(*paths: Path) -> None:
        dragged = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            tools.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 400, "data": dragged})

    drag(series)
    page.wait_for_selector("#about :text('6 voxels')")
    assert page.locator("#files button[aria-pressed=true]").inner_text() == "CT chest"
    assert len(list((tmp_path / "dropped/CT chest").glob("*.dcm"))) == 6
    # its files, without their folder
    (series / "000.dcm").rename(series / "001.dcm")
    drag(*sorted(series.rglob("*.dcm")))
    sync_api.expect(page.locator("#files button[aria-pressed=true]")).to_have_text("001", timeout=30_000)
    page.wait_for_selector("#about :text('001')")
    assert "6 voxels" in page.locator("#about").inner_text()
    assert len(list((tmp_path / "dropped/001").glob("*.dcm"))) == 6


def test_an_eye_is_measured_by_one_click(browse: Callable[..., Browser], tmp_path: Path) -> None:
    """By the bundle that ships; a page that is opened later finds it too."""
    shutil.copy(BUNDLES / "tiu_ocular/sample/input.jpg", tmp_path / "opened/eye.jpg")
    browser = browse()
    browser.open("eye.jpg")
    browser.page.click("#offered button:has-text('Segment the eyes')")
    card = browser.page.locator("#tasks .task")
    sync_api.expect(card).to_contain_text("written to", timeout=300_000)
    rows = dict(row.split("\n", 1) for row in card.locator(".row").all_inner_texts())
    with (tmp_path / "out/eye_measure/measurements.csv").open() as file:
        (measured,) = csv.DictReader(file)
    assert rows["unit"].strip() == measured["unit"] == "pixel"
    assert float(rows["iris_diameter"]) == pytest.approx(float(measured["iris_diameter"]), rel=1e-3)
    shown = card.locator("img").evaluate_all("images => images.map(image => [image.alt, image.naturalWidth > 0])")
    assert shown == [["eye_measure/eye_overlay.png", True]]  # not the label map, which looks black
    later = browse("dark")
    sync_api.expect(later.page.locator("#tasks .task")).to_contain_text("iris_diameter")
    assert (browser.wrong, browser.elsewhere, later.wrong) == ([], [], [])


def test_a_report_is_opened_and_a_video_leaves_no_other_picture(
    browse: Callable[..., Browser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a command that writes a report, in place of litemed's."""
    said = (
        "import sys, pathlib; out = pathlib.Path(sys.argv[-1]); (out / 'masks').mkdir(parents=True); "
        "(out / 'masks/1.png').write_text(''); (out / 'report.html').write_text('<h1>Break-up</h1>')"
    )
    monkeypatch.setattr(task_room, "_CALL", said)
    (tmp_path / "opened/film.mp4").write_bytes(b"")
    browser = browse()
    page = browser.page
    browser.open("case.png")
    page.click("#files button:has-text('film.mp4')")
    sync_api.expect(page.locator("#empty")).to_have_text("A video: choose an analysis on the left.")
    assert page.locator("canvas").count() == 0
    page.keyboard.press("Control+z")
    page.click("#offered button:has-text('tear film')")
    with page.context.expect_page() as opened:
        page.click("text=Open the report", timeout=60_000)
    sync_api.expect(opened.value.locator("h1")).to_have_text("Break-up")
    assert page.locator("#tasks img").count() == 0
    browser.open("case.png")
    browser.drag((20, 20), (59, 59))
    browser.prompts([1])
    assert (browser.wrong, browser.elsewhere) == ([], [])


def test_two_browsers_a_dragged_file_and_a_lost_connection(
    browse: Callable[..., Browser], bright_picture: Path, tmp_path: Path
) -> None:
    one, two = browse(), browse()
    for browser in (one, two):
        browser.open("case.png")
    one.drag((20, 20), (59, 59))
    two.prompts([1])
    two.page.click("#objects button[title='Remove the object']")
    one.prompts([])
    # a file and its prompts
    content = bright_picture.read_bytes()
    drop = """async ([bytes, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    one.page.evaluate(drop, [list(content), "mine.png"])
    one.page.wait_for_selector("#about :text('mine.png')")
    content = {"image": "case.png", "options": {"pixel_spacing": 0.5}, "objects": [{"name": "lesion", "prompts": []}]}
    one.page.evaluate(drop, [list(json.dumps(content).encode()), "case_prompts.json"])
    sync_api.expect(one.page.locator("#told")).to_have_text("These prompts were drawn on case.png, not on mine.png.")
    sync_api.expect(one.page.locator("#objects input[type=text]")).to_have_value("lesion")
    sync_api.expect(one.page.locator("#about input[type=number]")).to_have_value("0.5")
    one.page.click("#undo")
    one.prompts([])
    one.page.evaluate(drop, [list(b"nothing"), "notes.txt"])
    sync_api.expect(one.page.locator("#told")).to_contain_text("notes.txt is no picture, volume or video")
    one.page.context.set_offline(True)
    sync_api.expect(one.page.locator("#told")).to_contain_text("The connection is lost", timeout=10_000)
    one.drag((20, 20), (59, 59))
    sync_api.expect(one.page.locator("#told")).to_contain_text("waits here: 1 change", timeout=10_000)
    one.page.context.set_offline(False)
    sync_api.expect(one.page.locator("#told")).to_contain_text("The connection is back", timeout=10_000)
    one.prompts([1])
    # a tab that is closed, and a server that is ended
    one.page.close()
    three = browse()
    three.open("mine.png")
    three.prompts([1])
    assert [line for line in two.wrong if "ERR_" not in line] == []
