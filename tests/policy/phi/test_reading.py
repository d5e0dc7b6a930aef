"""What is kept of the texts that a message is read into."""

from policy.phi.mime import Reading
from policy.phi.report import Place
from policy.phi.text import Source

ENDS = "Dear Ms Roe, we write {} with kind regards, the clinic"


def kept(*texts: str) -> list[str]:
    reading = Reading()
    for text in texts:
        reading.add(Place(part="1"), Source.BODY, text)
    return [text.content for text in reading.texts]


def test_the_same_words_are_kept_once() -> None:
    """However they are broken into lines; also when only the middle tells them from others (MP-02)."""
    one, two, three = (ENDS.format(f"about {what} and more") for what in ("the scan", "the bill", "nothing"))
    assert kept(one, one.replace(" ", "\n  "), two, one, two, three, three) == [one, two, three]
    assert kept("a b", "a\nb", "ab", "a b c", "", " ") == ["a b", "ab", "a b c"]
