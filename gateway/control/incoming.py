"""What a command sends to be filed: read as typed rows, or refused as a whole."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from gateway.control.wire import Refused
from gateway.message.address import AddressError

Incoming = TypeVar("Incoming")
Row = TypeVar("Row")


def read_certificates(incoming: Sequence[Any], kind: type[Incoming], row: Callable[[Incoming], Row]) -> list[Row]:
    """incoming: each as `kind`, or its JSON form. Raises: Refused when one is neither, or has no proper address."""
    try:
        news = msgspec.convert(incoming, list[kind], from_attributes=True)  # type: ignore[valid-type]  # known when called
        return [row(new) for new in news]
    except (msgspec.ValidationError, AddressError) as why:
        raise Refused(f"not a list of certificates: {why}") from None
