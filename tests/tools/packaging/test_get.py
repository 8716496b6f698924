# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle from a zoo: the right one, whole, checked before it is unpacked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from litemed.bundles import find_bundle, metadata_of
from litemed.tools.packaging.get import get_bundle
from litemed.tools.packaging.publish import publish


class Server(SimpleHTTPRequestHandler):
    """Serves a folder, with parts of files, and writes down what was asked for."""

    asked: list[tuple[str, str | None]]

    def __init__(self, *arguments: object, asked: list[tuple[str, str | None]], **options: object) -> None:
        self.asked = asked
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        if wanted is None:
            super().do_GET()
            return
        content = Path(self.translate_path(self.path)).read_bytes()
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:])

    def log_message(self, *_: object) -> None: ...


def _publish(tmp_path: Path, version: str, url: str = "") -> Path:
    folder = tmp_path / "source/cough_ct"
    for name in ("configs", "cough_ct"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "configs/metadata.json").write_text(json.dumps({"version": version}))
    # what ran this would leave a trace
    (folder / "cough_ct/__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    publish([folder], tmp_path / "zoo", url)
    return tmp_path / "zoo"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    asked: list[tuple[str, str | None]] = []
    handler = partial(Server, directory=str(tmp_path / "zoo"), asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_the_latest_version_of_a_folder_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path / "home"))
    for version in ("0.9.0", "0.10.0", "0.2.0"):
        zoo = _publish(tmp_path, version, url="https://example.org/zoo")
    got = get_bundle("cough_ct", str(zoo))
    assert got == tmp_path / "home/bundles/cough_ct" == find_bundle("cough_ct")
    assert metadata_of(got)["version"] == "0.10.0"
    assert metadata_of(get_bundle("cough_ct_v0.2.0", str(zoo)))["version"] == "0.2.0"
    assert [path.name for path in (tmp_path / "home/bundles").iterdir()] == ["cough_ct"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("with_url", [True, False], ids=["absolute", "relative"])
def test_an_interrupted_download_goes_on(
    with_url: bool, tmp_path: Path, served: tuple[str, list[tuple[str, str | None]]]
) -> None:
    address, asked = served
    zoo = _publish(tmp_path, "1.0", url=address if with_url else "")
    content = (zoo / "cough_ct_v1.0.zip").read_bytes()
    checksum = json.loads((zoo / "model_info.json").read_text())["cough_ct_v1.0"]["checksum"]
    for have in (0, len(content) // 2, len(content)):
        (tmp_path / "to").mkdir(exist_ok=True)
        if have:
            (tmp_path / f"to/.cough_ct_v1.0-{checksum}.zip").write_bytes(content[:have])
        got = get_bundle("cough_ct", address, tmp_path / "to", progress=False)
        assert metadata_of(got)["version"] == "1.0"
        assert asked[-1] == ("/cough_ct_v1.0.zip", f"bytes={have}-" if have else None)
        assert [path.name for path in (tmp_path / "to").iterdir()] == ["cough_ct"]


def test_another_file_than_the_listed_one_is_not_unpacked(
    tmp_path: Path, served: tuple[str, list[tuple[str, str | None]]]
) -> None:
    zoo = _publish(tmp_path, "1.0")
    packed = zoo / "cough_ct_v1.0.zip"
    packed.write_bytes(packed.read_bytes() + b"x")
    for place in (str(zoo), served[0]):
        with pytest.raises(ValueError, match=r"has the sha1 [0-9a-f]{40}, expected [0-9a-f]{40}: nothing was unpacked"):
            get_bundle("cough_ct", place, tmp_path / "to", progress=False)
        assert list((tmp_path / "to").iterdir()) == []
    assert packed.exists()


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is no list of a zoo"),
        ('{"../../x_v1": {}}', "lists a bundle that can't be one"),
        ('{"cough_ct_v../../x": {}}', "lists a bundle that can't be one"),
        ('{"cough_ct_v1": {}}', "without checksum and source"),
        ('{"cough_ct_v1": {"checksum": "../../x", "source": ""}}', "for a sha1"),
        ('{"other_v1": {}}', "has no bundle cough_ct: it offers other_v1"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(listed: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo/model_info.json").write_text(listed)
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        get_bundle("cough_ct", str(tmp_path / "zoo"), tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_a_source_that_is_no_address_is_not_opened(
    tmp_path: Path, served: tuple[str, list[tuple[str, str | None]]]
) -> None:
    zoo = _publish(tmp_path, "1.0")
    info = json.loads((zoo / "model_info.json").read_text())
    info["cough_ct_v1.0"]["source"] = f"file://{zoo}/cough_ct_v1.0.zip"
    (zoo / "model_info.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match="expected an address of http or https"):
        get_bundle("cough_ct", served[0], tmp_path / "to", progress=False)


def test_what_is_not_there_is_told_with_its_place(
    tmp_path: Path, served: tuple[str, list[tuple[str, str | None]]]
) -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1:\d+/model_info\.json: HTTP Error 404"):
        get_bundle("cough_ct", served[0], tmp_path / "to")
    with pytest.raises(FileNotFoundError, match=r"model_info\.json"):
        get_bundle("cough_ct", str(tmp_path / "nowhere"), tmp_path / "to")
    with pytest.raises(ValueError, match="expected the name of a bundle"):
        get_bundle("../cough_ct", str(tmp_path), tmp_path / "to")
