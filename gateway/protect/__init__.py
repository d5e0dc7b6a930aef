"""How a message is protected on its way: DKIM signatures, OpenPGP, portal notices. Bytes in, bytes out."""
