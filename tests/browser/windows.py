"""Browser windows that one visitor after another uses: a new one costs seconds of processor time before it shows anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, Page

CALM: Final = {"media": "null", "color_scheme": "light", "reduced_motion": "no-preference", "forced_colors": "none"}
"""How a visitor's system is set if nothing else is said."""
SIZE: Final = (1280, 720)


class Windows:
    """The windows of a browser. `patience`: milliseconds that anything in them may take."""

    def __init__(self, browser: Browser, patience: int) -> None:
        self._browser = browser
        self._patience = patience
        self._free: dict[str, list[Page]] = {}

    @contextmanager
    def visitors(self, went_well: Callable[[], bool] = lambda: True) -> Iterator[Callable[..., Page]]:
        """`new(address, size, **options)`: a page of another visitor's, on which nothing is loaded yet.

        Nothing that earlier visitors of `address` left is in it: no storage, no cookie, no permission. `options` are those of
        Playwright's contexts, and `init`: a script that runs in each page before its own. Afterwards all windows are free again,
        or closed, where it has not gone well.
        """
        opened: list[tuple[str, Page]] = []

        def new(address: str, size: tuple[int, int] = SIZE, init: str = "", **options: Any) -> Page:
            system = CALM | {name: options.pop(name) for name in CALM if name in options}
            kind = repr((address, init, sorted(options.items())))
            free = self._free.setdefault(kind, [])
            page = free.pop() if free else self._window(init, options)
            opened.append((kind, page))
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(**system)
            page.goto(f"{address}/_stcore/health")  # or "not found": a page of the same origin without scripts
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            return page

        yield new
        for kind, page in opened:
            if went_well() and not page.is_closed():
                self._leave(page)
                self._free[kind].append(page)
            else:
                page.context.close()

    def _window(self, init: str, options: dict[str, Any]) -> Page:
        context = self._browser.new_context(locale="en-US", **options)
        context.set_default_timeout(self._patience)
        if init:
            context.add_init_script(init)
        return context.new_page()

    @staticmethod
    def _leave(page: Page) -> None:
        """Nothing of the visitor's goes on in the window."""
        context = page.context
        for other in context.pages:
            if other is not page:
                other.close()
        page.goto("about:blank")
        page.mouse.move(0, 0)
        page.unroute_all()
        context.clear_cookies()
        context.clear_permissions()
