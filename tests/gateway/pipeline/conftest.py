"""The same store as in the tests of the store."""

from tests.gateway.store.conftest import store, vault

__all__ = ["store", "vault"]
