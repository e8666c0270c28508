"""What Streamlit writes itself, in English only: names of its buttons, hints in its fields, why it refuses a file."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_, Translate

WORDS: Final = (
    N_("Help"),
    N_("Help for {name}"),
    N_("Choose an option"),
    N_("Choose options"),
    N_("Open"),
    N_("No results"),
    N_("Select all"),
    N_("Clear all"),
    N_("Clear value"),
    N_("Remove {name}"),
    N_("Increment"),
    N_("Decrement"),
    N_("Upload"),
    N_("Upload a file"),
    N_("Add files"),
    N_("File must be {size} or smaller."),
    N_("{type} files are not allowed."),
    N_("Link to heading"),
    N_("Skip to main content"),
    N_("App pages"),
    N_("Sidebar"),
    N_("Collapse sidebar"),
    N_("Expand sidebar"),
    N_("Show/hide columns"),
    N_("Download as CSV"),
    N_("Search"),
    N_("Close Search"),
    N_("Fullscreen"),
    N_("Close fullscreen"),
    N_("Dataframe column menu"),
    N_("Copy column name"),
    N_("Sort ascending"),
    N_("Sort descending"),
    N_("Format"),
    N_("Autosize"),
    N_("Pin column"),
    N_("Unpin column"),
    N_("Hide column"),
    N_("Stop script"),
    N_("Page not found"),
    N_("The page that you have requested does not seem to exist. Running the app's main page."),
    N_("Close"),
    N_("file upload"),
    N_("add icon"),
    N_("visibility icon"),
)
"""As Streamlit spells them; what stands in braces is a name or a number."""


GOES_ON: Final = N_("The server does not answer. This page goes on by itself as soon as it does, with your settings.")
LOST: Final = {
    "Connection error": N_("No connection"),
    "Is Streamlit still running? If you accidentally stopped Streamlit, just restart it in your terminal:": GOES_ON,
    "Streamlit server is not responding. Are you connected to the internet?": GOES_ON,
}
"""What Streamlit tells its developers where the connection is lost, and what a visitor wants to know."""


def lost(_: Translate) -> dict[str, str]:
    """For native.js, in every language."""
    return {english: _(ours) for english, ours in LOST.items()}


def data(_: Translate) -> dict[str, str]:
    """For native.js: each in the visitor's language; none where that is English."""
    return {word: _(word) for word in WORDS if _(word) != word}
