"""Attacks on the inspectors."""
