"""Writes the labelled messages: every text of `triples.toml`, filled in a few times with invented people.

The same seed gives the same messages on every machine. `python -m tests.policy.phi.labelled.write FOLDER` writes them
as files with a `labels.jsonl`, in the shape that `make eval CORPUS=FOLDER` reads.
"""

import html
import io
import json
import random
import string
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policy.phi.report import Kind
from tests.policy.phi.messages import attachment, mail, multipart, pdf, text_part

TRIPLES: Final = Path(__file__).with_name("triples.toml")
TIMES: Final = 6  # each triple is filled in this often
LABELS: Final = ("phi", "near", "harmless")
_GIVEN: Final = "Adaeze Bram Carla Dmitri Esther Farouk Greta Hiram Ingrid Jorge Keiko Leopold Maeve Nadia".split()
_FAMILY: Final = "Okonjo Vandersloot Petrakis Ivanenko Quill Haddad Lindqvist Marchetti Sato Abernathy Duarte".split()
_DRUG: Final = "metformin lisinopril sertraline apixaban levothyroxine methotrexate furosemide gabapentin".split()
_ILLNESS: Final = ("type 2 diabetes", "atrial fibrillation", "ulcerative colitis", "breast cancer", "hypothyroidism")
_LAY: Final = ("kidney stones", "breast cancer", "diabetes", "a broken hip", "high blood pressure")
_MONTH: Final = "January March April June August October".split()
DETECTED: Final[Mapping[str, Kind]] = {  # placeholders whose values a detector must name; the others carry the text
    "given": Kind.NAME,
    "dob": Kind.DOB,
    "mrn": Kind.MRN,
    "ssn": Kind.SSN,
    "phone": Kind.PHONE,
    "member": Kind.MEMBER_ID,
    "drug": Kind.DRUG,
    "illness": Kind.DIAGNOSIS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One message. label: phi, near or harmless. planted: kinds of values that stand in it."""

    name: str
    kind: str
    label: str
    data: bytes
    planted: frozenset[Kind]

    @property
    def is_phi(self) -> bool:
        """Whether it must be found."""
        return self.label == "phi"


def messages() -> Iterator[Labelled]:
    """Yield every message, the three of a triple one after the other."""
    triples = tomllib.loads(TRIPLES.read_text(encoding="utf-8"))["triple"]
    for number, triple in enumerate(triples):
        for time in range(TIMES):
            values = _values(random.Random(f"{number}/{time}"))  # noqa: S311  # repeatable, not secret
            for label in LABELS:
                named = {field for _, field, _, _ in string.Formatter().parse(triple[label]) if field}
                subject, _, body = triple[label].format_map(values).removeprefix("Subject: ").partition("\n")
                yield Labelled(
                    name=f"{number:02}-{time}-{label}",
                    kind=triple["kind"],
                    label=label,
                    data=_travelling(triple["form"], subject, body),
                    planted=frozenset(kind for field, kind in DETECTED.items() if field in named),
                )


def _values(chance: random.Random) -> dict[str, str]:
    """Invented people and numbers; US phones 555-01xx are never given out, nor are SSNs of these ranges any more."""
    given, family = chance.sample(_GIVEN, 2), chance.sample(_FAMILY, 3)
    drug, illness = chance.sample(_DRUG, 2), chance.sample(_ILLNESS, 2)
    return {
        "given": given[0],
        "family": family[0],
        "given2": given[1],
        "family2": family[1],
        "dr": family[2],
        "drug": drug[0],
        "drug2": drug[1],
        "illness": illness[0],
        "illness2": illness[1],
        "lay": chance.choice(_LAY),
        "month": chance.choice(_MONTH),
        "age": str(chance.randint(30, 80)),
        "phone": f"(312) 555-01{chance.randint(10, 99)}",
        "ssn": f"{chance.randint(501, 690)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}",
        "member": f"W{chance.randint(10**8, 10**9 - 1)}",
        "day": f"{chance.randint(1, 12):02}/{chance.randint(1, 28):02}/2026",
        **{name: _birthday(chance) for name in ("dob", "dob2")},
        **{name: f"{chance.randint(10**6, 10**7 - 1):08}" for name in ("mrn", "mrn2")},
        **{name: str(chance.randint(10**5, 10**6 - 1)) for name in ("order", "order2")},
    }


def _birthday(chance: random.Random) -> str:
    return f"{chance.randint(1, 12):02}/{chance.randint(1, 28):02}/{chance.randint(1935, 2001)}"


def _travelling(form: str, subject: str, body: str) -> bytes:
    """A message that carries a text in one of the forms of `triples.toml`."""
    lines = body.splitlines()
    match form:
        case "html":
            return mail(f"<p>{html.escape(body)}</p>", subject=subject, content_type="text/html; charset=utf-8")
        case "csv":
            return _attached(subject, "\r\n".join(lines).encode(), kind="text/csv", name="list.csv")
        case "pdf":
            return _attached(subject, pdf([lines]), kind="application/pdf", name="letter.pdf")
        case "docx":
            return _attached(subject, _docx(lines), kind="application/octet-stream", name="note.docx")
        case "hl7":
            return _attached(subject, "\r".join(lines).encode(), kind="text/plain", name="feed.txt")
        case "lower":
            return mail(body.lower(), subject=subject.lower())
        case _:
            return mail("\r\n".join(lines), subject=subject)


def _attached(subject: str, data: bytes, *, kind: str, name: str) -> bytes:
    return multipart([text_part("See the attachment."), attachment(data, kind=kind, name=name)], subject=subject)


def _docx(lines: list[str]) -> bytes:
    """A Word document with a paragraph a line."""
    paragraphs = "".join(f"<w:p><w:r><w:t>{html.escape(line)}</w:t></w:r></w:p>" for line in lines)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in (
            ("[Content_Types].xml", "<Types/>"),
            ("word/document.xml", f'<w:document xmlns:w="w"><w:body>{paragraphs}</w:body></w:document>'),
        ):
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def main() -> None:
    """Write the messages into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for message in messages():
        path = f"{message.name}.eml"
        (folder / path).write_bytes(message.data)
        label = "phi" if message.is_phi else "not_phi"
        kind = message.kind if message.is_phi else f"{message.kind} ({message.label})"
        rows.append(json.dumps({"path": path, "label": label, "kind": kind, "found": sorted(message.planted)}))
    (folder / "labels.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
