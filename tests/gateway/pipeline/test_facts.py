"""What policy is told about each recipient: methods by route and domain, and whether a key is on file."""

from datetime import UTC, datetime

import pytest

from gateway.pipeline.facts import FactFinder
from gateway.store import certificates, smime_certificates
from gateway.store.certificates import Certificate
from gateway.store.smime_certificates import SmimeCertificate, Trust
from gateway.store.store import Store
from policy.decide import Facts, MethodSource
from policy.decision import Method, PolicyDefault
from tests.gateway.config.samples import settings
from tests.gateway.pipeline.counter import CLEAN, SENDER

MORE = """
methods = ["portal"]
[delivery]
methods = ["tls"]
[[delivery.route]]
domain = "partner.example"
methods = ["openpgp"]
[policy]
default = "protect-all"
"""


async def gather(store: Store, *recipients: str, sender: str = SENDER) -> Facts:
    async with store.read() as conn:
        holders = await certificates.on_file(conn)
    return FactFinder(settings(MORE)).gather(
        holders, sender=sender, recipients=recipients, report=CLEAN, requiretls=True
    )


@pytest.mark.parametrize(
    ("recipient", "sender", "methods", "source"),
    [
        ("a@partner.example", SENDER, (Method.OPENPGP,), MethodSource.ROUTE),
        ("a@b.example", SENDER, (Method.PORTAL,), MethodSource.DOMAIN),
        ("a@b.example", "x@elsewhere.example", (Method.TLS,), MethodSource.DELIVERY),
    ],
)
async def test_methods(
    store: Store, recipient: str, sender: str, methods: tuple[Method, ...], source: MethodSource
) -> None:
    """The nearest ladder counts: the route's, then that of the author's domain, then the general one."""
    (one,) = (await gather(store, recipient, sender=sender)).recipients
    assert (one.address, one.methods, one.source) == (recipient, methods, source)


async def test_keys_and_what_all_share(store: Store) -> None:
    key = Certificate(fingerprint="A" * 40, address="a@b.example", certificate=b"x", imported_at=datetime.now(UTC))
    await certificates.add(store, key, events=())
    certificate = SmimeCertificate(
        fingerprint="C" * 64,
        address="c@b.example",
        certificate=b"x",
        trust=Trust.CHAIN,
        imported_at=key.imported_at,
        expires_at=key.imported_at,
    )
    await smime_certificates.add(store, certificate, events=())
    facts = await gather(store, "A@b.example", "C@b.example")
    assert [one.has_openpgp_key for one in facts.recipients] == [True, False]
    assert [one.has_smime_certificate for one in facts.recipients] == [False, True]
    assert (facts.default, facts.requiretls, facts.report) == (PolicyDefault.PROTECT_ALL, True, CLEAN)
