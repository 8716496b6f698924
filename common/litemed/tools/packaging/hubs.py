# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle as Hugging Face and the MONAI Model Zoo take it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litemed.files import scratch
from litemed.tools.info import best_score, describe
from litemed.tools.packaging.pack import packed_files

__all__ = ["LARGE", "front_matter", "lay_out_hubs"]

LARGE = 1_000_000
"""Bytes from which a file of weights is named in ``large_files.yml`` of the Model Zoo, and not in its repository."""

_PICTURE = "docs/example.png"


def lay_out_hubs(bundle: Path, folder: Path, url: str) -> list[Path]:
    """Write what a pull request or an upload needs, below a folder that any web server offers.

    - ``huggingface/NAME``: a repository of Hugging Face, that is the packed bundle with a card of its own;
    - ``models/NAME``: the Model Zoo's folder of the bundle; weights over 1 MB are named in ``large_files.yml``, with
      the address that they have in ``huggingface/NAME``;
    - ``hf_models/NAME``: the Model Zoo's entry of a model that lies at Hugging Face.

    Args:
        bundle: the bundle's folder.
        folder: of the zoo.
        url: address that the folder will be offered at.

    Returns:
        the three folders; what lay there before is replaced.

    Raises:
        ValueError: without an address, and as `litemed.tools.packaging.pack.packed_files` does.
    """
    if not url:
        raise ValueError("expected --url, the address that the folder will be offered at: large files are named by it")
    described = describe(bundle)
    files = packed_files(bundle, described["version"])
    card = front_matter(described) + files["docs/README.md"].decode().replace("](example.png)", f"]({_PICTURE})")
    repository = {**files, "README.md": card.encode()}
    base = f"{url.rstrip('/')}/huggingface/{bundle.name}"
    large = [name for name in files if name.startswith("models/") and len(files[name]) > LARGE]
    zoo = {name: content for name, content in files.items() if name not in large}
    if large:
        zoo["large_files.yml"] = _large_files({name: files[name] for name in large}, base)
    entry = {"README.md": card.encode(), "LICENSE": files["LICENSE"], "metadata.json": files["configs/metadata.json"]}
    entry |= {_PICTURE: files[_PICTURE]} if _PICTURE in files else {}
    written = []
    for hub, content in (("huggingface", repository), ("models", zoo), ("hf_models", entry)):
        target = folder / hub / bundle.name
        with scratch(target.parent) as temporary:
            for name, data in content.items():
                (temporary / "new" / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / "new" / name).write_bytes(data)
            if target.exists():
                target.rename(temporary / "old")
            shutil.move(temporary / "new", target)
        written.append(target)
    return written


def front_matter(described: Mapping[str, Any]) -> str:
    """The lines of YAML by which Hugging Face lists a model: licence, library, task, and the scores on named data.

    Args:
        described: as `litemed.tools.info.describe` gives it.
    """
    main: dict[str, Any] = next(iter(described["weights"]), {})
    terms = main.get("licence", {}).get("weights", "")
    lines = ["license: apache-2.0"] if terms == "Apache-2.0" else ["license: other", f"license_name: {_quoted(terms)}"]
    lines += [] if terms == "Apache-2.0" else ["license_link: docs/data_license.txt"]
    lines += ["library_name: monai", "pipeline_tag: image-segmentation", "tags:"]
    lines += [f"  - {tag}" for tag in ("monai", "medical", "cpu")]
    if score := best_score(main):
        data = score["data"] + (" (simulated)" if score["simulated"] and "simulated" not in score["data"] else "")
        lines += ["model-index:", f"  - name: {_quoted(described['bundle'])}", "    results:"]
        lines += ["      - task:", "          type: image-segmentation", "        dataset:"]
        lines += [f"          name: {_quoted(data)}", f"          type: {_quoted(described['bundle'])}"]
        lines += ["        metrics:", f"          - type: {score['metric']}", f"            value: {score['mean']}"]
    return "\n".join(["---", *lines, "---", "", ""])


def _large_files(files: Mapping[str, bytes], base: str) -> bytes:
    lines = ["large_files:"]
    for name, content in sorted(files.items()):
        lines += [f"  - path: {_quoted(name)}", f"    url: {_quoted(f'{base}/{name}')}"]
        lines += [f"    hash_val: {_quoted(hashlib.sha256(content).hexdigest())}", "    hash_type: sha256"]
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    """A string of YAML, which takes those of JSON."""
    return json.dumps(text, ensure_ascii=False)
