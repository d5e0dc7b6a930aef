"""`store.url`: where the store is, and whether the way there is safe to go.

PostgreSQL's driver takes more from a URL than is good: what it does not know becomes a setting of the session, such as
`synchronous_commit=off`. So only what is listed here may stand in one. No message quotes the URL, which may hold a
password.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

SQLITE: Final = "sqlite"
EXAMPLE: Final = "postgresql://user@host/database"
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
KEYS: Final = frozenset({"host", "port", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey"})
FILES: Final = frozenset({"passfile", "sslrootcert", "sslcert", "sslkey"})
MODES: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
PROVEN: Final = frozenset({"verify-ca", "verify-full"})  # the others take any certificate, or none


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """text: as written. host: name, address or the folder of a socket; empty for SQLite. files: that it names, by key.

    is_exposed: it leaves this machine without TLS that proves who answers.
    """

    text: str = field(repr=False)
    host: str = ""
    has_password: bool = False
    is_exposed: bool = False
    files: tuple[tuple[str, str], ...] = ()


def parse_store_url(value: object) -> StoreUrl:
    """Read "sqlite" or a postgresql URL with a user, one host and a database. Raises: ValueError."""
    if isinstance(value, StoreUrl):
        return value
    if not isinstance(value, str):
        raise ValueError('must be text in quotes, such as "sqlite"')
    if value == SQLITE:
        return StoreUrl(value)
    if not value.startswith("postgresql://"):
        raise ValueError(f'is not a known store; write "sqlite" or "{EXAMPLE}"')
    try:
        url = urlsplit(value)
        has_password, _ = url.password is not None, url.port  # read, because only that shows whether it is a number
        query = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
    except ValueError:
        raise ValueError(f'is not a URL; write it like "{EXAMPLE}", special characters as %XX') from None
    host = _host(url, query)
    if not url.username or not url.path.strip("/"):
        raise ValueError(f'names no user or no database; write it like "{EXAMPLE}"')
    _check(query)
    return StoreUrl(
        value,
        host=host,
        has_password=has_password,
        is_exposed=not _is_here(host) and query.get("sslmode") not in PROVEN,
        files=tuple((key, query[key]) for key in sorted(FILES & query.keys())),
    )


def _host(url: SplitResult, query: dict[str, str]) -> str:
    """The one host, which may be the folder of a unix socket. Never taken from the environment."""
    named = url.hostname or query.get("host", "")
    if not named or (url.hostname and "host" in query):
        raise ValueError('names no host, or two; for a socket write "postgresql://user@/database?host=/run/postgresql"')
    if "," in url.netloc or "," in named:
        raise ValueError("names several hosts; this version takes one")
    return named


def _check(query: dict[str, str]) -> None:
    for key, text in query.items():
        if key not in KEYS:
            raise ValueError(f"has a parameter that is not known: use only {', '.join(sorted(KEYS))}")
        if key in FILES and not text.startswith("/"):
            raise ValueError(f"{key} is not an absolute path; write it from the root, with a leading /")
    if query.get("sslmode", "prefer") not in MODES:
        raise ValueError('has an unknown sslmode; write "verify-full"')


def _is_here(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
