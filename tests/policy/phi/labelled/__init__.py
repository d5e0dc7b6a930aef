"""Labelled messages of our own, and what recall is expected on them."""
