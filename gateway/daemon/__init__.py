"""The running gateway: processes, signals, readiness, graceful stop."""
