"""DANE (RFC 6698, 7671, 7672): certificates that a host's own signed DNS names."""
