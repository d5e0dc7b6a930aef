"""Tests of PHI classification."""
