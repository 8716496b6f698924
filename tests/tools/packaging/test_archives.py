# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Unpacking: within the folder, within bounds, and nothing but one bundle."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from litemed.tools.packaging import archives
from litemed.tools.packaging.archives import unpack


def _entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


def _zip(path: Path, entries: dict[str | zipfile.ZipInfo, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"b/configs/metadata.json": '{"version": "1"}', **entries}.items():
            archive.writestr(name, content)
    return path


def test_a_bundle_is_unpacked(tmp_path: Path) -> None:
    bundle = unpack(_zip(tmp_path / "b.zip", {"b/docs/README.md": "card"}), tmp_path / "to")
    assert bundle == tmp_path / "to/b"
    assert (bundle / "docs/README.md").read_text() == "card"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"../outside.txt": "x"}, r"has an entry outside its folder: '\.\./outside\.txt'"),
        ({"b/../../outside.txt": "x"}, "has an entry outside its folder"),
        ({"/outside.txt": "x"}, "has an entry outside its folder: '/outside.txt'"),
        ({"C:/outside.txt": "x"}, "has an entry outside its folder"),
        ({_entry("b/link", stat.S_IFLNK | 0o777): "/etc/passwd"}, "has a link: 'b/link'"),
        ({f"b/{index}": "" for index in range(10_000)}, "has 10001 entries: expected at most 10000"),
        ({"c/configs/metadata.json": "{}"}, "expected one bundle in .*, found 2"),
    ],
    ids=["above", "far above", "absolute", "drive", "link", "many", "two"],
)
def test_what_leaves_the_folder_or_its_bounds_is_refused(
    entries: dict[str | zipfile.ZipInfo, str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(ValueError, match=said):
        unpack(_zip(tmp_path / "b.zip", entries), tmp_path / "to")
    assert {path.name for path in tmp_path.iterdir()} == {"b.zip", "to"}
    assert "link" not in {path.name for path in tmp_path.rglob("*")}


def test_a_bomb_is_refused_before_anything_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bomb = _zip(tmp_path / "b.zip", {"b/zeros": "\0" * 2_000_000})
    assert bomb.stat().st_size < 10_000
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match="would unpack to 2000016 bytes: expected at most 1000000"):
        unpack(bomb, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def _encrypted(content: bytearray) -> None:
    content[6] |= 1
    content[content.find(b"PK\1\2") + 8] |= 1


def _damaged(content: bytearray) -> None:
    content[content.find(b"metadata.json") + 14] ^= 255


def _cut(content: bytearray) -> None:
    del content[len(content) // 2 :]


def _lying(content: bytearray) -> None:
    """The directory claims fewer bytes than there are."""
    place = content.find(b"PK\1\2") + 24
    content[place : place + 4] = (3).to_bytes(4, "little")


@pytest.mark.parametrize("damage", [_encrypted, _damaged, _cut, _lying])
def test_a_damaged_zip_is_told_in_a_line(damage: Callable[[bytearray], None], tmp_path: Path) -> None:
    path = _zip(tmp_path / "b.zip", {})
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]*b\.zip (is not a readable zip|has an encrypted entry)[^\n]*$"):
        unpack(path, tmp_path / "to")
