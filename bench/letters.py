"""Messages of the benchmark: letters of about 5 kB, no two alike, health information in all of them.

Some 12 health terms a kB, as the median clinical letter of this length has; a lab report has twice as many. And large
ones, with a scan attached.
"""

import base64
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

SENDER: Final = "clinician@clinic.example"
RECIPIENT: Final = "referrals@sink.example"
SIZE: Final = 5_000
NAMES: Final = ("Maria Gonzalez", "James O'Neill", "Aisha Rahman", "Chen Wei", "Olga Petrova", "Samuel Adeyemi")
SENTENCES: Final = (
    "Thank you for seeing this patient, who has been under our care for several years.",
    "Type 2 diabetes mellitus was diagnosed in 2015 and has been treated with metformin 1000 mg twice a day.",
    "The last HbA1c was 9.1 %, up from 8.4 % in the spring, and fasting glucose has been above 180 mg/dL.",
    "There is chronic kidney disease stage 3a with an eGFR of 52 and mild albuminuria.",
    "Blood pressure is controlled on lisinopril 20 mg; no chest pain, no dyspnoea, no ankle swelling.",
    "The patient reports numbness in both feet and poor sleep, and has lost some weight without trying.",
    "Foot examination shows reduced vibration sense; pulses are present and the skin is intact.",
    "An ophthalmology visit in March found background retinopathy without macular oedema.",
    "We would be grateful for your advice on insulin and on further investigation of the neuropathy.",
    "Allergies: penicillin, with a rash in childhood. Vaccinations are up to date.",
    "Please send the report to this office and a copy to the patient, who has agreed to this referral.",
)
OTHER: Final = (
    "Thank you for your letter of last week, and for the time that you took on the telephone.",
    "Our office has moved to the second floor; the entrance is now on the side of the car park.",
    "Please let us know which day would suit, and whether somebody will come along.",
    "The forms that you asked for are on their way, and a copy is kept with us.",
    "We are open on weekdays from eight to five, and closed on the last Friday of the month.",
    "If anything in this letter is unclear, please call the number that you know.",
    "I have talked this over with my colleagues, and we agree on how to go on from here.",
    "The family was told of this letter and had no questions about it.",
)
CLINICAL_SHARE: Final = 0.4
LINE: Final = 57  # octets of attachment in a line of base64
HEADER: Final = (
    f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: Scan\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=part\r\n\r\n"
    "--part\r\nContent-Type: text/plain\r\n\r\nThe scan of the patient's heart is attached.\r\n"
    '--part\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="scan.dcm"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\n"
).encode()


def letters(count: int) -> Iterator[bytes]:
    """So many messages with CRLF line ends, the same ones each time."""
    chance = random.Random(5)  # noqa: S311  # no secret: the same letters for both sides
    date = format_datetime(datetime.now(UTC))
    for number in range(count):
        yield _letter(number, chance, date)


def large_message(size: int) -> bytes:
    """A message of about so many octets, nearly all of them an attachment in base64 that no inspector can read."""
    lines = (size - len(HEADER)) // 78
    attachment = base64.encodebytes(os.urandom(lines * LINE)).replace(b"\n", b"\r\n")
    return HEADER + attachment + b"--part--\r\n"


def _letter(number: int, chance: random.Random, date: str) -> bytes:
    name = chance.choice(NAMES)
    header = (
        f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: Referral\r\nDate: {date}\r\n"
        f"Message-ID: <{number}.{chance.getrandbits(64):x}@clinic.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    )
    facts = (
        f"Patient: {name}\r\nDOB: 0{chance.randint(1, 9)}/14/19{chance.randint(40, 99)}\r\nMRN: {number:08d}\r\n\r\n"
    )
    text = [header, facts]
    size = len(header) + len(facts)
    while size < SIZE:
        sentence = chance.choice(SENTENCES if chance.random() < CLINICAL_SHARE else OTHER) + "\r\n"
        text.append(sentence)
        size += len(sentence)
    return "".join(text).encode()
