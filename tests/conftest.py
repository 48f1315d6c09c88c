"""What holds for every test."""

import os

# Compare every component tree with the fold of its recorded changes after each transition.
os.environ["FLOWRPC_AUDIT"] = "1"
