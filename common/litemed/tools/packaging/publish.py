# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A static model zoo: packed bundles, their checksums, and a page to choose from."""

from __future__ import annotations

import hashlib
import html
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from litemed.files import replacing
from litemed.tools.packaging.pack import pack

__all__ = ["publish"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
article { border-top: 1px solid #ccc; padding: 1rem 0 }
img { max-width: 100%; max-height: 18rem }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto }
table { border-collapse: collapse } td, th { padding: .1rem .8rem .1rem 0; text-align: left }
"""


def publish(bundles: Iterable[str | os.PathLike[str]], to: str | os.PathLike[str], url: str = "") -> Path:
    """Lay out a zoo in a folder that any web server can offer.

    It gets ``<name>_v<version>.zip`` for each bundle; ``model_info.json`` with the sha1 of each zip and where it is, in
    the form of the MONAI Model Zoo; and ``index.html`` with what each bundle does, its scores and how to get it. Zips
    of earlier versions stay, and stay listed.

    Args:
        bundles: folders of the bundles.
        to: the zoo's folder; it is made, or added to.
        url: address that the folder will be offered at; without it, sources are relative.

    Returns:
        path of ``index.html``.

    Raises:
        FileNotFoundError: when a folder holds no bundle.
        ValueError: when a zip of the same version lies there with other content: raise the bundle's version.
    """
    folder = Path(to).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    info_file = folder / "model_info.json"
    info = json.loads(info_file.read_text()) if info_file.is_file() else {}
    base = f"{url.rstrip('/')}/" if url else ""
    articles = []
    for bundle in sorted(Path(each).expanduser().resolve() for each in bundles):
        packed = pack(bundle, folder / ".new")
        checksum = hashlib.sha1(packed.read_bytes()).hexdigest()
        known = info.get(packed.stem)
        if known and known["checksum"] != checksum:
            shutil.rmtree(folder / ".new")
            raise ValueError(f"{packed.stem} was published with other content: raise the version in {bundle}/configs")
        packed.replace(folder / packed.name)
        info[packed.stem] = {"checksum": checksum, "source": base + packed.name}
        articles.append(_article(bundle, folder, base + packed.name, checksum))
    shutil.rmtree(folder / ".new", ignore_errors=True)
    with replacing(info_file) as temporary:
        temporary.write_text(json.dumps(dict(sorted(info.items())), indent=4) + "\n")
    with replacing(folder / "index.html") as temporary:
        temporary.write_text(_page(articles))
    return folder / "index.html"


def _article(bundle: Path, folder: Path, source: str, checksum: str) -> str:
    """What the page says of a bundle. Its picture is copied beside the page."""
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    picture = bundle / "docs/example.png"
    image = ""
    if picture.is_file():
        shutil.copyfile(picture, folder / f"{bundle.name}.png")
        image = f'<p><img src="{bundle.name}.png" alt="{html.escape(metadata["name"])}"></p>'
    scores = "".join(
        f"<tr><td>{html.escape(str(name))}</td><td>{html.escape(str(value))}</td></tr>"
        for name, value in metadata["eval_metrics"].items()
    )
    link = f'<a href="{html.escape(source)}">{bundle.name} {html.escape(metadata["version"])}</a>'
    command = f"python -m monai.bundle download --name {bundle.name} --url {source} --bundle_dir ."
    return f"""<article id="{bundle.name}">
<h2>{html.escape(metadata["name"])}</h2>
<p>{html.escape(metadata["description"])}</p>
{image}
<table><tr><th>score</th><th></th></tr>{scores}</table>
<p>{html.escape(metadata["data_source"])}. {html.escape(metadata["intended_use"])}.</p>
<pre>{html.escape(command)}</pre>
<p>{link}, sha1 <code>{checksum}</code></p>
</article>"""


def _page(articles: list[str]) -> str:
    body = "\n".join(articles)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Bundles for light medical segmentation</title><style>{_STYLE}</style></head>
<body>
<h1>Bundles for light medical segmentation</h1>
<p>MONAI bundles that run on an ordinary computer. Each zip holds all of its code, its weights and their card.</p>
{body}
</body>
</html>
"""
