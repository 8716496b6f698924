# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles by name and path, and what each says of itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from litemed import bundles
from litemed.bundles import Offer, bundle_folders, find_bundle, importable, metadata_of, offers


def _bundle(root: Path, name: str, content: object) -> Path:
    (root / name / "configs").mkdir(parents=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (root / name / "configs/metadata.json").write_text(text)
    return root / name


def test_bundles_are_found_by_name_and_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find_bundle("mininet") == find_bundle(bundle_folders()["mininet"])
    mine = _bundle(tmp_path / "mine", "mininet", {"version": "1"})
    monkeypatch.setenv("LITEMED_BUNDLES", str(tmp_path / "mine"))
    assert find_bundle("mininet") == mine
    with pytest.raises(FileNotFoundError, match=r"no bundle megasam: expected a bundle's folder, or one of .*mininet"):
        find_bundle("megasam")


def test_without_any_bundle_it_is_said_where_to_put_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # as an ordinary installation lies: no checkout around it
    monkeypatch.setattr(bundles, "__file__", str(tmp_path / "lib/site-packages/litemed/bundles.py"))
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LITEMED_BUNDLES", raising=False)
    with pytest.raises(FileNotFoundError) as told:
        find_bundle("mininet")
    assert str(tmp_path / "home/bundles") in str(told.value)
    assert "LITEMED_BUNDLES" in str(told.value)


def test_the_package_of_a_bundle_can_be_imported_from_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = _bundle(tmp_path, "cough_ct", {"version": "1"})
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert importable(folder) == importable(folder) == folder
    assert sys.path[1] == str(folder)
    assert sys.path.count(str(folder)) == 1


def test_what_bundles_offer_is_listed_and_a_broken_one_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = {"commands": {"listen": "Hear."}, "readers": {"coughs": "Coughs."}}
    first = _bundle(tmp_path / "a", "cough_ct", {"version": "1", "litemed": own})
    _bundle(tmp_path / "b", "cough_us", {"version": "1", "litemed": {"commands": {"listen": "Hear again."}}})
    _bundle(tmp_path / "b", "cough_mr", "{")
    monkeypatch.setenv("LITEMED_BUNDLES", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert offers("commands")["listen"] == Offer(first, "Hear.")
    assert offers("readers")["coughs"] == Offer(first, "Coughs.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 100000, "is no JSON"),
        ("[1]", "expected an object with a version, got list"),
        ("{}", "expected a version such as 0.1.0, got None"),
        ({"version": "/../../outside"}, "expected a version such as 0.1.0, got '/../../outside'"),
        ({"version": "..\\outside"}, "expected a version"),
        ({"version": ".."}, "expected a version"),
        ({"version": 1.5}, "expected a version such as 0.1.0, got 1.5"),
        ({"version": "1", "litemed": []}, "expected litemed to be an object"),
        ({"version": "1", "litemed": {"verbs": {}}}, "got 'verbs'"),
        ({"version": "1", "litemed": {"commands": ["measure"]}}, "names with a line of text each"),
        ({"version": "1", "litemed": {"commands": {"os.system": "Run."}}}, "names with a line of text each"),
        ({"version": "1", "litemed": {"commands": {"_main": "Run."}}}, "names with a line of text each"),
    ],
)
def test_metadata_that_cannot_be_right_is_refused_with_its_file(content: object, said: str, tmp_path: Path) -> None:
    folder = _bundle(tmp_path, "cough_ct", content)
    with pytest.raises(ValueError, match=r"cough_ct/configs/metadata\.json") as error:
        metadata_of(folder)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
