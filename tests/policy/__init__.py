"""Tests of the pure room `policy`."""
