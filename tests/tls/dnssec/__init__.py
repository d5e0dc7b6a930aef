"""Tests of tls/dnssec."""
