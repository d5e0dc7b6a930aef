"""Tests of tls/tlsrpt."""
