"""A city that is not there, and the referee who knows the truth."""
