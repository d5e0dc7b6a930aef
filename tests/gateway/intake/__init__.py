"""Tests of the intake: pure parts fed with bytes, and the running server driven over sockets."""
