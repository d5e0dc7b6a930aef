"""S/MIME (RFC 8551): certificates judged by us, and a small CMS writer on `cryptography`."""
