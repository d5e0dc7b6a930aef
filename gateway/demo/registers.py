"""What the demonstration puts on the registers: two patients, an authorization, an agreement that has ended."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.demo.installation import Installation

BY: Final = "demo"
FORM: Final = hashlib.sha256(b"the signed form").hexdigest()
PATIENTS: Final = (  # patient, name, birth date, address
    ("MRN-5521", "Ana Ruiz", "1979-06-02", "ana.ruiz@mailbox.example"),
    ("MRN-5522", "Karla Novak", "1968-01-30", "k.novak@mailbox.example"),
    ("MRN-5523", "Jo Berg", "1990-11-11", "jo.berg@hospital.example"),
)
WANTS_OFFERS: Final = PATIENTS[2]
ASSOCIATE: Final = "Former billing service"


async def fill(installation: Installation) -> None:
    """Through the operations that the command line uses."""
    today = datetime.now(UTC)
    rows = [
        {"patient": patient, "name": name, "birth_date": born, "addresses": address}
        for patient, name, born, address in PATIENTS
    ]
    await installation.ask("patients.bind", rows=rows, by=BY, is_rehearsal=False)
    for patient, _name, _born, address in PATIENTS:
        await installation.ask("person.add", patient=patient, majority="", by=BY)
        link = {"patient": patient, "address": address, "tie": "self", "verified": "in person"}
        await installation.ask("person.link", row=link, by=BY)
    patient, _name, _born, address = WANTS_OFFERS
    authorization = {
        "patient": patient, "kind": "authorization", "purposes": "marketing", "recipients": address, "evidence": FORM,
        "expires": f"{today + timedelta(days=365):%Y-%m-%d}",
    }  # fmt: skip
    await installation.ask("consent.add", row=authorization, by=BY)
    agreement = {"name": ASSOCIATE, "domains": "billing.example", "purposes": "payment", "agreed": "2025-01-01"}
    await installation.ask("baa.add", row=agreement, by=BY, renews=False)
    await installation.ask("baa.end", name=ASSOCIATE, by=BY, why="the contract was not renewed")
