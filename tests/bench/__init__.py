"""Tests of TLS policy."""
