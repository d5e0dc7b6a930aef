"""Domains as the file names them."""


def matches(pattern: str, domain: str) -> bool:
    """pattern: a domain, or `*.` and one for its sub-domains at any depth. domain: lower-case A-label."""
    return domain.endswith(pattern[1:]) if pattern.startswith("*.") else domain == pattern
