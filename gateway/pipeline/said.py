"""What the sender's system says of a message, from header fields that are believed, as it is kept with its report."""

from collections.abc import Callable

from gateway.message.hygiene import HeaderFacts
from policy.phi.report import Said


def said_in(header: HeaderFacts, patient: Callable[[str], str]) -> Said:
    """patient: whom a text means, as the registers name them."""
    control = header.control
    return Said(
        purpose=header.purpose,
        patient=patient(control.get("patient", "")),
        campaign=control.get("campaign", "").strip().lower(),
        segment=control.get("segment", "").strip().lower(),
        sensitivity=control.get("sensitivity", "").strip().lower(),
    )
