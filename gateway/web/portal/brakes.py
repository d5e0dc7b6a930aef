"""Who a request comes from, as far as brakes are concerned."""

from starlette.requests import Request


def address_of(request: Request) -> str:
    """The peer's address as the socket tells it; X-Forwarded-For is anybody's word (PO-15)."""
    return request.client.host if request.client else ""
