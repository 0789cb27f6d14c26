"""Prove that nothing is lost and nothing counted twice: a city under load while everything that can fail does, beside a batch oracle."""
