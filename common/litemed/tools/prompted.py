# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Objects by clicks: a bundle's network for sessions, and sessions that are drawn from a file or a command line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from litemed.bundles import find_bundle, metadata_of
from litemed.command_line import numbers
from litemed.files import read_json
from litemed.notices import collect_notices
from litemed.prompting.session import Session
from litemed.prompting.session_files import write_results
from litemed.tools.manifest import describe_input, describe_run, write_manifest
from litemed.tools.segment import Segmentation
from litemed.tools.workflows import open_workflow, quiet, user_errors
from litemed.training.checkpoints import load_checkpoint
from litemed.training.pretrained import weights_path

__all__ = ["SESSION_OPTIONS", "clicked", "record_session", "segment_prompts", "session_network", "session_run"]

SESSION_OPTIONS = ("modality", "window", "page", "series", "pixel_spacing", "zoom")
"""Options of an image and its session, see `litemed.prompting.Session`; all others are the network's."""


def session_network(bundle: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> Any:
    """The network of a bundle for a `litemed.prompting.Session`: in PyTorch, with its weights, on the CPU.

    Args:
        bundle: its name or folder; its metadata offer ``sessions``.
        overrides: values by id of its ``configs/inference.json``, such as ``variant`` and ``ckpt_path``.

    Raises:
        FileNotFoundError: when there is no such bundle, or no weights.
        ValueError: for a bundle that takes no clicks, an option that it doesn't have, or weights of another network.
    """
    folder = find_bundle(bundle)
    if not metadata_of(folder)["litemed"].get("sessions"):
        raise ValueError(f"{folder.name} takes no clicks: its metadata offer no sessions")
    with user_errors(), quiet(), redirect_stdout(sys.stderr):
        parser = open_workflow(bundle, "inference", overrides or {}, "infer").parser
        parser.parse()
        network = parser.get_parsed_content("network_def")
        load_checkpoint(network, weights_path(parser.get_parsed_content("ckpt_path")))
    return network.fuse()


def session_run(bundle: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a `session_network` is, as `litemed.tools.manifest.describe_run` tells it; arguments and errors are its."""
    with user_errors(), quiet(), redirect_stdout(sys.stderr):
        parser = open_workflow(bundle, "inference", overrides or {}, "infer").parser
        weights = weights_path(parser.get_parsed_content("ckpt_path"))
    return describe_run(find_bundle(bundle), weights, overrides or {})


def record_session(
    session: Session,
    files: Sequence[Path],
    warnings: Sequence[str],
    run: Mapping[str, Any],
    seconds: float | None = None,
) -> Path:
    """Write ``run.json`` beside the files of a session.

    Args:
        session: that they are of.
        files: as `litemed.prompting.session_files.write_results` gave them.
        warnings: what should be known of them.
        run: the network, see `session_run`; the options of the image are added.
        seconds: from reading the image to the last file, where nobody drew meanwhile.

    Returns:
        the file.
    """
    image = session.image
    entry = {
        "input": describe_input(image.path, image.options["page"], image.options["series"]),
        "files": [file.name for file in files],
        **({} if seconds is None else {"seconds": round(seconds, 3)}),
        "warnings": list(warnings),
    }
    name = str(image.path.absolute()) + (f" ({image.part})" if image.part else "")
    options = {**run.get("options", {}), **session.to_json()["options"]}
    return write_manifest(files[0].parent, {name: entry}, **{**run, "options": options})


def clicked(
    session: Session, on: Sequence[Sequence[float]], off: Sequence[Sequence[float]], box: Sequence[float] | None = None
) -> None:
    """Outline one object by clicks.

    Args:
        session: of the image.
        on: clicks on the object, x, y in a picture and x, y, z in a volume: in pixels of the file.
        off: clicks beside it.
        box: around it, if there is one: x0, y0, x1, y1, or x0, y0, z, x1, y1, z of one axial slice.

    Raises:
        ValueError: for another count of numbers, or what lies outside.
    """
    session.add_object("object")
    given = [("box", box, True)] if box is not None else []
    given += [("click", click, positive) for clicks, positive in ((on, True), (off, False)) for click in clicks]
    dims = 3 if session.image.is_volume else 2
    for kind, places, positive in given:
        count = dims * (2 if kind == "box" else 1)
        if len(places) != count:
            raise ValueError(f"expected a {kind} of {count} numbers, got {list(places)}")
        corners = np.array(places, dtype=np.float64).reshape(-1, dims)
        if dims == 2:
            shown, plane, index = corners, "picture", 0
        else:
            (seen,) = session.image.views["axial"].to_view(np.concatenate([corners[0], corners[-1]])[None])
            if seen[2] != seen[5] or seen[2] != np.rint(seen[2]):
                raise ValueError(f"expected a {kind} on one whole slice, got {list(places)}")
            shown, plane, index = seen.reshape(2, 3)[: len(corners), :2], "axial", int(seen[2])
        flat = shown.ravel().tolist()
        if kind == "box":
            session.box("object", flat, plane, index)
        else:
            session.click("object", flat[0], flat[1], positive, plane, index)


def segment_prompts(
    source: str | os.PathLike[str],
    bundle: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    prompts: str | os.PathLike[str] | None = None,
    on: str | None = None,
    off: str | None = None,
    box: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Segmentation:
    """Segment an image by the prompts of a session, or by clicks on one object.

    Args:
        source: a picture, a volume, or the folder of a DICOM series.
        bundle: its name or folder, see `session_network`.
        output_dir: for the files of `litemed.prompting.session_files.write_results`, and ``run.json``.
        prompts: file of `litemed.prompting.Session.to_json`; the masks are those of that session, byte for byte.
        on: clicks on the object, ``x,y`` or ``x,y,z`` each, with ``;`` between them.
        off: clicks beside it.
        box: around it, see `clicked`.
        overrides: of `SESSION_OPTIONS` and of the bundle's inference; those of the image take the place of the file's.

    Raises:
        FileNotFoundError, ValueError: as `session_network`, `litemed.prompting.Session` and its prompts do.
    """
    path = Path(source).expanduser().absolute()
    given = dict(overrides or {})
    options = {name: given.pop(name) for name in SESSION_OPTIONS if name in given}
    clicks = [[numbers(each, name) for each in (text or "").split(";") if each] for name, text in _named(on, off)]
    boxes = [numbers(each, "--box") for each in (box or "").split(";") if each]
    content: Any = None
    if prompts is not None:
        if any(clicks) or boxes:
            raise ValueError("a file of prompts has all clicks and boxes: leave out --click, --not and --box")
        content = read_json(prompts)
        if not isinstance(content, dict) or not isinstance(content.get("options", {}), dict):
            raise ValueError(f"{prompts}: expected an object with options and objects, as a session writes it")
        known = {name: value for name, value in content.get("options", {}).items() if name in SESSION_OPTIONS}
        options = {**known, **options}
    elif not clicks[0] and not boxes:
        raise ValueError("expected at least one --click on the object, or a --box")
    elif len(boxes) > 1:
        raise ValueError(f"clicks are on one object: expected at most one --box, got {len(boxes)}")
    network = session_network(bundle, given)
    began = time.perf_counter()
    with Session(network, path, **options) as session:
        if content is None:
            clicked(session, clicks[0], clicks[1], boxes[0] if boxes else None)
        else:
            session.replay(content)
        with collect_notices() as notices:
            files = write_results(session, Path(output_dir).expanduser())
        record_session(session, files, notices, session_run(bundle, given), time.perf_counter() - began)
    results = {str(path): [file.name for file in files]}
    told = {str(path): notices} if notices else {}
    return Segmentation(find_bundle(bundle).name, str(files[0].parent), results, notices=told)


def _named(on: str | None, off: str | None) -> list[tuple[str, str | None]]:
    return [("--click", on), ("--not", off)]
