"""TLS-RPT (RFC 8460): what a domain is told of the TLS that we saw at its hosts."""
