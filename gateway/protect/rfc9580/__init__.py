"""OpenPGP packets of our own where PGPy has none (RFC 9580): keys of version 6, and what is encrypted to them."""
