"""The few rules of CSS that Streamlit has no option for: room for the picture on a projector, the picture first on a phone."""

from __future__ import annotations

from typing import Final

import streamlit as st

CSS: Final = """<style>
[data-testid="stMainBlockContainer"] { padding: 1.4rem 2rem 3rem; max-width: 1500px; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.5rem; }
[data-testid="stHeader"] { background: transparent; }
[data-testid="stSidebarHeader"] { height: 2.6rem; padding-top: 0.4rem; padding-bottom: 0; margin-bottom: 0; }
[data-testid="stSidebarNavLink"] { padding-top: 0; padding-bottom: 0; min-height: 1.55rem; margin-top: 0; margin-bottom: 0; }
[data-testid="stNavSectionHeader"] { padding: 0 0.5rem; margin: 0; min-height: 1.4rem; }
[data-testid="stSidebarNavItems"] li { margin-top: 0; }
[data-testid="stSidebarNavItems"] > div { margin-top: 0.45rem; }
[data-testid="stSidebarUserContent"] { padding-top: 0.6rem; padding-bottom: 1rem; }
[data-testid="stSidebarUserContent"] [data-testid="stVerticalBlock"] { gap: 0.5rem; }
.st-key-head h3 { padding: 0 3rem 0.1rem 0; font-size: 1.5rem; }
.st-key-head [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-head p { margin: 0; max-width: none; }
.st-key-presets, .st-key-search { gap: 0.45rem; }
.st-key-presets button, .st-key-search button { min-height: 1.9rem; padding: 0.1rem 0.55rem; }
.st-key-presets p, .st-key-search p { font-size: 0.88rem; }
.st-key-cases h5 { padding: 0.4rem 0 0.9rem; }
.st-key-cases [data-testid="stVerticalBlock"], .st-key-cases { gap: 0.45rem; }
.st-key-cases [data-testid="stMarkdownContainer"] p { margin-bottom: 0.5rem; }
.st-key-cases summary [data-testid="stMarkdownContainer"] p { margin: 0; }
.st-key-cases summary { padding-top: 0.3rem; padding-bottom: 0.3rem; min-height: 2rem; }
.st-key-controls > [data-testid="stVerticalBlock"], .st-key-controls { gap: 0.35rem; }
.st-key-controls [data-testid="stWidgetLabel"] { min-height: 1.3rem; }
.st-key-picture, .st-key-below { gap: 0.5rem; }
.st-key-below { padding-top: 0.6rem; }
.st-key-below p, .st-key-below li { max-width: 44em; }
.st-key-below h2 { font-size: 1.2rem; padding: 0.7rem 0 0.3rem; }
.st-key-below td, .st-key-below th { padding: 0.2rem 0.7rem; }
.st-key-cases a p { margin: 0 !important; }
.st-key-course { gap: 0.2rem; padding-top: 0.4rem; }
.st-key-course [data-testid="stVerticalBlock"] { gap: 0.15rem; }
.st-key-course h4 { font-size: 1.05rem; padding: 0 0 0.2rem; margin-bottom: 0.3rem; border-bottom: 2px solid currentColor; }
.st-key-course [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-course [data-testid="stMarkdownContainer"] p { font-size: 0.9rem; line-height: 1.35; margin: 0 0 0.4rem; }
.st-key-course a p, .st-key-start a p { font-size: 0.95rem; margin: 0; }
.st-key-course [data-testid="stPageLink-NavLink"] { padding-left: 0; }
.st-key-start { gap: 0.4rem; }
.st-key-onward a p { white-space: normal; text-overflow: clip; }
.st-key-examples { gap: 0.2rem; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding: 3.4rem 0.8rem 2rem; }
  .st-key-below table { display: block; overflow-x: auto; font-size: 0.85rem; }
  .st-key-below td, .st-key-below th { padding: 0.2rem 0.4rem; }
  .st-key-below td:first-child { min-width: 11em; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-presets) { order: 1; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-below) { order: 2; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-onward) { order: 3; }
}
</style>"""


def apply() -> None:
    """Put the rules on the page."""
    st.html(CSS)
