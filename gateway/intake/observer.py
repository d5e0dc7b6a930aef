"""What the intake tells about itself, so that metrics can count it. Labels are bounded: no addresses, no names."""

from typing import Protocol


class Observer(Protocol):
    """listener: `Door.name`. Called on the event loop: count and return."""

    def connected(self, listener: str) -> None:
        """A session began."""

    def disconnected(self, listener: str) -> None:
        """It ended; called once for each `connected`."""

    def turned_away(self, listener: str) -> None:
        """A connection was refused because too many are open."""

    def secured(self, listener: str, version: str) -> None:
        """TLS is up; version as OpenSSL names it."""

    def authenticated(self, listener: str, mechanism: str, *, is_success: bool) -> None:
        """An AUTH exchange came to credentials, and they were checked."""

    def received(self, listener: str, size: int) -> None:
        """A message was accepted; size in octets."""

    def refused(self, listener: str, stage: str, code: int) -> None:
        """A command was answered 4xx or 5xx; stage is the verb in lower case, or `session` when it was hung up."""


class NoObserver:
    """Counts nothing."""

    def connected(self, listener: str) -> None:
        """See Observer."""

    def disconnected(self, listener: str) -> None:
        """See Observer."""

    def turned_away(self, listener: str) -> None:
        """See Observer."""

    def secured(self, listener: str, version: str) -> None:
        """See Observer."""

    def authenticated(self, listener: str, mechanism: str, *, is_success: bool) -> None:
        """See Observer."""

    def received(self, listener: str, size: int) -> None:
        """See Observer."""

    def refused(self, listener: str, stage: str, code: int) -> None:
        """See Observer."""
