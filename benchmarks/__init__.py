"""Measured, never asserted."""
