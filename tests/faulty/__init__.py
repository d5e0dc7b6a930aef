"""A scriptable SMTP server that misbehaves in every way the cases list, and its certificates."""
