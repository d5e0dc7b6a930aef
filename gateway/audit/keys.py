"""Events of what a look-up filed."""

from collections.abc import Iterable

from gateway.audit import admin
from gateway.message.event import Event
from gateway.store.certificates import Certificate


def found_events(filed: Iterable[Certificate]) -> list[Event]:
    return [
        admin.key_found(
            at=one.imported_at, address=one.address, fingerprint=one.fingerprint, source=one.source, trust=one.trust
        )
        for one in filed
    ]
