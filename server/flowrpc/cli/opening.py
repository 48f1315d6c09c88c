"""The browser of the user, which `flowctl run --open` shows the page in."""

from __future__ import annotations

import logging
import threading

logger = logging.getLogger(__name__)


def open_in_browser(url: str) -> None:
    """Has the browser open a page, and does not wait for it: some browsers end with their last window only.

    Where there is none, the app runs all the same; the log says so.

    Args:
        url: A link of its own: the one that was printed stays good.
    """
    threading.Thread(target=_open, args=[url], name="opens the page", daemon=True).start()


def _open(url: str) -> None:
    import webbrowser

    try:
        opened = webbrowser.open(url)
    except Exception as error:  # noqa: BLE001  # the thread ends here; whatever a browser of the user does
        logger.warning("no browser opens the page (%s); follow the link that was printed", error)
        return
    if not opened:
        logger.warning("no browser opens the page; follow the link that was printed")
