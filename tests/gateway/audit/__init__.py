"""The audit log, on real SQLite files."""
