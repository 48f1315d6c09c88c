"""What holds for every test."""

import os

from hypothesis import HealthCheck, settings

# Compare every component tree with the fold of its recorded changes after each transition.
os.environ["FLOWRPC_AUDIT"] = "1"

# A run of the tests says something of what was changed, and only of that: the examples are always the same, and how
# long one takes on a busy machine is no failure. `pytest --hypothesis-profile=search` looks for others.
settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")
