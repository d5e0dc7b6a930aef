"""How safely a domain must be reached: levels, certificates and contexts; no SMTP codes."""
