"""DNS as data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.delivery.lookup import AliasLoop, DnsTrouble, Mx, MxRecords, NoSuchDomain


@dataclass
class FakeDns:
    """mx: domain to hosts by preference 10, 20, ..., or to (preference, host) pairs; an empty list is NODATA.

    hosts: name to addresses. fail: names with SERVFAIL. loop: names whose aliases loop. Any other name does not exist.
    signed: domains whose MX records come with AD.
    """

    mx_records: Mapping[str, Sequence[str | tuple[int, str]]] = field(default_factory=dict)
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fail: Collection[str] = ()
    loop: Collection[str] = ()
    signed: Collection[str] = ()

    async def mx(self, domain: str) -> MxRecords:
        self._check(domain)
        if domain not in self.mx_records and domain not in self.hosts:
            raise NoSuchDomain(domain)
        records = enumerate(self.mx_records.get(domain, ()), 1)
        found = tuple(Mx(*record) if isinstance(record, tuple) else Mx(10 * n, record) for n, record in records)
        return MxRecords(found, has_ad=domain in self.signed)

    async def addresses(self, host: str) -> tuple[str, ...]:
        self._check(host)
        if host not in self.hosts:
            raise NoSuchDomain(host)
        return tuple(self.hosts[host])

    def _check(self, name: str) -> None:
        if name in self.fail:
            raise DnsTrouble(f"the resolvers failed on {name}")
        if name in self.loop:
            raise AliasLoop(f"the aliases of {name} form a loop")
