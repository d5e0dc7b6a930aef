"""A machine without a resolver."""

import dns.resolver
import pytest

from gateway.delivery.lookup import DnsResolver


def test_a_system_without_a_resolver_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` ends with one line that says what to do, not with a traceback."""

    def read_nothing(*_: object, **_options: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", read_nothing)
    with pytest.raises(OSError, match=r"set dns\.resolvers"):
        DnsResolver(())
