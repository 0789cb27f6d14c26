"""Kompas on one machine: real servers and our processes, supervised."""
