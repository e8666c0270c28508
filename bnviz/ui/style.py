"""The few rules of CSS that Streamlit has no option for: room for the picture on a projector, the picture first on a phone."""

from __future__ import annotations

from typing import Final

import streamlit as st

CSS: Final = """<style>
[data-testid="stMainBlockContainer"] { padding: 1.4rem 2rem 3rem; max-width: 1500px; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.5rem; }
[data-testid="stHeader"] { background: transparent; }
[data-testid="stSidebarHeader"] { height: 1.75rem; padding-top: 0.4rem; padding-bottom: 0; margin-bottom: 0; }
[data-testid="stSidebarNavLink"] { padding-top: 0; padding-bottom: 0; min-height: 1.55rem; margin-top: 0; margin-bottom: 0; }
[data-testid="stNavSectionHeader"] { padding: 0 0.5rem; margin: 0; min-height: 1.4rem; }
[data-testid="stNavSectionHeader"] p { font-weight: 600; } /* of 500 nothing is seen in Chinese */
[data-testid="stSidebarNavItems"] li { margin-top: 0; }
[data-testid="stSidebarNavItems"] > div { margin-top: 0.45rem; }
/* Streamlit tints a chosen segment under the pointer until its words have a contrast of 4.2. */
button[role="radio"][aria-checked="true"]:is(:hover, [data-hovered]) { background-color: transparent !important; }
/* The switches stand above the course, which is longer than the screen. */
[data-testid="stSidebarContent"] { display: flex; flex-direction: column; }
[data-testid="stSidebarHeader"] { order: -2; }
[data-testid="stSidebarUserContent"] { order: -1; padding-top: 0; padding-bottom: 0.4rem; }
[data-testid="stSidebarUserContent"] [data-testid="stVerticalBlock"] { gap: 0.5rem; }
.st-key-head h1 { padding: 0 3rem 0.1rem 0; font-size: 1.5rem; font-weight: 600; text-wrap: balance; }
/* A picture of the question before, still on its way out, is not seen under the new one. */
.stApp:has(.st-key-picture .st-key-prediction) :is(.st-key-picture, .st-key-below) [data-digest] { display: none; }
.st-key-prediction h2 { font-size: 1.2rem; padding: 0 0 0.3rem; }
.st-key-head { gap: 0.3rem; }
.st-key-head [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-head p { margin: 0; max-width: none; line-height: 1.45; text-wrap: pretty; }
.st-key-presets, .st-key-tries, .st-key-search { gap: 0.45rem; align-items: center; }
.st-key-history, .st-key-tools { gap: 0.3rem; align-items: center; }
.st-key-presets button, .st-key-search button { min-height: 1.9rem; padding: 0.1rem 0.55rem; }
.st-key-presets p, .st-key-search p { font-size: 0.88rem; }
.st-key-history p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.st-key-history button { min-width: 2.4rem; padding-inline: 0.4rem; }
.st-key-verdict [data-testid="stExpander"] summary { padding: 0.05rem 0.6rem; font-weight: 600; min-height: 1.9rem; }
.st-key-verdict summary [data-testid="stMarkdownContainer"] p { line-height: 1.3; }
.st-key-cases h5 { padding: 0.4rem 0 0.9rem; }
.st-key-cases [data-testid="stVerticalBlock"], .st-key-cases { gap: 0.45rem; }
.st-key-cases [data-testid="stMarkdownContainer"] p { margin-bottom: 0.5rem; }
.st-key-cases summary [data-testid="stMarkdownContainer"] p { margin: 0; }
.st-key-cases summary { padding-top: 0.3rem; padding-bottom: 0.3rem; min-height: 2rem; }
.st-key-controls > [data-testid="stVerticalBlock"], .st-key-controls { gap: 0.15rem; }
.st-key-findings { gap: 0.35rem; padding-top: 0.3rem; }
.st-key-findings [data-testid="stMarkdownContainer"] p { font-size: 0.88rem; line-height: 1.4; margin-bottom: 0.35rem; }
.st-key-findings [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-findings summary [data-testid="stMarkdownContainer"] p { margin: 0; }
.st-key-findings summary { padding: 0.3rem 0.6rem; }
.st-key-findings [data-testid="stExpanderDetails"] { padding: 0.4rem 0.6rem 0.5rem; }
.st-key-findings [data-testid="stExpanderDetails"] [data-testid="stVerticalBlock"] { gap: 0.35rem; }
.st-key-below h4 { padding: 0.5rem 0 0; font-size: 1rem; }
.st-key-controls [data-testid="stWidgetLabel"] { min-height: 1.3rem; }
.st-key-controls [data-testid="stSliderTickBar"] p { font-size: 0.75rem; line-height: 1; } /* clear of the next control's label */
/* Segments that stand in two lines each have all their edges: Streamlit draws the first and the last one's outer edges only. */
.st-key-controls button[data-variant="segmented_control"] { padding-inline: 0.5rem; }
button[data-variant="segmented_control"]:not([aria-checked="true"]) {
  border-inline-color: color-mix(in srgb, currentColor 20%, transparent);
}
.st-key-picture, .st-key-below, .st-key-pictures { gap: 0.5rem; }
.st-key-below { padding-top: 0.6rem; }
.st-key-below p, .st-key-below li { max-width: 44em; }
/* Streamlit's quotations and its colours of code are too pale to be read. */
.stMarkdown blockquote { opacity: 1; }
.stMarkdown pre .token { color: inherit !important; }
.stMarkdown pre .token.comment { font-style: italic; }
.st-key-below h2 { font-size: 1.2rem; padding: 0.7rem 0 0.3rem; }
.st-key-below td, .st-key-below th { padding: 0.2rem 0.7rem; }
.st-key-below [data-testid="stColumn"] table { display: block; overflow-x: auto; } /* two beside each other, one of them pinned */
/* Measured against predicted: a table where it has room, else a list for each quantity. */
.bnviz-comparisons { container-type: inline-size; }
.bnviz-comparisons > div { overflow-x: auto; }
.bnviz-comparisons table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.bnviz-comparisons :is(th, td) { font-weight: 400; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.bnviz-comparisons :is(td, thead th:not(:first-child, :last-child)) { text-align: right; }
.bnviz-comparisons tbody th { min-width: 12em; }
.bnviz-comparisons :is(thead th:first-child, tbody th, thead th:last-child, td:last-child) { text-align: start; }
@container (max-width: 760px) {
  .bnviz-comparisons :is(table, tbody) { display: block; width: auto; }
  .bnviz-comparisons thead { display: none; }
  .bnviz-comparisons tr {
    display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.1rem 1.2rem; padding: 0.5rem 0;
    border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent);
  }
  .bnviz-comparisons :is(tbody th, td) { border: 0; padding: 0; }
  .bnviz-comparisons tbody th { grid-column: 1 / -1; font-weight: 600; }
  .bnviz-comparisons td { display: flex; justify-content: space-between; gap: 0.6rem; font-size: 0.9rem; }
  .bnviz-comparisons td:last-child { grid-column: 1 / -1; justify-content: flex-start; }
  .bnviz-comparisons td::before { content: attr(data-head); text-align: start; }
}
/* Chinese has no spaces: what is short, or a number's unit, would be broken within a word. */
:lang(zh) :is(.st-key-head h1, summary p, button p, [data-testid="stAlert"] p) { word-break: keep-all; overflow-wrap: anywhere; }
.st-key-below thead th:not(:last-child), .st-key-below td:not(:first-child) { word-break: keep-all; }
.st-key-cases a p, .st-key-cases button p { margin: 0 !important; }
.st-key-course { gap: 0.2rem; padding-top: 0; }
.st-key-course [data-testid="stVerticalBlock"] { gap: 0.15rem; }
.st-key-course h2 { font-size: 1.05rem; padding: 0 0 0.2rem; margin-bottom: 0.3rem; border-bottom: 2px solid currentColor; }
.st-key-course [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-course [data-testid="stMarkdownContainer"] p { font-size: 0.88rem; line-height: 1.25; margin: 0 0 0.35rem; }
.st-key-course a p, .st-key-start a p { font-size: 0.95rem; margin: 0; }
.st-key-course [data-testid="stPageLink-NavLink"] { padding-left: 0; }
.st-key-start { gap: 0.4rem; }
.st-key-onward a p, .st-key-course a p, .st-key-start a p { white-space: normal; text-overflow: clip; }
.st-key-examples { gap: 0.2rem; }
/* A visitor who has lost the connection cannot start the server. */
[role="dialog"] [data-testid="stErrorCodeBlock"] { display: none; }
/* What a file may be says the label; Streamlit says it again, in English, and cut off where the column is narrow. */
[data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
/* A file's name gives way to the button that removes it, where the column is narrow. */
[data-testid="stFileChip"], [data-testid="stFileChip"] > div:has([data-testid="stFileChipName"]) { min-width: 0 !important; }
.st-key-controls [data-testid="stFileUploaderDropzone"] { padding-inline: 0.5rem; }
/* From the last row: type is as large a part of every screen as it is of a projector's 1280 × 720, and a caption is read, not guessed. */
html { font-size: max(100%, min(1.25vw, 2.22vh, 40px)); }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] * { color: inherit !important; opacity: 1; }
/* A link past the navigation, seen by those who come to it by keyboard. */
.st-key-page { position: absolute; height: 0; overflow: hidden; }
.bnviz-skip {
  position: fixed; top: -5rem; left: 0.5rem; z-index: 1000000; padding: 0.5rem 1rem; font: inherit; color: CanvasText;
  background: Canvas; border: 2px solid; border-radius: 8px;
}
.bnviz-skip:focus { top: 0.5rem; }
.st-key-aside .st-key-offer { gap: 0.3rem; }
/* Back, Reset and Share stand at the end of the last row of presets, not beside all of them. */
@media screen and (min-width: 641px) {
  .st-key-presets > [data-testid="stLayoutWrapper"]:first-child, .st-key-tries { display: contents; }
  .st-key-presets > [data-testid="stLayoutWrapper"]:nth-child(2) { margin-left: auto; }
}
@media screen {
  .st-key-tools > :last-child { flex: 0 0 5.2rem !important; }
  /* Where they would have a row to themselves (tools.js measures that), beside the title: the picture has the row. */
  html[data-tools-raised]:not([data-present]) [data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { position: relative; }
  html[data-tools-raised]:not([data-present]) .st-key-presets > [data-testid="stLayoutWrapper"]:nth-child(2) {
    position: absolute; top: 0; right: 0; width: max-content; z-index: 1;
  }
  html[data-tools-raised]:not([data-present]) .st-key-head h1 { padding-right: 14.5rem; }
}
/* Where the controls stand beside the picture, it stays in sight while they are scrolled to; fold.js says how far apart they are. */
@media (min-width: 641px) {
  .st-key-controls { gap: calc(0.15rem + var(--bnviz-apart, 0px)) !important; }
  .st-key-controls [data-testid="stSlider"] { margin-bottom: calc(-1 * var(--bnviz-closer, 0px)); }
  [data-bnviz-hero="around"], .st-key-picture { height: 100%; }
  [data-bnviz-hero="place"] {
    position: sticky; top: 0; z-index: 3; background: var(--st-background-color, inherit);
  }
}
/* A sidebar that would take a quarter of the screen waits until it is asked for; page.js closes it. */
@media (max-width: 899px) {
  html:not([data-bnviz]) [data-testid="stSidebar"] { display: none; }
  html[data-scrolled] [data-testid="stHeader"]:not(:focus-within) { visibility: hidden; }
  [data-testid="stMainBlockContainer"] { padding: 2.9rem 1rem 2rem; }
}
/* A phone held sideways, a projector's page at 200 %: what the page is about first. */
@media (max-height: 520px) {
  [data-testid="stMainBlockContainer"] { padding-top: 0.5rem; }
  .st-key-head { padding-left: 2.2rem; }
  [data-testid="stHeader"] { top: -0.6rem; } /* its button stands beside the title, not on what follows */
  .st-key-head h1 { font-size: 1.1rem; padding-right: 0; }
  .st-key-head p { font-size: 0.9rem; }
}
@media (max-height: 520px) and (min-width: 641px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-presets) { order: 1; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-below) { order: 2; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-onward) { order: 3; }
}
/* A finger finds what a pointer does; one that scrolls across a slider's rail does not set it, only its handle does. */
@media (pointer: coarse) {
  [data-testid="stSlider"] [role="group"] > div { pointer-events: none; }
  [data-testid="stSlider"] [data-rac][style*="translate"] { pointer-events: auto; }
  [data-testid="stSlider"] [data-rac][style*="translate"]::before { content: ""; position: absolute; inset: -16px; }
  [data-testid="stTooltipIcon"] button { position: relative; }
  [data-testid="stTooltipIcon"] button::before { content: ""; position: absolute; inset: -8px; }
}
/* High contrast: the system's colours, and edges for what was told by colour alone. */
@media (forced-colors: active) {
  [data-testid="stSlider"] [role="group"] > div > div:first-child, [data-testid="stCheckbox"] label > span + div {
    border: 1px solid CanvasText;
  }
  [data-testid="stSlider"] [data-rac][style*="translate"] { border: 3px solid Highlight; }
  [data-testid="stCheckbox"] label > span + div > div { forced-color-adjust: none; background: CanvasText; }
  [data-testid="stCheckbox"] label:has(input:checked) > span + div { forced-color-adjust: none; background: Highlight; }
  button[kind$="Active"], button[aria-checked="true"], .st-key-presets button[kind="primary"] { border: 2px solid Highlight; }
}
/* Presenter mode: the picture and what is said of it; the settings come when they are called. */
.bnviz-present, .bnviz-laser[hidden] { display: none; }
.bnviz-laser {
  position: fixed; left: -0.5rem; top: -0.5rem; width: 1rem; height: 1rem; border-radius: 50%; z-index: 1000001; pointer-events: none;
  background: red; box-shadow: 0 0 0.6rem 0.25rem rgb(255 0 0 / 0.55);
}
html[data-present] { font-size: max(115%, min(1.5vw, 2.66vh, 56px)); }
html[data-present] :is([data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], [data-testid="stHeader"], .st-key-onward) {
  display: none;
}
html[data-present]:not([data-drawer]) .st-key-presets { display: none; }
html[data-present] [data-testid="stMainBlockContainer"] { padding: 0.5rem 1rem 1rem; max-width: none; }
html[data-present] .st-key-head h1 { padding-right: 14rem; }
html[data-present] [data-testid="stMain"]:focus-visible, html[data-present] [data-testid="stMain"]::before {
  outline: none; box-shadow: none !important;
}
html[data-present] [data-testid="stColumn"]:has(.st-key-picture) { flex: 1 1 100%; width: 100%; }
html[data-present] [data-testid="stColumn"]:has(.st-key-controls) {
  display: none; position: fixed; inset: 0 0 0 auto; padding-top: 3.2rem !important; width: min(24rem, 90vw);
  min-width: 0; overflow-y: auto; z-index: 999; padding: 1rem;
  background: Canvas; border-left: 1px solid color-mix(in srgb, currentColor 30%, transparent);
}
html[data-present][data-drawer] [data-testid="stColumn"]:has(.st-key-controls) { display: block; }
html[data-present] .bnviz-present {
  position: fixed; right: 0.6rem; top: 0.4rem; z-index: 1000; display: flex; gap: 0.2rem; opacity: 0.7;
}
.bnviz-present:is(:hover, :focus-within) { opacity: 1 !important; }
.bnviz-present button, .bnviz-keys button {
  font: inherit; color: inherit; background: Canvas; border: 1px solid color-mix(in srgb, currentColor 30%, transparent);
  border-radius: 8px;
  min-width: 2.2rem; min-height: 2.2rem; cursor: pointer;
}
.bnviz-keys {
  color: inherit; background: Canvas; border: 1px solid color-mix(in srgb, currentColor 40%, transparent); border-radius: 12px;
  max-width: 40rem;
  width: calc(100vw - 2rem); padding: 1.2rem;
}
.bnviz-keys h2 { font-size: 1.2rem; margin: 0 0 0.6rem; padding: 0; }
.bnviz-keys button { float: right; }
.bnviz-keys dl { display: grid; grid-template-columns: fit-content(40%) 1fr; gap: 0.4rem 1rem; margin: 0; }
.bnviz-keys dt { display: flex; flex-wrap: wrap; row-gap: 0.2rem; align-items: start; align-content: start; }
.bnviz-keys dd { margin: 0; }
.bnviz-keys kbd { border: 1px solid color-mix(in srgb, currentColor 40%, transparent); border-radius: 5px; padding: 0 0.4em;
  margin-right: 0.3em; font-size: 0.9em; }
/* The strip of a class: no room for who is in none; what a vote is about is not shown before its answer. */
html:not([data-class]) .st-key-class { position: absolute; height: 0; overflow: hidden; }
html[data-vote] :is(.st-key-picture, .st-key-below, .st-key-controls, .st-key-presets, .st-key-onward) { display: none; }
html[data-vote] .st-key-head [data-testid="stElementContainer"]:not(:has(h1)), html[data-vote] .st-key-head h1 ~ p { display: none; }
/* A dark page on paper, while `page.js` says that it is printed. */
html[data-paper=dark] .stApp, html[data-paper=dark] .stApp * {
  --st-text-color: black !important; --st-background-color: white !important; color: black !important; border-color: #888;
}
html[data-paper=dark] .stApp { color-scheme: light; }
html[data-paper=dark], html[data-paper=dark] :is(body, .stApp, [data-testid="stAppViewContainer"], [data-bnviz-hero]),
html[data-paper=dark] :is([data-testid="stSelectbox"], [data-testid="stNumberInput"], [data-testid="stTextInput"]) *,
html[data-paper=dark] [data-testid="stButton"] button,
html[data-paper=dark] [data-testid="stButtonGroup"] button:not([aria-checked="true"], [kind$="Active"]) {
  background: white !important;
}
/* On paper: the picture, its sentence, the settings and the link. */
@media print {
  [data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToolbar"], .bnviz-skip, body a[href^="#"],
  .st-key-onward, .st-key-verdict, .st-key-below, .st-key-drag, .st-key-offer,
  .st-key-presets > :not(:has(.st-key-link)), .st-key-history,
  .st-key-prediction button[kind="tertiary"], .st-key-picture [data-testid="stButtonGroup"],
  [class*="-topic-"] {
    display: none !important;
  }
  @page { size: A4 landscape; margin: 10mm; }
  html { font-size: 13px; }
  .stApp, [data-testid="stAppViewContainer"], [data-testid="stAppViewContainer"] > :has(> [data-testid="stMain"]),
  [data-testid="stMain"] {
    position: static !important; overflow: visible !important; height: auto !important; display: block !important;
  }
  [data-testid="stMainBlockContainer"] { padding: 0; max-width: none; }
  [data-testid="stTooltipIcon"], [data-testid="stNumberInput"] button { display: none !important; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-presets) { order: 3; }
  .st-key-link, .st-key-tools, :has(> .st-key-link), :has(> .st-key-tools) { width: 100% !important; flex: 1 0 100% !important; }
  /* Blocks, since what is broken over two sheets in a flexible box is printed over what follows. */
  [data-testid="stHorizontalBlock"]:has(.st-key-picture), [data-testid="stColumn"]:has(.st-key-picture) > [data-testid="stVerticalBlock"] {
    display: block !important;
  }
  [data-testid="stHorizontalBlock"]:has(.st-key-picture) > * { width: 100% !important; }
  [data-testid="stColumn"]:has(.st-key-controls) { padding-top: 1rem; }
  .st-key-picture > * { break-inside: avoid; }
  .st-key-controls { display: grid !important; grid-template-columns: repeat(4, 1fr); column-gap: 2rem; }
  .st-key-controls > * { break-inside: avoid; }
  .st-key-controls > :has(.st-key-findings) { grid-column: 1 / -1; }
  .st-key-controls [data-testid="stButtonGroup"] button { min-height: 1.5rem; padding-block: 0; }
  /* What is longer than a sheet, code above all, pushes the settings down. */
  [data-bnviz-hero], .st-key-picture { height: auto !important; }
  [data-testid="stMain"] [data-testid="stExpander"] { break-inside: avoid; }
  [data-testid="stAppViewContainer"] > :not(:has([data-testid="stMain"])) { display: none; }
}
@media (max-width: 640px) and (min-height: 521px) {
  [data-testid="stMainBlockContainer"] { padding: 2.9rem 0.8rem 2rem; }
}
@media (max-width: 640px) {
  :lang(zh) .st-key-head h1 { font-size: min(1.3rem, 5.3vw); padding-right: 0; } /* a clause in a line */
  .st-key-head h1 [data-testid="stHeaderActionElements"] { display: none; } /* it may have a line to itself */
  html[data-present] .st-key-head h1 { padding: 3rem 0 0; }
  :is(.st-key-picture, .st-key-below) table { display: block; overflow-x: auto; font-size: 0.85rem; }
  :is(.st-key-picture, .st-key-below) :is(td, th) { padding: 0.2rem 0.4rem; }
  :is(.st-key-picture, .st-key-below) td:not([style*="right"]) { min-width: 7em; }
  .st-key-below td:first-child { min-width: 11em; }
  .stMarkdown .katex-display { font-size: 0.85em; overflow-x: auto; overflow-y: hidden; padding: 0.35em 0; }
  /* The views in one row, the topics in few: "Sources" alone on a second one was overlooked. */
  :is([class*="-view-"], [class*="-topic-"]) button[data-variant="segmented_control"] {
    flex: 1 1 auto; padding-inline: clamp(0.2rem, 1.4vw, 1rem);
  }
  :is([class*="-view-"], [class*="-topic-"]) button[data-variant="segmented_control"] p { font-size: 0.82rem; }
  .st-key-controls * { scroll-margin-top: calc(var(--bnviz-floating, 0px) + 1rem); }
  [data-testid="stLayoutWrapper"]:has(> .st-key-presets) { order: 1; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-below) { order: 2; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-onward) { order: 3; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-tries) { flex-basis: 100%; }
}
</style>"""

EMBEDDED: Final = """<style>
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] { display: none; }
[data-testid="stMainBlockContainer"] { padding: 0.5rem 0.75rem; }
</style>"""


def apply() -> None:
    """Put the rules on the page; in a frame of somebody else's page there is no navigation."""
    st.html(CSS + EMBEDDED if st.context.is_embedded else CSS)
