"""Whose fault PostgreSQL's errors are, and that no text shows a row."""

import asyncpg
import pytest
import sqlalchemy as sa

from gateway.store.errors import RowRefused, StoreFull, StoreSick, StoreUnsupported
from gateway.store.postgres.faults import Collided, in_our_words

STATES = {
    "08006": StoreSick,  # connection failure
    "25006": StoreSick,  # read-only: a standby
    "28P01": StoreSick,  # wrong password
    "3D000": StoreSick,  # no such database
    "40001": Collided,
    "40P01": Collided,
    "42501": StoreSick,  # no permission
    "53100": StoreFull,  # disk full
    "53300": StoreSick,  # too many connections
    "55P03": StoreSick,  # lock not available in time
    "57014": StoreSick,  # cancelled, by a time limit too
    "57P01": StoreSick,  # administrator's shutdown
    "58030": StoreSick,  # I/O error
    "XX001": StoreSick,  # data corrupted
    "22001": RowRefused,  # too long for its column
    "22021": RowRefused,  # not in the encoding
    "23503": RowRefused,  # foreign key
    "23505": RowRefused,  # unique
    "42P01": RowRefused,  # no such table: a bug
}


@pytest.mark.parametrize("state", STATES)
def test_states_of_the_server(state: str) -> None:
    """The codes of the errcodes appendix, straight from the driver and through SQLAlchemy."""
    error = asyncpg.PostgresError.new({"C": state, "M": "words", "D": "Key (address)=(nurse@clinic.example)."})
    error.sqlstate = state
    for raised in (error, sa.exc.DBAPIError("SELECT 1", {}, error)):
        with pytest.raises(STATES[state]) as caught, in_our_words():
            raise raised
        assert type(caught.value) is STATES[state]
        assert "nurse@" not in str(caught.value)
        assert caught.value.__suppress_context__, "nor in a traceback"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (TimeoutError(), StoreSick, "in time"),
        (ConnectionRefusedError(111, "Connection refused"), StoreSick, "Connection refused"),
        (asyncpg.InterfaceError("connection is closed"), StoreSick, "InterfaceError"),
        (asyncpg.ClientConfigurationError("root certificate file not found"), StoreUnsupported, "root certificate"),
    ],
)
def test_errors_of_the_way_there(error: Exception, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words), in_our_words():
        raise error


def test_errors_of_others_pass() -> None:
    """What a caller does with a connection in hand may fail for reasons of its own."""
    with pytest.raises(FileNotFoundError), in_our_words(may_connect=False):
        raise FileNotFoundError("export.jsonl")
    with pytest.raises(LookupError), in_our_words():
        raise LookupError("no")
