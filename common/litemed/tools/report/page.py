# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The parts that the page of a run is made of, as HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

__all__ = ["details", "figure", "page", "table", "tiles"]

_SIDE = 720
_STYLE = """
:root { --ink: #1d2733; --soft: #5d6b7a; --line: #dde3ea; --mark: #0072b2 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 2rem 1.2rem 4rem;
       color: var(--ink) }
h1 { margin: 0; font-size: 2rem } h2 { margin: 2.4rem 0 .8rem; border-bottom: 2px solid var(--line) }
h3 { margin: 1.6rem 0 .5rem; font-size: 1.05rem } p { margin: .4rem 0 } .soft, figcaption, small { color: var(--soft) }
svg { max-width: 100%; height: auto; display: block }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 }
.tiles div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; min-width: 7rem }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.3 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .2rem .9rem; text-align: right; white-space: nowrap; vertical-align: top }
th { border-bottom: 1px solid var(--line); font-weight: 600 } td:first-child, th:first-child { text-align: left }
td small { display: block; line-height: 1.1 } tbody tr:nth-child(even) { background: #f5f7f9 }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem }
.cases.wide { grid-template-columns: repeat(auto-fill, minmax(28rem, 1fr)) }
figure { margin: 0 } figure img { width: 100%; border-radius: .3rem; display: block } figcaption { margin-top: .2rem }
details { margin: .6rem 0 } summary { cursor: pointer; color: var(--mark) }
pre { overflow-x: auto; background: #f5f7f9; padding: .7rem; border-radius: .3rem; font-size: .85rem }
"""


def page(title: str, subtitle: str, sections: Sequence[str]) -> str:
    """The whole page. All but ``title`` and ``subtitle`` is HTML already."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
<p class="soft">{escape(subtitle)}</p>
{"".join(sections)}
</body>
</html>
"""


def tiles(facts: Sequence[tuple[str, str, str]]) -> str:
    """Numbers to see first, each with its name and a note."""
    cells = (
        f"<div><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>"
        for name, value, note in facts
    )
    return f'<div class="tiles">{"".join(cells)}</div>\n'


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; a cell's text after a line break is set small below it."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(map(_cell, line))}</tr>\n" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def _cell(text: str) -> str:
    value, _, note = text.partition("\n")
    return f"<td>{escape(value)}{f'<small>{escape(note)}</small>' if note else ''}</td>"


def details(summary: str, content: str) -> str:
    """What is seen on a click. ``content`` is HTML already."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>\n"


def figure(file: Path, caption: str) -> tuple[str, bool]:
    """A picture within the page, made smaller where it is large, and whether it is wide."""
    with Image.open(file) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = escape(caption)
    html = f'<figure><img src="data:image/jpeg;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'
    return html, small.width > 1.6 * small.height
