"""Messages of the benchmark: about 5 kB of clinical prose each, no two alike, health information in all of them."""

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


def letters(count: int) -> Iterator[bytes]:
    """So many messages with CRLF line ends, the same ones each time."""
    chance = random.Random(5)  # noqa: S311  # no secret: the same letters for both sides
    date = format_datetime(datetime.now(UTC))
    for number in range(count):
        yield _letter(number, chance, date)


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
        sentence = chance.choice(SENTENCES) + "\r\n"
        text.append(sentence)
        size += len(sentence)
    return "".join(text).encode()
