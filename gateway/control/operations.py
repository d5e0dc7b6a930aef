"""What can be asked over the control socket: one table from names to functions, and the check of their arguments."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit import events
from gateway.config import Settings
from gateway.control import (
    bindings,
    campaigns,
    changes,
    consents,
    credentials,
    decided,
    dkim,
    expiry,
    glass,
    keys,
    labels,
    master,
    organisations,
    own_keys,
    people,
    persons,
    queue,
    register_reports,
    reports,
    smime,
    suppression,
    tls_report,
)
from gateway.control.asker import UNKNOWN, Asker
from gateway.control.office import Office, on_store
from gateway.control.wire import Refused
from gateway.store.statements import Unit

Operation = Callable[..., Awaitable[Any]]

TABLE: Final[Mapping[str, Operation]] = {
    "user.add": on_store(people.add),
    "user.passwd": on_store(people.passwd),
    "user.list": on_store(people.listing),
    "user.disable": on_store(people.disable),
    "user.delegate": people.delegate,
    "user.undelegate": people.undelegate,
    "credential.create": credentials.create,
    "credential.list": credentials.listing,
    "credential.revoke": credentials.revoke,
    "openpgp.import": on_store(keys.import_certificates),
    "openpgp.list": on_store(keys.listing),
    "openpgp.found": on_store(keys.found),
    "openpgp.copies": on_store(keys.copies),
    "openpgp.trust": on_store(keys.trust),
    "openpgp.accept": on_store(keys.accept),
    "openpgp.reject": on_store(keys.reject),
    "openpgp.forget": on_store(keys.forget),
    "openpgp.own_add": own_keys.add,
    "openpgp.own_retire": own_keys.retire,
    "openpgp.own_list": own_keys.listing,
    "smime.import": on_store(smime.import_certificates),
    "smime.list": on_store(smime.listing),
    "smime.trust": on_store(smime.trust),
    "smime.revoked": on_store(smime.revoked),
    "smime.forget": on_store(smime.forget),
    "master.rotate": master.rotate,
    "dkim.prepare": dkim.prepare,
    "dkim.switch": dkim.switch,
    "queue.list": queue.listing,
    "queue.show": queue.show,
    "queue.flush": queue.flush,
    "queue.hold": changes.hold,
    "queue.delete": changes.delete,
    "queue.bounce": changes.bounce,
    "queue.release": queue.release,
    "queue.release_many": queue.release_many,
    "queue.release_login": queue.release_login,
    "report.sent": reports.sent,
    "report.consent": register_reports.consent,
    "report.baa": register_reports.baa,
    "report.tls": tls_report.tls,
    "report.keys": expiry.keys,
    "queue.reject": queue.reject,
    "glass.release": queue.break_glass,
    "glass.list": glass.unreviewed,
    "glass.review": glass.review,
    "decision.correct": on_store(decided.correct),
    "decision.list": on_store(decided.listing),
    "decision.export_labels": on_store(labels.export),
    "suppression.list": on_store(suppression.listing),
    "suppression.add": on_store(suppression.add),
    "suppression.remove": on_store(suppression.remove),
    "consent.add": on_store(consents.add),
    "consent.list": on_store(consents.listing),
    "consent.revoke": consents.revoke,
    "consent.import": on_store(consents.import_rows),
    "patients.bind": bindings.bind,
    "patients.forget": bindings.forget,
    "patients.count": bindings.count,
    "segment.import": bindings.fill,
    "segment.list": bindings.segments,
    "segment.drop": bindings.drop,
    "baa.add": on_store(organisations.add),
    "baa.list": on_store(organisations.listing),
    "baa.end": organisations.end,
    "baa.import": on_store(organisations.import_rows),
    "campaign.add": on_store(campaigns.add),
    "campaign.list": on_store(campaigns.listing),
    "campaign.end": on_store(campaigns.end),
    "campaign.import": on_store(campaigns.import_rows),
    "person.add": on_store(persons.add),
    "person.link": on_store(persons.link),
    "person.list": on_store(persons.listing),
    "person.unlink": on_store(persons.unlink),
    "person.resume": on_store(persons.resume),
    "person.import": on_store(persons.import_rows),
}


class Operations:
    """The operations on one installation; `wake` is called after each, so that changed entries are seen at once."""

    def __init__(self, office: Office, wake: Callable[[], None] = lambda: None) -> None:
        self._office = office
        self._wake = wake

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Returns: what has later operations go by other settings; those under way keep theirs."""
        office = replace(self._office, settings=settings)

        def use() -> None:
            self._office = office

        return use

    async def note_stranger(self, uid: int) -> None:
        """Somebody who may not ask for anything did. Raises: StoreError."""
        await self._office.store.commit(Unit(events=(events.control_refused(at=datetime.now(UTC), uid=uid),)))

    async def perform(self, call: str, args: Mapping[str, Any], *, asker: Asker = UNKNOWN) -> Any:
        """Do one. Raises: Refused when there is no such operation, its arguments do not fit, or it says no."""
        operation = TABLE.get(call)
        if operation is None:
            raise Refused(f"this gateway knows no operation {call!r}; is it of the same version as the command?", 2)
        office = replace(self._office, asker=asker)
        try:
            inspect.signature(operation).bind(office, **args)
        except TypeError as error:
            raise Refused(f"{call}: {error}", 2) from error
        result = await operation(office, **args)
        self._wake()
        return result
