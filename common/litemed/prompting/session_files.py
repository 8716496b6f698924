# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a session leaves behind: the masks, a table of the objects, and the prompts to draw them again."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

from litemed.files import replacing
from litemed.images.names import result_name
from litemed.prompting.session import Session

__all__ = ["write_results"]


def write_results(session: Session, output_dir: str | os.PathLike[str]) -> list[Path]:
    """Wait for what is followed, and write what was outlined; each file whole or not at all.

    Args:
        session: of an image.
        output_dir: folder, made when it isn't there.

    Returns:
        ``<stem>_mask.*``, see `Session.save`; ``<stem>_objects.csv``, see `Session.table`; and ``<stem>_prompts.json``,
        by which ``litemed segment --prompts`` draws the same masks.

    Raises:
        ValueError: when nothing is outlined, or as `Session.save`.
    """
    if not session.objects:
        raise ValueError(f"{session.image.path}: nothing is outlined yet")
    mask = session.save(output_dir)
    page = session.image.options["page"]
    table, prompts = (
        mask.with_name(result_name(session.image.path, kind, suffix, page))
        for kind, suffix in (("objects", ".csv"), ("prompts", ".json"))
    )
    rows = session.table()
    with replacing(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with replacing(prompts) as temporary:
        temporary.write_text(json.dumps(session.to_json(), indent=4) + "\n", encoding="utf-8")
    return [mask, table, prompts]
