"""One file per scenario; each binds SCENARIO. simulators/scenario.py finds them."""
