"""Random damage to valid mail: a report always comes back, in bounded time (MP-15, MP-19, MP-17)."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.phi.classify import classify_message
from tests.cost import growth
from tests.policy.phi.messages import HL7, PHI_SENTENCE, attachment, mail, multipart, pdf, text_part

SEEDS = (
    mail(PHI_SENTENCE),
    mail(f"<table><tr><td>{PHI_SENTENCE}</td></tr></table>", content_type="text/html; charset=utf-16"),
    multipart([text_part("a"), attachment(pdf([[PHI_SENTENCE]]), kind="application/pdf"), text_part("b")]),
    multipart(
        [text_part("a"), attachment(HL7.encode(), kind="text/plain"), attachment(b"a,b\r\n1,2\r\n", kind="text/csv")]
    ),
    multipart(["Content-Type: message/rfc822\r\n\r\n" + mail(PHI_SENTENCE).decode()], subject="=?utf-8?b?aGk=?="),
)


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=6),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_damaged_mail_gives_a_report(seed: bytes, damage: list[tuple[int, int, bytes]]) -> None:
    """MP-19: any splice anywhere; the verdict is in range, and a fault of our own never hides behind "clean"."""
    data = seed
    for at, cut, junk in damage:
        at %= len(data) + 1
        data = data[:at] + junk + data[at + cut :]
    report = classify_message(data, subject_tags=("[secure]",))
    assert 0 <= report.score <= 1
    assert not any("the classifier failed" in entry.reason for entry in report.uninspectable)


@given(st.binary(max_size=2_000))
@settings(deadline=None)
def test_noise_gives_a_report(data: bytes) -> None:
    """MP-19: bytes that are no mail at all."""
    assert not any("the classifier failed" in entry.reason for entry in classify_message(data).uninspectable)


@pytest.fixture(scope="module")
def frozen() -> Iterator[None]:
    """What was made before is not looked through by collections meanwhile, as in an inspector (`workers.child`)."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("unit", "why"),
    [
        ("A", "one endless word"),
        ("Aa ", "capitalised words"),
        ("Aa Bb, ", "names without end"),
        ("1", "one endless number"),
        ("1-", "digits and hyphens"),
        ("MRN ", "labels without values"),
        ("a@", "addresses without end"),
        ("your ", "talk to the reader"),
        ("<", "open tags"),
        ("<!--", "open comments"),
        ("=?utf-8?q?", "open encoded words"),
        ("\n--", "lines like boundaries"),
        ("(", "open comments of RFC 5322"),
        ('"\\', "open quoted strings"),
        ("| ", "table cells"),
        ("seen ", "verbs of care"),
        ("diabetes ", "terms"),
        ("jane doe ", "names in lower case"),
        ("rx # 7788123 ", "labels with values, and health at each"),
        ("90 year old ", "people and health at each number"),
        ("call the patient at 603-555-0182 ", "phones with words before them"),
        ("mrn|x\r\n1|2\r\n", "tables without end"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
def test_time_is_linear_in_size(unit: str, why: str, content_type: str) -> None:
    """MP-15: text made against the expressions costs no more per byte when there is eight times as much of it."""
    some, much = (
        mail(body, content_type=content_type, subject=body[:4_000].replace("\n", " "))
        for body in (unit * (size // len(unit)) for size in (12_500, 100_000))
    )
    times = 8 * 2.5
    assert growth(lambda: classify_message(some), lambda: classify_message(much), under=times) < times, why
