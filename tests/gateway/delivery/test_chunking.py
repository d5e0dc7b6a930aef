"""CHUNKING against servers that do it, half do it, and only say so."""

import pytest

from gateway.delivery.chunking import BOOK_LIMIT, ChunkingBook, is_chunkable
from gateway.delivery.outcome import Seen
from tests.faulty.server import EXTENSIONS, Close, Script, Turns
from tests.gateway.delivery.conftest import BODY, CLEAR, Net

OFFERS = (*EXTENSIONS, "CHUNKING")
PLAIN = tuple(word for word in OFFERS if word != "PIPELINING")
FIRST = b"From: s@a.example\r\n"


def chunks(net: Net) -> list[bytes]:
    return [one.line for one in net.servers[0].commands if one.line.startswith(b"BDAT")]


@pytest.mark.parametrize("extensions", [OFFERS, PLAIN])
async def test_message_goes_in_chunks(net: Net, extensions: tuple[str, ...]) -> None:
    """RFC 3030 section 2: byte for byte, one line first where nothing is known of the host, then whole."""
    (server,) = await net.serve(Script(extensions=extensions))
    seen = [(await net.send(CLEAR)).seen for _ in range(2)]
    assert seen == [Seen.DELIVERED] * 2
    assert [message.data for message in server.messages] == [BODY] * 2
    assert chunks(net) == [
        b"BDAT %d" % len(FIRST),
        b"BDAT %d LAST" % (len(BODY) - len(FIRST)),
        b"BDAT %d LAST" % len(BODY),
    ]
    assert "DATA" not in server.verbs()


async def test_no_line_of_a_message_ends_it(net: Net) -> None:
    """SM-01: a dot alone, however it got there, is content of the chunk."""
    (server,) = await net.serve(Script(extensions=OFFERS))
    data = BODY + b".\r\nMAIL FROM:<ceo@a.example>\r\n"
    assert (await net.send(CLEAR, data=data)).seen is Seen.DELIVERED
    assert [message.data for message in server.messages] == [data]
    assert server.verbs().count("MAIL") == 1


async def test_who_only_says_so_gets_one_line_of_ours_and_then_data(net: Net) -> None:
    """A server that reads chunks as commands never gets to read the sender's: one line, and away."""
    (server,) = await net.serve(Script(extensions=OFFERS, does={"BDAT": "500 5.5.1 what?"}))
    data = b"Received: by us\r\nRSET\r\nMAIL FROM:<ceo@a.example>\r\nQUIT\r\n"
    assert (await net.send(CLEAR, data=data)).seen is Seen.DEFERRED
    assert [one.line for one in server.commands if one.line in data] in ([], [b"Received: by us"])
    assert (await net.send(CLEAR, data=data)).seen is Seen.DELIVERED
    assert [message.data for message in server.messages] == [data]
    assert server.verbs(2).count("DATA") == 1


@pytest.mark.parametrize(("reply", "seen"), [("552 5.3.4 big", Seen.REJECTED), ("452 4.3.1 full", Seen.DEFERRED)])
@pytest.mark.parametrize("verb", ["BDAT", "DOT"])
async def test_refused_chunk_is_followed_by_rset(net: Net, verb: str, reply: str, seen: Seen) -> None:
    """RFC 3030 section 2: nothing else clears the transaction; the connection is of use again."""
    (server,) = await net.serve(Script(extensions=OFFERS, does={verb: Turns((reply, "250 ok"))}))
    assert (await net.send(CLEAR)).seen is seen
    assert (await net.send(CLEAR)).seen is Seen.DELIVERED
    assert server.connections == 1
    assert server.verbs().count("RSET") == 1


@pytest.mark.parametrize("extensions", [OFFERS, PLAIN])
async def test_no_chunk_without_a_recipient(net: Net, extensions: tuple[str, ...]) -> None:
    (server,) = await net.serve(Script(extensions=extensions, does={"RCPT": "550 5.1.1 who?"}))
    assert (await net.send(CLEAR)).seen is Seen.REJECTED
    assert "BDAT" not in server.verbs()


@pytest.mark.parametrize("extensions", [OFFERS, PLAIN])
async def test_refused_sender_ends_the_transaction(net: Net, extensions: tuple[str, ...]) -> None:
    script = Script(extensions=extensions, does={"MAIL": Turns(("550 5.7.1 no", "250 ok")), "RCPT": "250 ok"})
    (server,) = await net.serve(script)
    assert (await net.send(CLEAR, "a@b.example", "b@b.example")).seen is Seen.REJECTED
    assert "BDAT" not in server.verbs()


async def test_lost_after_the_last_chunk(net: Net) -> None:
    """OB-03: the same doubt as after the dot."""
    await net.serve(Script(extensions=OFFERS, does={"DOT": Close()}))
    assert (await net.send(CLEAR)).seen is Seen.LOST_AFTER_DOT


async def test_lost_after_the_first_chunk(net: Net) -> None:
    """Nobody can have a message of which the last chunk was not sent."""
    await net.serve(Script(extensions=OFFERS, does={"BDAT": Close()}))
    assert (await net.send(CLEAR)).seen is Seen.DEFERRED


@pytest.mark.parametrize("data", [b"", b"one\r\n", b"no end", b"a\r\nno end"])
def test_what_cannot_be_split_into_lines_goes_by_data(data: bytes) -> None:
    assert not is_chunkable(data)


def test_book_is_bounded() -> None:
    book = ChunkingBook()
    for number in range(BOOK_LIMIT + 10):
        book.of(f"mx{number}.example:25").is_broken = True
    assert book.of(f"mx{BOOK_LIMIT + 9}.example:25").is_broken
    assert not book.of("mx0.example:25").is_broken
