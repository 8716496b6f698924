# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pages of HTML that need nothing else: one style sheet, and the parts that pages are made of, with text escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

from PIL import Image

__all__ = ["bullets", "details", "figure", "image", "page", "print_page", "section", "table", "tiles"]

_SIDE = 720
_STYLE = """
:root { color-scheme: light; --ink: #1d2733; --soft: #5d6b7a; --line: #dde3ea; --mark: #0072b2 }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 0 auto; padding: 2rem 1.2rem 4rem;
       color: var(--ink) }
h1 { margin: 0; font-size: 2rem } h2 { margin: 2.4rem 0 .8rem; border-bottom: 2px solid var(--line) }
h3 { margin: 1.6rem 0 .5rem; font-size: 1.05rem } p { margin: .4rem 0 } .soft, figcaption, small { color: var(--soft) }
.summary { border-left: 6px solid #d55e00; padding: .6rem 1rem; margin: 1.2rem 0; font-size: 1.25rem }
svg, img { max-width: 100%; height: auto; display: block }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 }
.tiles div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; min-width: 7rem }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.3 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-bottom: 1rem }
td, th { padding: .2rem .9rem; text-align: right; white-space: nowrap; vertical-align: top }
th { border-bottom: 1px solid var(--line); font-weight: 600 } .text { text-align: left; white-space: normal }
td small { display: block; line-height: 1.1 } tbody tr:nth-child(even) { background: #f5f7f9 }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem }
.cases.wide { grid-template-columns: repeat(auto-fill, minmax(28rem, 1fr)) }
figure { margin: 0 } figure img { width: 100%; border-radius: .3rem } figcaption { margin-top: .2rem }
article img { max-height: 18rem }
details { margin: .6rem 0 } summary { cursor: pointer; color: var(--mark) } code { overflow-wrap: anywhere }
pre { overflow-x: auto; background: #f5f7f9; padding: .7rem; border-radius: .3rem; font-size: .85rem }
@media print { section, article, figure { break-inside: avoid } }
"""


def page(title: str, subtitle: str, sections: Sequence[str], name: str | None = None) -> str:
    """The whole page.

    Args:
        title: its heading.
        subtitle: below it.
        sections: of HTML already.
        name: of the page in the browser, by default the title.
    """
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(name or title)}</title>
<style>{_STYLE}</style></head>
<body>
<h1>{escape(title)}</h1>
<p class="soft">{escape(subtitle)}</p>
{"".join(sections)}
</body>
</html>
"""


def print_page(title: str, drawing: str) -> str:
    """A page of A4 paper that shows one drawing, on the screen and in print.

    Args:
        title: of the page in the browser.
        drawing: SVG of A4's aspect.
    """
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<style>@page {{ size: A4; margin: 0 }} body {{ margin: 0 auto; max-width: 210mm }}
svg {{ display: block; width: 100%; height: auto; max-height: 296mm }}
@media screen {{ body {{ background: #e9edf1 }} svg {{ background: white; margin: 1rem 0 }} }}</style></head>
<body>{drawing}</body>
</html>
"""


def section(title: str, content: str) -> str:
    """A part of a page under a heading. ``content`` is HTML already."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}</section>\n"


def tiles(facts: Sequence[tuple[str, str, str]]) -> str:
    """Numbers to see first, each with its name and a note."""
    cells = (
        f"<div><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>"
        for name, value, note in facts
    )
    return f'<div class="tiles">{"".join(cells)}</div>\n'


def bullets(lines: Sequence[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>\n"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], texts: Collection[int] = (0,)) -> str:
    """A table.

    Args:
        heads: of the columns.
        lines: their cells; what stands after a line break is set small below the rest.
        texts: which columns are text and stand to the left, by number; others are numbers, to the right.
    """
    marks = [" class=text" if column in texts else "" for column in range(len(heads))]
    head = "".join(f"<th{mark}>{escape(text)}</th>" for mark, text in zip(marks, heads, strict=True))
    body = "".join(f"<tr>{''.join(map(_cell, marks, line))}</tr>\n" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def _cell(mark: str, text: str) -> str:
    value, _, note = text.partition("\n")
    return f"<td{mark}>{escape(value)}{f'<small>{escape(note)}</small>' if note else ''}</td>"


def details(summary: str, content: str) -> str:
    """What is seen on a click. ``content`` is HTML already."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>\n"


def image(file: Path, text: str) -> str:
    """A JPEG or PNG within the page, as it is, with the text for who can't see it."""
    return _embedded(file.read_bytes(), "jpeg" if file.suffix == ".jpg" else "png", text)


def figure(file: Path, caption: str) -> tuple[str, bool]:
    """A picture within the page, made smaller where it is large, and whether it is wide."""
    with Image.open(file) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    html = f"<figure>{_embedded(buffer.getvalue(), 'jpeg', caption)}<figcaption>{escape(caption)}</figcaption></figure>"
    return html, small.width > 1.6 * small.height


def _embedded(content: bytes, kind: str, text: str) -> str:
    return f'<img src="data:image/{kind};base64,{base64.b64encode(content).decode()}" alt="{escape(text)}">'
