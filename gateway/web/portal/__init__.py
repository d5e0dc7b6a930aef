"""The portal: where a recipient without TLS or keys reads a protected message.

A link opens nothing by itself. Who holds it asks for a code (mailed over verified TLS) or types the PIN that the sender
told; that makes a short session which shows one message. A GET never uses anything up.
"""
