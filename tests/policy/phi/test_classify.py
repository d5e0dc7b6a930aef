"""The verdict over whole messages: what is PHI, what only looks like it, and that the report holds no content."""

import msgspec
import pytest

from policy.phi.classify import classify_message
from policy.phi.report import Kind, Report
from tests.policy.phi.messages import (
    HL7,
    PHI_SENTENCE,
    X12_CLAIM,
    X12_ORDER,
    attachment,
    mail,
    multipart,
    pdf,
    text_part,
)

PHI = [
    ("Mr. Delgado's potassium came back at 6.1, can you get him in today?", "a titled name and a laboratory value"),
    ("New intake: Josephine Adeyemi, 34, referred for postpartum depression.", "a name beside an age and a diagnosis"),
    ("Mrs. Ostrowski's insulin pens are ready at the front desk.", "a titled name and a drug"),
    ("Dear Ms. Nakagawa, your mammogram was normal.", "the reader is the patient, and is greeted"),
    (
        "Your INR is 4.6, please come in today and hold tonight's warfarin.",
        "the reader is the patient, and nobody is named",
    ),
    (
        "Please send the records of Whitney Barlow (DOB 3/14/1981) from her hip replacement.",
        "a birth date and a procedure",
    ),
    ("Pt Rm 412 - Okonkwo, Chidi 58M CHF exacerbation, on Lasix drip, K 3.2.", "clinical shorthand, family name first"),
    ("Rx for Melissa Tran: amoxicillin 500 mg TID x 10 days.", "a name and a dose"),
    ("Claim 88213 for subscriber ID ZGP902114553, date of service 04/02/2024, was denied.", "payment for care"),
    ("S: 45 yo male c/o LBP x 3 wks. A: lumbar strain. MRN 5512340", "a record number alone identifies"),
    ("mr. savage's labs came back: wbc 2.1. cell 903.485.8371", "no capitals at all"),
    ("Immunization record for Olivia Hartman, born 05/06/2019: MMR, varicella.", "a child and vaccines"),
    ("I am Hope Kelley, account 147718547. I was charged for the colonoscopy.", "a writer who names herself"),
    ("Patient is on lisinopril. Her SSN is 412-55-7812.", "a social security number and a drug"),
    ("Her Medicare number is 1EG4-TE5-MK73 and the dialysis bill is open.", "the shape of a Medicare number"),
]
NOT_PHI = [
    ("Hi Karen, lunch on Friday? Tom Whitaker is joining.", "people, no health"),
    ("Tenant: Josephine Adeyemi, SSN 412-55-7812, moves into unit 4B on 03/01/2024.", "an identifier, no health"),
    ("On-call this weekend: Dr. Patel (cardiology) 555-201-3344.", "staff in their job"),
    ("Grand rounds: Dr. Susan Albright presents advances in heart failure.", "a speaker"),
    (
        "Your order 521-33-8891 of nitrile gloves and insulin syringes has shipped.",
        "an order number in the shape of an SSN",
    ),
    ("What is the recommended dose of metformin in stage 3 CKD?", "health, no individual"),
    ("Patient name: ________ DOB: ___/___/____ Diagnosis: ________ Medications: ________", "a blank form"),
    ("In March we saw 312 visits for influenza, 88 for asthma and 41 for fractures.", "counts"),
    ("We are hiring RNs for the oncology unit. Contact Donna Ivanov at 313-927-2302.", "a contact"),
    ("Join our 5K walk to fight breast cancer! Register by May 3 with Heather Lane.", "an appeal to everybody"),
    ("Laura Bennett, RN, BSN. 10 years of ICU and emergency department experience.", "a resume"),
    ("Ask your doctor whether a statin is right for you.", "advice to everybody"),
    ("Please call the lab at 528-332-1291 about the hemoglobin 7.9 quality control.", "a laboratory's own number"),
    ("Your appointment with the tax advisor is on Monday at 3:00 pm, Mr. Hogan.", "an appointment that is not care"),
]


@pytest.mark.parametrize(("body", "why"), PHI)
def test_an_individual_tied_to_health_is_phi(body: str, why: str) -> None:
    """45 CFR 160.103: health, care or payment for care of an individual who is identified."""
    report = classify_message(mail(body))
    assert report.phi, (why, report.score, report.reasons)
    assert report.protected


@pytest.mark.parametrize(("body", "why"), NOT_PHI)
def test_health_or_people_alone_are_not_phi(body: str, why: str) -> None:
    """Either without the other, or staff, or people in general, is not PHI."""
    report = classify_message(mail(body))
    assert not report.protected, (why, report.score, report.reasons, report.uninspectable)


def test_the_three_of_a_kind_come_apart() -> None:
    """One sentence as PHI, without the person, without the health fact."""
    verdicts = [
        classify_message(mail(f"Please call {who} at 938-489-7300 about {what}.")).phi
        for who, what in (
            ("Jeffrey Brown", "his strep A positive result"),
            ("the lab", "the strep A positive control"),
            ("Jeffrey Brown", "his parking permit"),
        )
    ]
    assert verdicts == [True, False, False]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (mail("see below", subject="Joshua Carpenter - colonoscopy 9/8/25"), "the subject alone"),
        (mail(f"<p>Hello</p><table><tr><td>{PHI_SENTENCE}</td></tr></table>", content_type="text/html"), "HTML only"),
        (
            multipart([text_part("Attached."), attachment(pdf([["Hello"], [PHI_SENTENCE]]), kind="application/pdf")]),
            "PDF",
        ),
        (
            multipart(
                [text_part("List."), attachment(b"Chart #,Dx\r\n00448812,E11.9\r\n", kind="text/csv", name="a.csv")]
            ),
            "a table whose header labels the value",
        ),
        (
            multipart([text_part("FYI"), "Content-Type: message/rfc822\r\n\r\n" + mail(PHI_SENTENCE).decode()]),
            "nested mail",
        ),
        (
            multipart([text_part("FYI"), attachment(HL7.encode(), kind="application/octet-stream", name="x.hl7")]),
            "HL7 v2",
        ),
        (
            multipart([text_part("FYI"), attachment(X12_CLAIM.encode(), kind="text/plain", name="x.edi")]),
            "an X12 claim",
        ),
        (
            multipart(
                [text_part("Please file under Doris Dunn, MRN 5512340."), text_part("Impression: pulmonary embolism.")]
            ),
            "person and health in two parts",
        ),
        (mail(f"> On 5 May, Bo wrote:\r\n> > {PHI_SENTENCE}"), "quoted history"),
    ],
)
def test_phi_is_found_wherever_it_stands(data: bytes, why: str) -> None:
    """MP-14 and line 5 of what must work: body, subject, HTML, PDF, tables, nested mail, interchange formats."""
    report = classify_message(data)
    assert report.phi, (why, report.score, report.reasons, report.uninspectable)


def test_a_purchase_order_in_x12_is_not_phi() -> None:
    """X12 850 orders a drug for nobody."""
    data = multipart([text_part("FYI"), attachment(X12_ORDER.encode(), kind="application/octet-stream", name="po.edi")])
    assert not classify_message(data).protected


def test_footers_and_signatures_do_not_make_phi() -> None:
    """A confidentiality notice speaks of "protected health information"; a signature names the sender."""
    body = (
        "The printer is fixed.\r\n\r\nBest,\r\nAnn Weaver\r\nNursing, Oncology Clinic\r\n603-555-0182\r\n\r\n"
        "CONFIDENTIALITY NOTICE: this e-mail is for the sole use of the intended recipient and may contain\r\n"
        "confidential information, including protected health information. If you received this in error,\r\n"
        "destroy all copies.\r\n"
    )
    assert not classify_message(mail(body)).protected


def test_mass_mail_speaks_to_everybody() -> None:
    """A newsletter that says "your results" is no record of its reader."""
    body = (
        "Know your numbers: your cholesterol and your blood pressure matter. Talk to your doctor.\r\nUnsubscribe here."
    )
    report = classify_message(mail(body, extra="List-Unsubscribe: <https://news.example/u>\r\n"))
    assert report.bulk
    assert not report.phi


def test_the_report_holds_no_content() -> None:
    """Invariant 4: reports are stored and shown; names, numbers, file names and sentences stay out."""
    data = multipart(
        [
            text_part(
                "Patient: Whitney Barlow, DOB 03/14/1981, SSN 412-55-7812, phone 603-555-0182. Lupus.\r\n"
                "Mail: whitney@home.example"
            ),
            attachment(b"\x89PNG....", kind="image/png", name="barlow-xray.png"),
        ],
        subject="Whitney Barlow lupus",
    )
    encoded = msgspec.json.encode(classify_message(data)).decode().lower()
    for value in ("whitney", "barlow", "03/14", "412-55", "603-555", "home.example", "lupus", "xray"):
        assert value not in encoded
    assert "***-**-7812" in encoded


def test_a_type_of_the_senders_invention_is_not_told() -> None:
    """A content type is a word that the sender writes; a name may stand in it."""
    part = "Content-Type: {}/delgado-hiv\r\n\r\nPatient: Maria Delgado has HIV\x00"
    report = classify_message(multipart([part.format("application"), part.format("text"), part.format("maria")]))
    assert report.phi
    assert len(report.uninspectable) >= 2
    assert "delgado" not in repr(report).lower()


def test_a_report_survives_the_wire() -> None:
    """Inspectors send reports as msgspec; what is decoded equals what was sent."""
    report = classify_message(mail(PHI_SENTENCE))
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(report), type=Report) == report


def test_every_finding_says_what_where_and_how_sure() -> None:
    """Invariant 6: each finding explains itself, with the place."""
    report = classify_message(
        multipart([text_part("Hello"), attachment(pdf([["x"], [PHI_SENTENCE]]), kind="application/pdf")])
    )
    drug = next(finding for finding in report.findings if finding.kind is Kind.DRUG)
    assert str(drug.place) == "part 2 (application/pdf), page 2, line 1"
    assert all(finding.why and finding.masked and 0 < finding.certainty <= 1 for finding in report.findings)
    assert report.reasons[0].startswith("This is PHI: ")


def test_what_policy_needs_of_the_header() -> None:
    """From addresses, urgency, attachments and the tag come from the same reading."""
    report = classify_message(
        mail("hi", subject="[Secure] hi", extra="Importance: High\r\n"), subject_tags=("[secure]",)
    )
    assert report.from_addresses == ("ann@clinic.example",)
    assert (report.urgent, report.tagged, report.bulk, report.attachments) == (True, True, False, 0)
    assert classify_message(multipart([text_part("a"), attachment(b"hello", kind="text/plain")])).attachments == 1


def test_two_from_fields_are_both_reported() -> None:
    """ID-05: whoever decides about senders must see every From address."""
    report = classify_message(mail("hi", extra="From: Boss <boss@clinic.example>\r\n"))
    assert report.from_addresses == ("ann@clinic.example", "boss@clinic.example")


@pytest.mark.parametrize(("raw", "address"), [(b"\xc3\xa4nn", "änn"), (b"\xe4nn", "änn")])
def test_address_beyond_ascii_can_be_told(raw: bytes, address: str) -> None:
    """MP-19: RFC 6532 addresses, and bytes of no known charset, give a report that can be sent on."""
    report = classify_message(mail("hi").replace(b"ann@", raw + b"@"))
    assert report.from_addresses == (f"{address}@clinic.example",)
    assert msgspec.msgpack.encode(report)


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\x00" * 100, b"\xff\xfe", b"no header at all", b"Subject: x"])
def test_nothing_raises(data: bytes) -> None:
    """MP-15, MP-19: any bytes give a report."""
    assert 0 <= classify_message(data).score <= 1


def test_a_street_is_nobodys_name() -> None:
    """ "Room 118 Maple Lane" is where a clinic is; with a given name it may be somebody after all."""
    assert not classify_message(mail("Room 118 Maple Lane clinic offers HIV tests.")).phi
    assert classify_message(mail("Room 118 Susan Lane was admitted with HIV.")).phi


@pytest.mark.parametrize(
    "text",
    [
        "Kevin Shaw and I met with the diabetes association about sponsorship.",
        "Can Laura Diaz send the Q3 numbers for the surgery center?",
        "Attorney Mark Stein reviewed the opioid settlement terms.",
        "Roger Stone's budget for infusion pumps is over by 10%.",
        "Rick Adams, our rep, will demo the new pacemaker on 4/12/2025.",
        "Ann Ward and Bill Moss: please review the depression screening form draft.",
    ],
)
def test_people_who_work_with_health_are_no_patients(text: str) -> None:
    """Ordinary mail of a clinic's office: names and words of health, and nobody's health."""
    assert not classify_message(mail(text)).phi
