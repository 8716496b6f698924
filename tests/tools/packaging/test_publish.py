# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A zoo in a folder: what it lists, and that MONAI's own client takes a bundle from it."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
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
