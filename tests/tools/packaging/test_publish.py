# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A zoo in a folder: what it lists, and that MONAI's own client takes a bundle from it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from litemed.files import only_writer
from litemed.tools.packaging.checks import MODES
from litemed.tools.packaging.hubs import ENTRY_CHECKS, lay_out_hubs
from litemed.tools.packaging.publish import publish
from litemed.tools.packaging.verify import verify
from monai.bundle import download

MININET = Path(__file__).resolve().parents[3] / "bundles/mininet"


def test_monai_downloads_a_bundle_from_the_zoo(tmp_path: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "zoo")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        publish([MININET], tmp_path / "zoo", url=address)
        info = json.loads((tmp_path / "zoo/model_info.json").read_text())["mininet_v0.3.0"]
        download(name="mininet", url=info["source"], bundle_dir=str(tmp_path / "got"), progress=False)
        server.shutdown()
    assert info["source"] == f"{address}/mininet_v0.3.0.zip"
    assert info["checksum"] == hashlib.sha1((tmp_path / "zoo/mininet_v0.3.0.zip").read_bytes()).hexdigest()
    got = tmp_path / "got/mininet/models/model.pt"
    assert got.read_bytes() == (MININET / "models/model.pt").read_bytes()


def test_the_page_shows_each_bundle(tmp_path: Path) -> None:
    page = publish([MININET], tmp_path).read_text()
    metadata = json.loads((MININET / "configs/metadata.json").read_text())
    assert metadata["name"] in page
    assert "mininet_v0.3.0.zip" in page
    assert (tmp_path / "mininet.png").is_file()
    assert 'src="http' not in page


def test_a_version_is_published_once(tmp_path: Path) -> None:
    publish([MININET], tmp_path)
    before = (tmp_path / "model_info.json").read_text()
    publish([MININET], tmp_path)
    assert (tmp_path / "model_info.json").read_text() == before
    info = json.loads(before)
    info["mininet_v0.3.0"]["checksum"] = "0" * 40
    (tmp_path / "model_info.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match=r"mininet_v0\.3\.0 was published with other content: raise the version"):
        publish([MININET], tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "index.html",
        "mininet.png",
        "mininet_v0.3.0.zip",
        "model_info.json",
    ]


def test_names_from_metadata_and_records_are_text_in_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    for name in ("configs", "tiny", "docs", "models"):
        (folder / name).mkdir(parents=True)
    bad = '<script>alert(1)</script>" onload="alert(2)'
    texts = dict.fromkeys(("name", "description", "intended_use"), bad)
    (folder / "configs/metadata.json").write_text(json.dumps({"version": "1.0", **texts}))
    (folder / "docs/example.png").write_bytes(b"picture")
    (folder / "models/model.pt").write_bytes(b"weights")
    score = {"data": bad, "metric": bad, "mean": 0.5, "simulated": False}
    speed = {"input": bad, "seconds": 1, "processor": bad, "runtime": bad}
    record = {"sha256": bad, "scores": [score], "speed": [speed], "licence": {"weights": bad}}
    (folder / "models/model.json").write_text(json.dumps(record))
    page = publish([folder], tmp_path / "zoo", url='https://example.org/"><script>').read_text()
    assert page.count("&lt;script&gt;alert(1)") >= 8
    assert "<script" not in page
    assert 'onload="' not in page
    (folder / "configs/metadata.json").write_text('{"version": "2.0"}')
    assert "tiny 2.0" in publish([folder], tmp_path / "zoo").read_text()


@pytest.mark.parametrize(
    ("content", "said"), [("[]", "is no list of a zoo"), ('{"a": 1}', "is no list"), ("{", "is no JSON")]
)
def test_a_folder_that_is_no_zoo_is_left_alone(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "model_info.json").write_text(content)
    with pytest.raises(ValueError, match=rf"model_info\.json {said}"):
        publish([MININET], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model_info.json"]


def test_one_publishes_at_a_time(tmp_path: Path) -> None:
    with only_writer(tmp_path), pytest.raises(BlockingIOError, match="is being written by process"):
        publish([MININET], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """What is laid out for the hubs, and its address at a server that offers it."""
    monkeypatch.setattr("litemed.tools.packaging.hubs.LARGE", 200_000)  # bytes: one of these weights is larger
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        publish([MININET], tmp_path, url=address, hubs="an-owner")
        yield tmp_path, address
        server.shutdown()


def test_hugging_face_and_the_model_zoo_get_their_folders(hubs: tuple[Path, str]) -> None:
    folder, address = hubs
    repository, zoo, entry = (folder / hub / "mininet" for hub in ("huggingface", "models", "hf_models"))
    for card in (repository / "README.md", entry / "README.md"):
        _, front, text = card.read_text().split("---\n", 2)
        matter = yaml.safe_load(front)
        assert matter["license_name"] == "Apache-2.0, for research alone, as DRIVE is"
        assert (card.parent / matter["license_link"]).is_file()
        (result,) = matter["model-index"][0]["results"]
        score = json.loads((MININET / "models/model.json").read_text())["scores"][0]
        assert result["metrics"] == [{"type": score["metric"], "value": score["mean"]}]
        pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
        assert pictures
        assert all((card.parent / picture).is_file() for picture in pictures)
    assert {file.name for file in entry.iterdir()} == {"README.md", "LICENSE", "metadata.json", "docs"}
    metadata = json.loads((entry / "metadata.json").read_text())
    assert metadata["huggingface_url"] == "https://huggingface.co/an-owner/mininet"

    weights = {file.name: file.stat().st_size for file in (MININET / "models").glob("*.pt")}
    large = {name for name, size in weights.items() if size > 200_000}
    assert {file.name for file in (zoo / "models").glob("*.pt")} == weights.keys() - large
    assert large
    for listed in yaml.safe_load((zoo / "large_files.yml").read_text())["large_files"]:
        file = repository / listed["path"]
        assert listed["url"] == f"{address}/huggingface/mininet/{listed['path']}"
        assert listed["hash_val"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (repository / "models/model.pt").read_bytes() == (MININET / "models/model.pt").read_bytes()


def test_the_folders_for_the_hubs_pass_the_checks_of_the_zoo(hubs: tuple[Path, str]) -> None:
    """The large files are downloaded for the zoo's checks, into a copy."""
    folder, _ = hubs
    assert {check.name: check.error for check in verify(folder / "hf_models/mininet")} == dict.fromkeys(ENTRY_CHECKS)
    before = sorted((folder / "models/mininet").rglob("*"))
    assert [(check.name, check.error) for check in verify(folder / "models/mininet", "min")] == [
        (name, None) for name in MODES["min"]
    ]
    assert sorted((folder / "models/mininet").rglob("*")) == before
    listed = folder / "models/mininet/large_files.yml"
    listed.write_text(re.sub(r'hash_val: "\w', 'hash_val: "x', listed.read_text(), count=1))
    refused = next(verify(folder / "models/mininet", "min"))
    assert refused.name == "files"
    assert "hash check of downloaded file failed" in (refused.error or "")


def _without(key: str) -> Callable[[Path], None]:
    def change(entry: Path) -> None:
        metadata = json.loads((entry / "metadata.json").read_text())
        del metadata[key]
        (entry / "metadata.json").write_text(json.dumps(metadata))

    return change


def _with(**changes: object) -> Callable[[Path], None]:
    def change(entry: Path) -> None:
        metadata = json.loads((entry / "metadata.json").read_text())
        (entry / "metadata.json").write_text(json.dumps({**metadata, **changes}))

    return change


def _no_front_matter(entry: Path) -> None:
    (entry / "README.md").write_text((entry / "README.md").read_text().split("---\n", 2)[2])


def _no_tags(entry: Path) -> None:
    (entry / "README.md").write_text((entry / "README.md").read_text().replace("tags:", "labels:", 1))


@pytest.mark.parametrize(
    ("check", "change", "said"),
    [
        ("files", lambda entry: (entry / "LICENSE").unlink(), "missing LICENSE"),
        ("files", lambda entry: (entry / "README.md").unlink(), r"missing README\.md"),
        ("files", lambda entry: (entry / "LICENSE").write_text("\n"), "LICENSE is empty"),
        ("metadata", _without("huggingface_url"), "metadata lacks huggingface_url"),
        ("metadata", _without("changelog"), "metadata lacks changelog"),
        ("metadata", _with(authors=1), "expected authors to be a text, got 1"),
        ("metadata", _with(changelog="first"), "expected changelog to be an object, got 'first'"),
        ("metadata", _with(references="a paper"), "expected references to be a list of texts"),
        ("metadata", _with(huggingface_model_id=7), "expected huggingface_model_id to be a text, got 7"),
        ("metadata", _with(version="9.9.9"), r"version 9\.9\.9 isn't in the changelog"),
        ("card", _no_front_matter, "no front matter"),
        ("card", _no_tags, "the front matter lacks tags"),
        ("card", lambda entry: (entry / "docs/example.png").unlink(), r"shows docs/example\.png, which isn't there"),
        ("card", lambda entry: (entry / "docs/data_license.txt").unlink(), r"shows docs/data_license\.txt"),
    ],
)
def test_an_entry_that_the_zoo_would_refuse(
    check: str, change: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    *_, entry = lay_out_hubs(MININET, tmp_path, "owner")
    ENTRY_CHECKS[check](entry)
    change(entry)
    with pytest.raises((OSError, TypeError, ValueError, KeyError), match=said):
        ENTRY_CHECKS[check](entry)


def test_without_an_address_large_files_are_those_at_hugging_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litemed.tools.packaging.hubs.LARGE", 200_000)
    lay_out_hubs(MININET, tmp_path, "owner")
    listed = yaml.safe_load((tmp_path / "models/mininet/large_files.yml").read_text())["large_files"]
    assert {f"https://huggingface.co/owner/mininet/resolve/main/{file['path']}" for file in listed} == {
        file["url"] for file in listed
    }
    with pytest.raises(ValueError, match="expected --hubs with an account at Hugging Face"):
        lay_out_hubs(MININET, tmp_path, "True/False")
