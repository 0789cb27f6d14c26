"""One file per board; each binds BOARD."""
