"""Tests of every room; the folders mirror the packages."""
