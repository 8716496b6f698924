# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A static model zoo: packed bundles, their checksums, and a page to choose from."""

from __future__ import annotations

import hashlib
import html
import json
import os
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from litemed.files import only_writer, replacing, scratch
from litemed.pages import page, table
from litemed.tools.info import best_score, describe, score_text, speed_text
from litemed.tools.packaging.hubs import lay_out_hubs
from litemed.tools.packaging.pack import pack

__all__ = ["publish"]

_TITLE = "Bundles for light medical segmentation"
_SUBTITLE = (
    "MONAI bundles that run on an ordinary computer. Each zip holds all of its code, its weights and their card."
)
_TOLD = ("name", "version", "description", "intended_use")


def publish(
    bundles: Iterable[str | os.PathLike[str]], to: str | os.PathLike[str], url: str = "", hubs: str = ""
) -> Path:
    """Lay out a zoo in a folder that any web server can offer.

    It gets ``<name>_v<version>.zip`` for each bundle; ``model_info.json`` with the sha1 of each zip and where it is, in
    the form of the MONAI Model Zoo; and ``index.html`` with what each bundle does, its scores, licences and how to get
    it. Zips of earlier versions stay, and stay listed.

    Args:
        bundles: folders of the bundles.
        to: the zoo's folder; it is made, or added to.
        url: address that the folder will be offered at; without it, sources are relative.
        hubs: an account at Hugging Face, to lay out what it and the MONAI Model Zoo take, see `hubs.lay_out_hubs`.

    Returns:
        path of ``index.html``.

    Raises:
        FileNotFoundError: when a folder holds no bundle.
        BlockingIOError: while another process publishes there.
        ValueError: when a zip of the same version lies there with other content: raise the bundle's version; when the
            folder's ``model_info.json`` isn't one; or as `pack` does.
    """
    folder = Path(to).expanduser()
    sources = sorted(Path(each).expanduser().resolve() for each in bundles)
    with only_writer(folder), scratch(folder) as new:
        info = _published(folder / "model_info.json")
        base = f"{url.rstrip('/')}/" if url else ""
        articles = []
        for bundle in sources:
            packed = pack(bundle, new)
            checksum = hashlib.sha1(packed.read_bytes()).hexdigest()
            known = info.get(packed.stem)
            if known and known.get("checksum") != checksum:
                raise ValueError(
                    f"{packed.stem} was published with other content: raise the version in {bundle}/configs"
                )
            packed.replace(folder / packed.name)
            info[packed.stem] = {"checksum": checksum, "source": base + packed.name}
            if hubs:
                lay_out_hubs(bundle, folder, hubs, url)
            articles.append(_article(bundle, folder, base + packed.name, checksum))
        with replacing(folder / "model_info.json") as temporary:
            temporary.write_text(json.dumps(dict(sorted(info.items())), indent=4) + "\n")
        with replacing(folder / "index.html") as temporary:
            temporary.write_text(page(_TITLE, _SUBTITLE, articles), encoding="utf-8")
    return folder / "index.html"


def _published(file: Path) -> dict[str, dict[str, str]]:
    """What a zoo lists so far."""
    try:
        info = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
    if not isinstance(info, dict) or not all(isinstance(each, dict) for each in info.values()):
        raise ValueError(f"{file} is no list of a zoo: expected an object of checksums and sources by name")
    return info


def _article(bundle: Path, folder: Path, source: str, checksum: str) -> str:
    """What the page says of a bundle, from metadata and records of weights. Its picture is copied beside the page."""
    described = describe(bundle)
    told = {key: html.escape(str(described[key] or "")) for key in _TOLD}
    picture = bundle / "docs/example.png"
    image = ""
    if picture.is_file():
        shutil.copyfile(picture, folder / f"{bundle.name}.png")
        image = f'<p><img src="{bundle.name}.png" alt="{told["name"]}"></p>'
    rows = []
    for record in described["weights"]:
        score, speeds = best_score(record), record.get("speed", [])
        licence = record.get("licence", {}).get("weights", "")
        rows.append(
            [record["weights"], score_text(score) if score else "", speed_text(speeds[0]) if speeds else "", licence]
        )
    link = f'<a href="{html.escape(source)}">{bundle.name} {told["version"]}</a>'
    command = f"python -m monai.bundle download --name {bundle.name} --url {shlex.quote(source)} --bundle_dir ."
    return f"""<article id="{bundle.name}">
<h2>{told["name"]}</h2>
<p>{told["description"]}</p>
{image}
{table(["weights", "score", "time and memory", "licence"], rows)}
<p>{told["intended_use"]}.</p>
<pre>{html.escape(command)}</pre>
<p>{link}, sha1 <code>{checksum}</code></p>
</article>
"""
