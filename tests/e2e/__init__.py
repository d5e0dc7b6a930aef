"""Real servers, real clients and a real browser."""
