"""RX-10: destinations take turns, and none takes more than its share."""

from gateway.delivery.line import Line, Waiting
from gateway.message.queue_id import new_queue_id
from tests.gateway.delivery.office import make_entry


def wait(domain: str, *, urgent: bool = False, size: int = 1) -> Waiting:
    entry = make_entry(new_queue_id(), recipient=f"pat@{domain}", urgent=urgent)
    return Waiting(entries=(entry,), size=size)


def line_of(*waiting: Waiting, per_destination: int = 2, share: int = 1000) -> Line:
    line = Line(per_destination=per_destination, share=share)
    for one in waiting:
        line.put(one)
    return line


def drain(line: Line) -> list[str]:
    started = []
    while line.first() is not None:
        started.append(line.start().destination)
    return started


def test_one_destination_keeps_its_order() -> None:
    first, second = wait("a.example"), wait("a.example")
    line = line_of(first, second)
    assert [line.start(), line.start()] == [first, second]
    assert line.first() is None


def test_destinations_take_turns() -> None:
    line = line_of(*(wait("a.example") for _ in range(3)), wait("b.example"), wait("c.example"), per_destination=9)
    assert drain(line) == ["a.example", "b.example", "c.example", "a.example", "a.example"]


def test_a_full_destination_waits_until_one_comes_to_a_rest() -> None:
    line = line_of(*(wait("dead.example") for _ in range(5)), wait("b.example"))
    stuck = line.start()
    assert drain(line) == ["b.example", "dead.example"]
    line.finish(stuck)
    assert drain(line) == ["dead.example"]
    line.put(wait("dead.example"))
    assert line.first() is None


def test_urgent_mail_goes_first_but_not_past_the_limit() -> None:
    code = wait("b.example", urgent=True)
    line = line_of(wait("a.example"), wait("b.example"), code)
    assert line.start() is code
    full = line_of(wait("a.example"), wait("a.example"))
    drain(full)
    full.put(wait("a.example", urgent=True))
    assert full.first() is None


def test_bytes_and_lengths_are_of_those_who_wait() -> None:
    line = line_of(*(wait("a.example", size=10) for _ in range(3)), wait("b.example", size=5))
    assert line.bytes_waiting == 35
    started = line.start()
    assert line.bytes_waiting == 25
    assert line.crowded() == {"a.example"}
    assert line.length_without(line.crowded()) == 1
    line.finish(started)
    assert line.bytes_waiting == 25


def test_what_is_withdrawn_is_never_anybodys_turn() -> None:
    """What an operator holds or ends; the rest of its message, and what is under way, stay."""
    first, last = wait("a.example", size=10), wait("b.example", size=10)
    queue_id = new_queue_id()
    pair = tuple(make_entry(queue_id, number, recipient=f"p{number}@a.example") for number in (1, 2))
    line = line_of(first, Waiting(entries=pair, size=10), last, per_destination=1)
    assert line.start() is first
    assert line.withdraw({first.entries[0].id, pair[0].id, last.entries[0].id, "no such"}) == {
        pair[0].id,
        last.entries[0].id,
    }
    assert line.first() is None
    assert line.bytes_waiting == 10
    line.finish(first)
    assert line.start().entries == pair[1:]
    assert line.bytes_waiting == 0
    assert line.first() is None


def test_large_messages_of_one_destination_have_a_share() -> None:
    """However few they are; one alone may be larger than that."""
    large = [wait("dead.example", size=60) for _ in range(3)]
    line = line_of(*large, wait("b.example", size=5), per_destination=9, share=100)
    assert drain(line) == ["dead.example", "b.example"]
    assert line.crowded() == {"dead.example"}
    assert (line.bytes_waiting, line.bytes_without(line.crowded())) == (120, 0)
    line.finish(large[0])
    assert drain(line) == ["dead.example"]
    huge = line_of(*(wait("a.example", size=500) for _ in range(2)), share=100)
    assert drain(huge) == ["a.example"]


def test_a_small_message_passes_a_large_one_of_its_destination_when_urgent() -> None:
    line = line_of(*(wait("a.example", size=60) for _ in range(2)), per_destination=9, share=100)
    drain(line)
    line.put(wait("a.example", urgent=True, size=200))
    assert line.first() is None
    code = wait("a.example", urgent=True, size=5)
    line.put(code)
    assert line.start() is code
    assert line.first() is None


def test_who_does_not_fit_is_passed_by_and_keeps_its_turn() -> None:
    large, small, next_one = wait("a.example", size=60), wait("b.example", size=5), wait("c.example", size=5)
    line = line_of(large, small, next_one)
    assert line.start(room=50) is small
    assert line.first(room=4) is None
    assert line.start(room=60) is large
    assert line.start(room=60) is next_one


def test_what_is_taken_out_gives_its_turn_to_whoever_fits() -> None:
    stuck, large, small = wait("a.example", size=60), wait("a.example", size=60), wait("a.example", size=5)
    line = line_of(stuck, large, small, per_destination=9, share=100)
    line.start()
    assert line.first() is None
    line.withdraw({large.entries[0].id})
    assert line.start() == small
