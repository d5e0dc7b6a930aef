"""Inspectors: child processes that read hostile messages and say what is in them."""
