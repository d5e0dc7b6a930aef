"""How much of messages may be in memory at once, over all sessions of all listeners (RX-06)."""


class Cargo:
    """Octets of all messages that are being received or accepted. limit: of all together.

    A message that is alone always has room: `limits.message_size` bounds it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = 0

    @property
    def is_full(self) -> bool:
        """Whether no further message should begin."""
        return self._total >= self._limit

    def move(self, old: int, new: int) -> bool:
        """One message has `new` octets where it had `old`. Returns: False when there is no room; nothing changed."""
        others = self._total - old
        if new > old and others and others + new > self._limit:
            return False
        self._total = others + new
        return True


class Load:
    """One message's share of the cargo, as a context: leaving it gives everything back."""

    def __init__(self, cargo: Cargo) -> None:
        self._cargo = cargo
        self._size = 0

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.resize(0)

    def resize(self, size: int) -> bool:
        """Hold this many octets in all. Returns: False when there is no room; then it holds what it held."""
        if not self._cargo.move(self._size, size):
            return False
        self._size = size
        return True
