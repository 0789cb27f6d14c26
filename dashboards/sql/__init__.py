"""The SQL of the panels: text that, its macros and variables filled in, can be pasted into psql."""
