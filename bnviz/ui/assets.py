"""Where the browser finds our JavaScript and Plotly's."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit import config

FOLDER: Final = Path(__file__).parent / "assets"
ROOT: Final = "bnviz"
PLOTLY: Final = Path(__file__).parent / "vendor" / "plotly-cartesian.min.js"
"""Plotly with what plane charts need: a third of the bundle in the plotly package, which notebooks use."""


@cache
def files() -> dict[str, Path]:
    """Everything that is served, by name."""
    return {path.name: path for path in (*FOLDER.glob("*.js"), PLOTLY)}


@cache
def version() -> str:
    """A digest of everything that is served, so that browsers may keep it for ever."""
    digest = hashlib.sha256()
    for path in sorted(files().values()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def mount_path() -> str:
    """The route of the assets, below the server's base path."""
    return f"/{ROOT}/{version()}"


def base_path() -> str:
    """What stands before every path of this server; empty where it has its address for itself."""
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}" if base else ""


def url(name: str) -> str:
    """Absolute path of the asset `name` as the browser asks for it."""
    return f"{base_path()}{mount_path()}/{name}"


@cache
def component(name: str) -> Any:
    """The Streamlit component whose JavaScript is the asset `name`.js; only a loader travels with each rerun."""
    loader = f"""const module = import(new URL({url(f"{name}.js")!r}, document.baseURI).href);
export default (component) => module.then((loaded) => loaded.default(component));
"""
    return st.components.v2.component(f"bnviz_{name}", js=loader)
