"""Asking for an operation from a command: errors become one line and an exit status."""

from typing import Any

from gateway.cli.context import Status, fail
from gateway.config import Settings
from gateway.control.wire import Refused
from gateway.store.errors import MasterKeyError, StoreError


def ask(settings: Settings, call: str, **args: Any) -> Any:
    """Perform an operation in the running gateway, or alone. Raises: Failure with what stood in the way."""
    from gateway import log
    from gateway.control.client import perform  # late: every room of the gateway, which `queue list` does without

    log.configure(level="warning", style=settings.log.format.value)  # a library's own traceback would show arguments
    try:
        return perform(settings, call, **args)
    except Refused as refused:
        fail(str(refused), Status(refused.status))
    except MasterKeyError as error:
        fail(str(error), Status.BAD_CONFIG)
    except StoreError as error:
        fail(str(error), Status.TRY_LATER)
    except OSError as error:  # data_dir, its socket or its database is somebody else's
        fail(f"{error.filename or settings.server.data_dir}: {error.strerror or error}", Status.PROBLEM)
