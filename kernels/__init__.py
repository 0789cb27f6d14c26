"""Arithmetic on arrays: numpy and numba in, numpy out."""
