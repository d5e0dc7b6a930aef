"""A keyserver that speaks VKS, such as keys.openpgp.org: it has keys whose owner confirmed the address by mail.

Whoever runs it learns that somebody here is about to write to the address, and nobody but him vouches for the key. So
it is asked only where `discovery.openpgp` says so, and what it has is not used before a person trusts it.
"""

from urllib.parse import quote

from gateway.protect.wkd import SIZE_LIMIT, Web


async def find(web: Web, host: str, address: str) -> bytes:
    """What the keyserver has for an address, unread. Raises: FetchError."""
    return await web.get(host, f"/vks/v1/by-email/{quote(address, safe='')}", limit=SIZE_LIMIT)
