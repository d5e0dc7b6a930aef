"""Tests of tls/dane."""
