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
.st-key-history p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.st-key-history button { min-width: 2.4rem; }
.st-key-verdict [data-testid="stExpander"] summary { padding: 0.3rem 0.75rem; font-weight: 600; }
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
/* From the last row: type grows with the screen, and a caption is read, not guessed. */
@media (min-width: 1600px) { html { font-size: calc(16px + 0.45vw); } [data-testid="stMainBlockContainer"] { max-width: 112rem; } }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] * { color: inherit !important; opacity: 1; }
/* On paper: the picture, its sentence, the settings and the link. */
@media print {
  [data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToolbar"], .st-key-presets, .st-key-onward, .st-key-verdict,
  .st-key-prediction button, .st-key-picture [data-testid="stButtonGroup"] { display: none !important; }
  .stApp, [data-testid="stAppViewContainer"], [data-testid="stMain"] {
    position: static !important; overflow: visible !important; height: auto !important;
  }
  [data-testid="stMainBlockContainer"] { padding: 0; max-width: none; }
  [data-testid="stHorizontalBlock"]:has(.st-key-picture) { flex-direction: column !important; }
  [data-testid="stHorizontalBlock"]:has(.st-key-picture) > * { width: 100% !important; flex: none !important; }
  .st-key-picture > *, .st-key-below > * { break-inside: avoid; }
  .st-key-controls { display: grid !important; grid-template-columns: repeat(3, 1fr); column-gap: 2rem; }
}
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
