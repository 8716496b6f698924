# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A zoo in a folder: what it lists, and that MONAI's own client takes a bundle from it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from litemed.files import only_writer
from litemed.tools.packaging.publish import publish
from monai.bundle import download

MININET = Path(__file__).resolve().parents[3] / "bundles/mininet"


def test_monai_downloads_a_bundle_from_the_zoo(tmp_path: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "zoo")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        publish([MININET], tmp_path / "zoo", url=address)
        info = json.loads((tmp_path / "zoo/model_info.json").read_text())["mininet_v0.1.0"]
        download(name="mininet", url=info["source"], bundle_dir=str(tmp_path / "got"), progress=False)
        server.shutdown()
    assert info["source"] == f"{address}/mininet_v0.1.0.zip"
    assert info["checksum"] == hashlib.sha1((tmp_path / "zoo/mininet_v0.1.0.zip").read_bytes()).hexdigest()
    got = tmp_path / "got/mininet/models/model.pt"
    assert got.read_bytes() == (MININET / "models/model.pt").read_bytes()


def test_the_page_shows_each_bundle(tmp_path: Path) -> None:
    page = publish([MININET], tmp_path).read_text()
    metadata = json.loads((MININET / "configs/metadata.json").read_text())
    assert metadata["name"] in page
    assert "mininet_v0.1.0.zip" in page
    assert (tmp_path / "mininet.png").is_file()
    assert 'src="http' not in page


def test_a_version_is_published_once(tmp_path: Path) -> None:
    publish([MININET], tmp_path)
    before = (tmp_path / "model_info.json").read_text()
    publish([MININET], tmp_path)
    assert (tmp_path / "model_info.json").read_text() == before
    info = json.loads(before)
    info["mininet_v0.1.0"]["checksum"] = "0" * 40
    (tmp_path / "model_info.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match=r"mininet_v0\.1\.0 was published with other content: raise the version"):
        publish([MININET], tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "index.html",
        "mininet.png",
        "mininet_v0.1.0.zip",
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


def test_hugging_face_and_the_model_zoo_get_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litemed.tools.packaging.hubs.LARGE", 200_000)  # bytes: one of these weights is larger
    publish([MININET], tmp_path, url="https://example.org/zoo/", hubs=True)
    repository, zoo, entry = (tmp_path / hub / "mininet" for hub in ("huggingface", "models", "hf_models"))
    for card in (repository / "README.md", entry / "README.md"):
        _, front, text = card.read_text().split("---\n", 2)
        matter = yaml.safe_load(front)
        assert matter["license_name"] == "Apache-2.0, for research alone, as DRIVE is"
        (result,) = matter["model-index"][0]["results"]
        score = json.loads((MININET / "models/model.json").read_text())["scores"][0]
        assert result["metrics"] == [{"type": score["metric"], "value": score["mean"]}]
        pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
        assert pictures
        assert all((card.parent / picture).is_file() for picture in pictures)
    assert {file.name for file in entry.iterdir()} == {"README.md", "LICENSE", "metadata.json", "docs"}
    metadata = json.loads((entry / "metadata.json").read_text())
    assert metadata["version"] in metadata["changelog"]

    weights = {file.name: file.stat().st_size for file in (MININET / "models").glob("*.pt")}
    large = {name for name, size in weights.items() if size > 200_000}
    assert {file.name for file in (zoo / "models").glob("*.pt")} == weights.keys() - large
    assert large
    for listed in yaml.safe_load((zoo / "large_files.yml").read_text())["large_files"]:
        file = repository / listed["path"]
        assert listed["url"] == f"https://example.org/zoo/huggingface/mininet/{listed['path']}"
        assert listed["hash_val"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (repository / "models/model.pt").read_bytes() == (MININET / "models/model.pt").read_bytes()
    with pytest.raises(ValueError, match="expected --url"):
        publish([MININET], tmp_path / "other", hubs=True)
