"""A clinic on loopback: gateway, resolver, destinations and real messages, to see what Mailward does with each."""
