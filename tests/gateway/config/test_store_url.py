"""`store.url`: what is understood, what is refused without being quoted, what would leave the machine unprotected."""

import pytest

from gateway.config.store_url import StoreUrl, parse_store_url

SOCKET = "postgresql://mailward@/mailward?host=%2Frun%2Fpostgresql"


def test_the_embedded_store_needs_no_more_than_its_name() -> None:
    assert parse_store_url("sqlite") == StoreUrl("sqlite")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (SOCKET, "/run/postgresql"),
        ("postgresql://mailward@/mailward?host=/run/postgresql&port=5433", "/run/postgresql"),
        ("postgresql://mailward@localhost/mailward", "localhost"),
        ("postgresql://mailward@127.0.0.1:5433/mailward", "127.0.0.1"),
        ("postgresql://mailward@[::1]/mailward?sslmode=prefer", "::1"),
        ("postgresql://mailward@db.clinic.example/mailward?sslmode=verify-full", "db.clinic.example"),
        ("postgresql://mailward@10.0.0.9/mailward?sslmode=verify-ca", "10.0.0.9"),
    ],
)
def test_a_way_that_nobody_can_listen_to(text: str, host: str) -> None:
    url = parse_store_url(text)
    assert (url.host, url.is_exposed) == (host, False)


@pytest.mark.parametrize("mode", ["", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer", "?sslmode=require"])
def test_a_way_through_a_network_needs_a_proven_server(mode: str) -> None:
    """`require` takes any certificate, so whoever sits in between reads along."""
    assert parse_store_url(f"postgresql://mailward@db.clinic.example/mailward{mode}").is_exposed
    assert parse_store_url(f"postgresql://mailward@10.0.0.9/mailward{mode}").is_exposed


def test_a_password_is_not_shown() -> None:
    url = parse_store_url("postgresql://mailward:hunter2@localhost/mailward")
    assert url.has_password
    assert "hunter2" not in repr(url)
    assert not parse_store_url(SOCKET).has_password


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (7, "in quotes"),
        ("mysql://mailward:hunter2@db/x", "postgresql://"),
        ("postgres://mailward:hunter2@db/x", "postgresql://"),
        ("postgresql://mailward:hunter2@db", "no database"),
        ("postgresql://db/mailward", "no user"),
        ("postgresql://mailward:hunter2@/mailward", "no host"),
        ("postgresql://mailward:hunter2@db/mailward?host=/run", "or two"),
        ("postgresql://mailward:hunter2@db1,db2/mailward", "several hosts"),
        ("postgresql://mailward:hunter2@/mailward?host=db1,db2", "several hosts"),
        ("postgresql://mailward:hunter2@db:many/mailward", "not a URL"),
        ("postgresql://mailward:hunter2@db/mailward?sslmode", "not a URL"),
        ("postgresql://mailward:hunter2@[db/mailward", "not a URL"),
        ("postgresql://mailward:hunter2@db/mailward?synchronous_commit=off", "not known"),
        ("postgresql://mailward:hunter2@db/mailward?options=-cfsync%3Doff", "not known"),
        ("postgresql://mailward:hunter2@db/mailward?sslmode=maybe", "verify-full"),
        ("postgresql://mailward:hunter2@db/mailward?passfile=pgpass", "absolute"),
    ],
)
def test_a_bad_url_is_refused_and_never_quoted(text: object, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy) as caught:
        parse_store_url(text)
    assert "hunter2" not in str(caught.value)
