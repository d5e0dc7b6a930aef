"""Answers of DNS with what DNSSEC says of them, and whether the resolver that says it may be believed."""
