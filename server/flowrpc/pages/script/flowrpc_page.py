"""What Streamlit executes at each rerun of a page: the user's function, with the state of the flow as it is now."""

from __future__ import annotations

from flowrpc_client.app_state import AppState

from flowrpc.pages.drawn_page import DrawnPage

page = DrawnPage.of_this_process()
page.function()(AppState(page.flow))
