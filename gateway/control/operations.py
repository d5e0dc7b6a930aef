"""What can be asked over the control socket: one table from names to functions, and the check of their arguments."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.control import keys, people, queue
from gateway.control.wire import Refused
from gateway.store.store import Store

Operation = Callable[..., Awaitable[Any]]

TABLE: Final[Mapping[str, Operation]] = {
    "user.add": people.add,
    "user.passwd": people.passwd,
    "user.list": people.listing,
    "user.disable": people.disable,
    "openpgp.import": keys.import_certificates,
    "openpgp.list": keys.listing,
    "openpgp.forget": keys.forget,
    "queue.list": queue.listing,
    "queue.show": queue.show,
    "queue.flush": queue.flush,
    "queue.release": queue.release,
    "queue.reject": queue.reject,
}


class Operations:
    """The operations on one open store; `wake` is called after each, so that changed entries are looked at at once."""

    def __init__(self, store: Store, wake: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._wake = wake

    async def perform(self, call: str, args: Mapping[str, Any]) -> Any:
        """Do one. Raises: Refused when there is no such operation, its arguments do not fit, or it says no."""
        operation = TABLE.get(call)
        if operation is None:
            raise Refused(f"this gateway knows no operation {call!r}; is it of the same version as the command?", 2)
        try:
            inspect.signature(operation).bind(self._store, **args)
        except TypeError as error:
            raise Refused(f"{call}: {error}", 2) from error
        result = await operation(self._store, **args)
        self._wake()
        return result
