"""Pictures as a page of its own, without anything from elsewhere: what a notebook shows of them, scenes as players.

The page stands in a frame with an origin of its own, so that its scripts cannot reach the notebook around it.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from bnviz.i18n import Language
from bnviz.plot import wire
from bnviz.plot.chart import Chart
from bnviz.plot.listing import Code, Listing, Table
from bnviz.plot.scene import Scene
from bnviz.plot.theme import FONT, LIGHT

Picture = Chart | Scene | Listing

PLAYER_EXTRA: Final = 150  # pixels: the caption above a scene, and its buttons below
LISTING_HEIGHT: Final = 420
HEAD_HEIGHT: Final = 110  # of a heading and a sentence
ROW_HEIGHT: Final = 29  # of a table
MARGIN: Final = 24
IMPORT: Final = re.compile(r'^import (\{[^}]*\}) from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT: Final = re.compile(r"^export (default )?(?=(?:async )?(?:function\*?|const|let|class) (\w+))", re.MULTILINE)
LISTED: Final = re.compile(r"^export (\{[^}]*\});\n", re.MULTILINE)

_STYLE: Final = f"""
:root{{color-scheme:light;--st-background-color:{LIGHT["paper"]};--st-text-color:{LIGHT["ink"]};--st-primary-color:{LIGHT["after"]};
--st-secondary-background-color:{LIGHT["grid"]};--st-font:{FONT}}}
body{{margin:0;padding:{MARGIN // 2}px;font:16px/1.45 {FONT};color:{LIGHT["ink"]};background:{LIGHT["paper"]}}}
h2{{font-size:1.25rem;margin:0 0 .5rem}}p{{margin:.4rem 0}}figure{{margin:0 0 1rem}}
table{{border-collapse:collapse;margin:.5rem 0}}
td,th{{border-bottom:1px solid {LIGHT["grid"]};padding:.15rem .8rem .15rem 0;text-align:left}}
pre{{background:{LIGHT["grid"]};padding:.6rem;overflow-x:auto}}
"""
_START: Final = """
const content = (node) => node.querySelector("script").textContent;
for (const node of document.querySelectorAll("figure.scene")) {
  const data = Uint8Array.from(atob(content(node)), (letter) => letter.charCodeAt(0));
  const place = node.appendChild(document.createElement("div"));
  modules["player.js"].default({ data, parentElement: place.attachShadow({ mode: "open" }), setStateValue() {} });
}
for (const node of document.querySelectorAll("figure.chart")) {
  const { data, layout, phone_layout } = JSON.parse(content(node));
  const narrow = innerWidth < modules["scene.js"].NARROW;
  const place = node.appendChild(document.createElement("div"));
  Plotly.newPlot(place, data, narrow ? modules["plotly.js"].merge(layout, phone_layout) : layout, { responsive: true, displaylogo: false });
}
"""


def notebook_frame(pictures: Sequence[Picture], language: Language = "en", head: str = "") -> str:
    """The page of `pictures` (see `page`) in a frame, as an element for a notebook."""
    above = HEAD_HEIGHT + ROW_HEIGHT * head.count("<tr>") if head else 0
    height = MARGIN + above + sum(_height(picture) for picture in pictures)
    title = html.escape(" ".join(picture.alt for picture in pictures))
    return (
        f'<iframe srcdoc="{html.escape(page(pictures, language, head))}" title="{title}" '
        f'sandbox="allow-scripts allow-downloads" style="width:100%;height:{height}px;border:0;resize:vertical"></iframe>'
    )


def page(pictures: Sequence[Picture], language: Language = "en", head: str = "") -> str:
    """A whole page (HTML) that shows `pictures` one under the other. `head`: HTML above them."""
    parts = [_figure(picture, f"picture-{number}", language) for number, picture in enumerate(pictures)]
    plotly = any(isinstance(picture, Chart) for picture in pictures)
    loaded = f"<script>{_inert(_package().joinpath('vendor', 'plotly-cartesian.min.js').read_text('utf-8'))}</script>"
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>bnviz</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style>'
        f"{loaded if plotly else ''}</head><body>{head}{''.join(parts)}"
        f'<script type="module">{bundle("player.js", "plotly.js")}{_START}</script></body></html>'
    )


@cache
def bundle(*names: str) -> str:
    """The assets `names` and all that they import, as one script: each is `modules[name]`, in the order of their imports."""
    order: dict[str, str] = {}

    def add(name: str) -> None:
        source = _package().joinpath("assets", name).read_text("utf-8")
        for _, needed in IMPORT.findall(source):
            if needed not in order:
                add(needed)
        order[name] = _as_function(source)

    for name in names:
        if name not in order:
            add(name)
    parts = (f"modules[{json.dumps(name)}] = (() => {{\n{source}}})();\n" for name, source in order.items())
    return _inert("const modules = {};\n" + "".join(parts))


def _as_function(source: str) -> str:
    """The body of a function that does what the module `source` does, and returns what that exports."""
    source = IMPORT.sub(r'const \1 = modules["\2"];' + "\n", source)
    exported = [f"default: {name}" if default else name for default, name in EXPORT.findall(source)]
    exported += [name for names in LISTED.findall(source) for name in names.strip("{} ").split(", ")]
    return LISTED.sub("", EXPORT.sub("", source)) + f"return {{ {', '.join(exported)} }};\n"


def _package() -> Traversable:
    return files("bnviz").joinpath("ui")


def _inert(script: str) -> str:
    """`script` without what would end the element that it stands in, or keep its end from being seen."""
    return re.sub(r"</(?=script)", r"<\\/", script, flags=re.IGNORECASE).replace("<!--", "<\\!--")


def _height(picture: Picture) -> int:
    if isinstance(picture, Scene):
        return picture.height + PLAYER_EXTRA
    return picture.height + MARGIN if isinstance(picture, Chart) else LISTING_HEIGHT


def _figure(picture: Picture, group: str, language: Language) -> str:
    if isinstance(picture, Listing):
        return _listing(picture)
    label = html.escape(picture.alt)
    if isinstance(picture, Scene):
        data = base64.b64encode(wire.encode(picture, group, language).content(0)).decode()
        return f'<figure class="scene" aria-label="{label}"><script type="text/plain">{data}</script></figure>'
    layout = {**picture.layout, "height": picture.height}
    figure = {"data": picture.data, "layout": layout, "phone_layout": picture.narrow_layout()}
    text = json.dumps(wire.plain(figure), ensure_ascii=False).replace("<", "\\u003c")
    return f'<figure class="chart" role="img" aria-label="{label}"><script type="application/json">{text}</script></figure>'


def _listing(listing: Listing) -> str:
    notes = (f"<p><strong>{html.escape(note.title)}</strong><br>{html.escape(note.text)}</p>" for note in listing.notes)
    tabs = (f"<h3>{html.escape(title)}</h3>{_tab(content)}" for title, content in listing.tabs.items())
    return f'<figure aria-label="{html.escape(listing.alt)}">{"".join((*notes, *tabs))}</figure>'


def _tab(content: Code | Table) -> str:
    if isinstance(content, Code):
        return f"<pre>{html.escape(content.text)}</pre><p>{html.escape(content.about)}</p>"
    head = "".join(f"<th>{html.escape(name)}</th>" for name in content.columns)
    rows = zip(*content.columns.values(), strict=True)
    cells = ("".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
