# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle as Hugging Face and the MONAI Model Zoo take it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from litemed.files import scratch
from litemed.tools.info import best_score, describe
from litemed.tools.packaging.checks import METADATA, check_kinds
from litemed.tools.packaging.formats import formatted_json
from litemed.tools.packaging.pack import packed_files

__all__ = ["ENTRY_CHECKS", "LARGE", "front_matter", "lay_out_hubs"]

LARGE = 1_000_000
"""Bytes from which a file is named in ``large_files.yml`` of the Model Zoo, and not in its repository."""

_PICTURE = "docs/example.png"
_SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_hf_20250321.json"


_REQUIRED = (
    "schema version changelog monai_version pytorch_version numpy_version required_packages_version name task "
    "description authors copyright huggingface_url".split()
)
_KINDS = {**METADATA, **dict.fromkeys(["huggingface_url", "huggingface_model_id"], "a text")}


def lay_out_hubs(bundle: Path, folder: Path, owner: str, url: str = "") -> list[Path]:
    """Write what a pull request or an upload needs, below a folder.

    - ``huggingface/NAME``: a repository of Hugging Face, that is the packed bundle with a card of its own;
    - ``models/NAME``: the Model Zoo's folder of the bundle; files over 1 MB are named in ``large_files.yml``, with the
      address that they have in ``huggingface/NAME``;
    - ``hf_models/NAME``: the Model Zoo's entry of a model that lies at Hugging Face.

    Args:
        bundle: the bundle's folder.
        folder: of the zoo.
        owner: account at Hugging Face that the repository belongs to.
        url: address that the folder is offered at; without one large files are those at Hugging Face.

    Returns:
        the three folders; what lay there before is replaced.

    Raises:
        ValueError: for an owner that Hugging Face can't have, and as `litemed.tools.packaging.pack.packed_files` does.
    """
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", owner):
        raise ValueError(f"expected --hubs with an account at Hugging Face, letters, digits and hyphens; got {owner!r}")
    described = describe(bundle)
    files = packed_files(bundle, described["version"])
    card = front_matter(described) + files["docs/README.md"].decode().replace("](example.png)", f"]({_PICTURE})")
    model = f"{owner}/{bundle.name}"
    address = f"https://huggingface.co/{model}"
    base = f"{url.rstrip('/')}/huggingface/{bundle.name}" if url else f"{address}/resolve/main"
    repository = {**files, "README.md": card.encode()}
    large = [name for name in files if len(files[name]) > LARGE]
    zoo = {name: content for name, content in files.items() if name not in large}
    if large:
        zoo["large_files.yml"] = _large_files({name: files[name] for name in large}, base)
    metadata = json.loads(files["configs/metadata.json"])
    metadata |= {"schema": _SCHEMA, "huggingface_model_id": model, "huggingface_url": address}
    entry = {"README.md": card.encode(), "LICENSE": files["LICENSE"]}
    entry["metadata.json"] = formatted_json(json.dumps(metadata)).encode()
    entry |= {name: files[name] for name in (_PICTURE, "docs/data_license.txt") if name in files}
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
        data = score["data"] + (" (simulated)" if score.get("simulated") and "simulated" not in score["data"] else "")
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


def _check_files(entry: Path) -> None:
    """The zoo's three files are there."""
    missing = [name for name in ("README.md", "LICENSE", "metadata.json") if not (entry / name).is_file()]
    if missing:
        raise FileNotFoundError(f"missing {', '.join(missing)}")
    if not (entry / "LICENSE").read_text().strip():
        raise ValueError("LICENSE is empty")


def _check_metadata(entry: Path) -> None:
    """The keys of the zoo's schema for entries, of its kinds, the version in the changelog, one model in each place."""
    metadata = json.loads((entry / "metadata.json").read_text())
    check_kinds("metadata", metadata, _KINDS, optional=_KINDS.keys() - set(_REQUIRED))
    if metadata["version"] not in metadata["changelog"]:
        raise ValueError(f"version {metadata['version']} isn't in the changelog")
    if metadata["schema"] != _SCHEMA:
        raise ValueError(f"unexpected schema {metadata['schema']}: expected {_SCHEMA}")
    if metadata["huggingface_url"] != f"https://huggingface.co/{metadata.get('huggingface_model_id')}":
        raise ValueError(f"huggingface_url {metadata['huggingface_url']} isn't that of huggingface_model_id")


def _check_card(entry: Path) -> None:
    """README begins with front matter that Hugging Face lists a model by, and each file that it shows is there."""
    text = (entry / "README.md").read_text()
    front = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not front:
        raise ValueError("README.md has no front matter between lines of ---")
    keys = re.findall(r"^([a-z_-]+):", front[1], re.MULTILINE)
    needed = ["license", "library_name", "pipeline_tag", "tags"]
    if missing := [key for key in needed if key not in keys]:
        raise KeyError(f"the front matter lacks {', '.join(missing)}")
    shown = re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", text) + re.findall(r"^license_link: (\S+)", front[1], re.MULTILINE)
    gone = [name for name in shown if "://" not in name and not (entry / name).is_file()]
    if gone or "](" not in text:
        raise FileNotFoundError(f"README.md shows {', '.join(gone)}, which isn't there" if gone else "no picture")


ENTRY_CHECKS: dict[str, Callable[[Path], None]] = {
    "files": _check_files,
    "metadata": _check_metadata,
    "card": _check_card,
}
"""What the Model Zoo checks of a folder in ``hf_models``, and Hugging Face of its card. None of it runs code."""
