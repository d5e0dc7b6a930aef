"""Attacks on the pool of child processes."""
