"""Tests of SMTP out."""
