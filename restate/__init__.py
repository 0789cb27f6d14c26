"""Closed windows from stored readings; see issue 5."""
