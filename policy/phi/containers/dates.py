"""Dates as interchange formats write them."""


def iso_date(digits: str) -> str:
    """Write "19700131…" as "1970-01-31"; anything else stays as it is."""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) >= 8 and digits[:8].isdigit() else digits
