"""Tests of policy.phi.custom."""
