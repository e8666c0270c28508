"""Where the browser finds our JavaScript and Plotly's."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit import config

FOLDER: Final = Path(__file__).parent / "assets"
PLOTLY: Final = Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js")))


@cache
def version() -> str:
    """A digest of everything that is served, so that browsers may keep it for ever."""
    digest = hashlib.sha256(distribution("plotly").version.encode())
    for path in sorted(FOLDER.glob("*.js")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def mount_path() -> str:
    """The route of the assets, below the server's base path."""
    return f"/bnviz/{version()}"


def url(name: str) -> str:
    """Absolute path of the asset `name` as the browser asks for it."""
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return f"{'/' + base if base else ''}{mount_path()}/{name}"


@cache
def component(name: str) -> Any:
    """The Streamlit component whose JavaScript is the asset `name`.js; only a loader travels with each rerun."""
    loader = f"""const module = import(new URL({url(f"{name}.js")!r}, document.baseURI).href);
export default (component) => module.then((loaded) => loaded.default(component));
"""
    return st.components.v2.component(f"bnviz_{name}", js=loader)
