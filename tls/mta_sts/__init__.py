"""MTA-STS (RFC 8461): which hosts a domain lets its mail be handed to, and that their certificates count."""
