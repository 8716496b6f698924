# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle from a zoo, as `litemed.tools.packaging.publish` lays one out, in a folder or at an address."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from litemed.files import litemed_home, only_writer, scratch
from litemed.tools.packaging.archives import MOST_BYTES, unpack

__all__ = ["get_bundle"]

_NAMED = re.compile(r"([A-Za-z_]\w*?)(?:_v([0-9A-Za-z][0-9A-Za-z.+_-]*))?")
_PART = 1 << 20
_SECONDS = 60


def get_bundle(bundle: str, zoo: str, to: str | os.PathLike[str] | None = None, progress: bool = True) -> Path:
    """Take a bundle from a zoo. Its zip is checked before it is unpacked, and nothing of it is executed.

    An interrupted download goes on where it was. A bundle of the same name in the folder is replaced by the new one
    when that is whole.

    Args:
        bundle: its name, for the latest version, or name and version: ``thyroid_us_v0.1.0``.
        zoo: the zoo's folder, or its address (http, https).
        to: folder to put it in; by default ``~/.cache/litemed/bundles`` (``$LITEMED_HOME/bundles``), where it is found
            by its name.
        progress: show a bar.

    Returns:
        the bundle's folder.

    Raises:
        FileNotFoundError: when the zoo has no such bundle.
        OSError: when it can't be read, reached or written.
        ValueError: when the zoo's list can't be understood, the zip isn't the one of the list, or can't be unpacked.
    """
    named = _NAMED.fullmatch(bundle)
    if named is None:
        raise ValueError(f"expected the name of a bundle, such as thyroid_us or thyroid_us_v0.1.0, got {bundle!r}")
    is_address = urlsplit(zoo).scheme in ("http", "https")
    place = zoo.rstrip("/") + "/" if is_address else str(Path(zoo).expanduser())
    name, entry = _chosen(place, named[1], named[2], _listed(place, is_address))
    folder = Path(to).expanduser() if to is not None else litemed_home() / "bundles"
    with only_writer(folder), scratch(folder) as fresh:
        if is_address:
            packed = folder / f".{name}-{entry['checksum']}.zip"  # stays when interrupted, for the next call to go on
            _download(urljoin(place, entry["source"]), packed, progress)
        else:
            packed = Path(place) / f"{name}.zip"
        with packed.open("rb") as file:
            found = hashlib.file_digest(file, "sha1").hexdigest()
        if found != entry["checksum"]:
            if is_address:
                packed.unlink()
            raise ValueError(
                f"{name} of {zoo} has the sha1 {found}, expected {entry['checksum']}: nothing was unpacked"
            )
        got = unpack(packed, fresh / "new")
        if got.name != named[1]:
            raise ValueError(f"{name} of {zoo} holds a bundle {got.name}")
        target = folder / got.name
        if target.exists() or target.is_symlink():
            target.rename(fresh / "old")
        got.rename(target)
        if is_address:
            packed.unlink()
    return target


def _listed(place: str, is_address: bool) -> dict[str, Any]:
    """The zoo's list."""
    file = f"{place}model_info.json" if is_address else str(Path(place) / "model_info.json")
    try:
        text = _open(file).read(_PART) if is_address else Path(file).read_bytes()
        listed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
    if not isinstance(listed, dict):
        raise ValueError(f"{file} is no list of a zoo: expected an object of checksums and sources by name")
    return listed


def _chosen(place: str, bundle: str, version: str | None, listed: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Name and entry of a bundle's version, by default the latest."""
    versions = {}
    for name in listed:
        named = _NAMED.fullmatch(name)
        if named and named[1] == bundle and named[2] and version in (None, named[2]):
            versions[name] = [(len(part), part) for part in re.split(r"[.+_-]", named[2])]  # 0.10 comes after 0.9
        elif named is None:
            raise ValueError(f"{place} lists a bundle that can't be one: {name!r}")
    if not versions:
        offered = ", ".join(sorted(listed)) or "nothing"
        raise FileNotFoundError(
            f"{place} has no bundle {bundle}{f' {version}' if version else ''}: it offers {offered}"
        )
    name = max(versions, key=versions.__getitem__)
    entry = listed[name]
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("checksum", "source")):
        raise ValueError(f"{place} lists {name} without checksum and source")
    if not re.fullmatch(r"[0-9a-f]{40}", entry["checksum"]):
        raise ValueError(f"{place} lists {name} with {entry['checksum']!r} for a sha1")
    return name, entry


def _download(address: str, target: Path, progress: bool) -> None:
    """Download a file, from where an earlier call was interrupted."""
    have = target.stat().st_size if target.is_file() else 0
    try:
        answer = _open(address, {"Range": f"bytes={have}-"} if have else {})
    except FileExistsError:  # all of it is there
        return
    with answer:
        if answer.status != 206:
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        if (total or 0) > MOST_BYTES:
            raise ValueError(f"{address} has {total} bytes: expected at most {MOST_BYTES}")
        shown = tqdm(
            desc=urlsplit(address).path.rpartition("/")[2],
            total=total,
            initial=have,
            unit="B",
            unit_scale=True,
            disable=None if progress else True,
        )
        with shown, target.open("ab" if have else "wb") as file:
            while part := answer.read(_PART):
                have += len(part)
                if have > MOST_BYTES:
                    raise ValueError(f"{address} goes on beyond {MOST_BYTES} bytes")
                file.write(part)
                shown.update(len(part))
    if total is not None and have < total:
        raise OSError(f"{address} ended after {have} of {total} bytes: the same command goes on from here")


def _open(address: str, headers: dict[str, str] | None = None) -> Any:
    """The server's answer; FileExistsError where it has nothing beyond what is asked for."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError(f"expected an address of http or https, got {address!r}")
    try:
        return urlopen(Request(address, headers=headers or {}), timeout=_SECONDS)
    except HTTPError as error:
        if error.code == 416:
            raise FileExistsError(address) from error
        raise OSError(f"{address}: {error}") from error
    except URLError as error:
        raise OSError(f"{address}: {error.reason}") from error
