"""A child that never comes up."""

raise SystemExit(1)
