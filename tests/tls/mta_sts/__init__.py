"""Tests of tls/mta_sts."""
