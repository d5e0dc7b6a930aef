"""The second half of a session: one transaction, MAIL to the reply after the dot, with an answer for each recipient.

With PIPELINING (RFC 2920) the envelope is sent at once, without it one command at a time. The message goes by BDAT
where the peer offers CHUNKING (`chunking.py`), else by DATA.
Left out: what a server without 8BITMIME gets is its owner's business; here it gets no 8-bit message.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.delivery.chunking import BROKEN, NOT_DONE, Chunking, bdat_command, first_line, is_chunkable
from gateway.delivery.dialogue import Answer, Answered, Dialogue, Handler, Phase, Send
from gateway.delivery.limits import parse_limits
from gateway.delivery.outcome import Seen
from gateway.delivery.replies import PeerReply
from gateway.delivery.transaction import Transaction, mail_command, rcpt_command

BLOCK: Final = 65_536  # octets written at once; each has its own time limit (RFC 5321 section 4.5.3.2.5)
GROUP_LIMIT: Final = 100  # recipients of one transaction; RFC 5321 section 4.5.3.1.8: every server takes as many
TOO_MANY_RECIPIENTS: Final = frozenset({452, 552})  # RFC 5321 section 4.5.3.1.10
NOT_ASKED: Final = Answer(Seen.DEFERRED, "451 4.5.3 too many recipients at once", is_again=True)


def incapability(transaction: Transaction, extensions: Mapping[str, str]) -> Answer | None:
    """What a peer with these EHLO keywords cannot do for a message, known before it hears of it."""
    limit = extensions.get("SIZE", "")
    if transaction.requiretls and "REQUIRETLS" not in extensions:  # RFC 8689 section 4.2.1
        return Answer(Seen.NOT_REQUIRETLS, "550 5.7.30 next hop does not support REQUIRETLS")
    if transaction.smtputf8 and "SMTPUTF8" not in extensions:  # RFC 6531 section 3.2
        return Answer(Seen.REJECTED, "553 5.6.7 next hop does not support SMTPUTF8")
    if transaction.is_8bit and "8BITMIME" not in extensions:  # RFC 6152 section 3
        return Answer(Seen.NOT_8BITMIME, "554 5.6.3 next hop does not support 8BITMIME")
    if limit.isdecimal() and 0 < int(limit[:15]) < transaction.size:  # RFC 1870 section 6.1
        return Answer(Seen.REJECTED, "552 5.3.4 message is larger than the next hop takes")
    return None


def recipient_limit(extensions: Mapping[str, str]) -> int:
    """How many recipients one transaction may have (RFC 9422 section 4.2, LIMITS RCPTMAX)."""
    return min(GROUP_LIMIT, parse_limits(extensions.get("LIMITS", "")).recipients)


class Exchange:
    """Handlers for the replies of one transaction.

    is_clean: the peer needs no RSET before the next one. is_asked: MAIL was sent.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        transaction: Transaction,
        extensions: Mapping[str, str],
        chunking: Chunking | None = None,
    ) -> None:
        """chunking: what is known of the host's; None: BDAT is not tried."""
        self.is_clean = False
        self.is_asked = False
        self._dialogue = dialogue
        self._transaction = transaction
        self._extensions = extensions
        self._is_pipelined = "PIPELINING" in extensions
        is_offered = chunking is not None and not chunking.is_broken and "CHUNKING" in extensions
        self._chunking = chunking if is_offered and is_chunkable(transaction.data) else None
        self._unsent: deque[tuple[bytes, Phase, Handler]] = deque()
        self._answers: dict[int, Answer] = {}
        self._accepted: list[int] = []

    def start(self, *, needs_reset: bool) -> None:
        """Send the envelope, or give the answer at once when the peer cannot take the message."""
        transaction, known = self._transaction, frozenset(self._extensions)
        answer = incapability(transaction, self._extensions)
        if answer is not None:
            self._answers = dict.fromkeys(range(len(transaction.recipients)), answer)
            self.is_clean = not needs_reset
            self._finish()
            return
        if needs_reset:
            self._unsent.append((b"RSET\r\n", Phase.RSET, self._on_rset))
        self.is_asked = True
        self._unsent.append((mail_command(transaction, known), Phase.MAIL, self._on_mail))
        for index, recipient in enumerate(transaction.recipients[: recipient_limit(self._extensions)]):
            self._unsent.append((rcpt_command(recipient, known), Phase.RCPT, self._rcpt_handler(index)))
        if self._chunking is None:
            self._unsent.append((b"DATA\r\n", Phase.DATA, self._on_data))
        self._send_next()

    def close(self, reply: PeerReply | None, why: str) -> None:
        """The connection is of no use any more.

        reply: the last word of the peer, which everybody without an answer gets. None: it said none; then what was
        unanswered is deferred, and after the dot unknown.
        """
        if reply is not None and reply.code != 421:
            self._judge_rest(reply)
        is_unknown = reply is None and self._dialogue.phase is Phase.DOT
        for index in range(len(self._transaction.recipients)):
            lost = is_unknown and index in self._accepted
            answer = Answer(Seen.LOST_AFTER_DOT if lost else Seen.DEFERRED, why, is_again=not lost)
            self._answers.setdefault(index, answer)
        self._dialogue.close(Answered(self._ordered(), is_alive=False))

    def _send_next(self) -> None:
        """Send the next command, or with PIPELINING all of them, and wait for the replies."""
        count = len(self._unsent) if self._is_pipelined else min(1, len(self._unsent))
        commands = [self._unsent.popleft() for _ in range(count)]
        if commands:
            self._dialogue.act(Send(b"".join(data for data, _, _ in commands)))
        for _, phase, handler in commands:
            self._dialogue.expect(phase, handler)
        if self._is_turn_of_chunks:
            self._send_chunks()

    @property
    def _is_turn_of_chunks(self) -> bool:
        """RFC 3030 section 2: after all replies to MAIL and RCPT are in."""
        return self._chunking is not None and not self._unsent and not self._dialogue.is_expecting

    def _on_rset(self, reply: PeerReply) -> None:
        if reply.is_success:
            self._send_next()
        else:
            self.close(None, str(reply))

    def _on_mail(self, reply: PeerReply) -> None:
        if reply.is_success:
            self._send_next()
            return
        self._judge_rest(reply)
        if self._unsent:
            self._finish()

    def _rcpt_handler(self, index: int) -> Handler:
        def on_rcpt(reply: PeerReply) -> None:
            if index in self._answers:
                pass  # MAIL was refused: this only says so again
            elif reply.is_success:
                self._accepted.append(index)
            else:
                self._answers[index] = _judged(reply, is_rcpt=True)
            is_data_next = bool(self._unsent) and self._unsent[0][1] is Phase.DATA
            if (is_data_next or self._is_turn_of_chunks) and not self._accepted:
                self._finish()
            else:
                self._send_next()

        return on_rcpt

    def _on_data(self, reply: PeerReply) -> None:
        if reply.code == 354 and self._accepted:
            self._send_content()
        elif reply.code == 354:  # nobody was accepted: ending the data would send an empty message to nobody knows whom
            self.close(None, "451 4.5.0 next hop asks for a message without recipients")
        elif reply.is_success:  # RFC 5321 section 4.1.1.4: only 354 goes on; it cannot have taken what it has not got
            self.close(None, "451 4.5.0 next hop takes a message before it was sent")
        else:
            if self._accepted:
                self._judge_rest(reply, among=self._accepted)
            self._finish()

    def _send_chunks(self) -> None:
        """The whole message, or one line of ours to a host that has not taken any chunk yet."""
        data = self._transaction.data
        if self._chunking is not None and self._chunking.is_proved:
            self._send_last_chunk(memoryview(data))
            return
        line = first_line(data)
        self._dialogue.act(Send(bdat_command(len(line), is_last=False) + line))
        self._dialogue.expect(Phase.DATA, self._on_first_chunk)

    def _on_first_chunk(self, reply: PeerReply) -> None:
        if self._chunking is not None and reply.is_success:
            self._chunking.is_proved = True
            self._send_last_chunk(memoryview(self._transaction.data)[len(first_line(self._transaction.data)) :])
        elif self._chunking is not None and reply.code in NOT_DONE:  # it takes the line for a command: away from here
            self._chunking.is_broken = True
            self.close(None, BROKEN)
        elif reply.code // 100 == 3:
            self.close(None, str(reply))
        else:  # RFC 3030 section 2: RSET before anything else, which `is_clean` sees to
            self._judge_rest(reply, among=self._accepted)
            self._finish()

    def _send_last_chunk(self, content: memoryview) -> None:
        command = bdat_command(len(content), is_last=True)
        if len(content) < BLOCK:  # in one segment where it fits
            self._send_blocks(memoryview(command + content))
            return
        self._dialogue.act(Send(command))
        self._send_blocks(content)

    def _send_content(self) -> None:
        self._send_blocks(memoryview(self._transaction.content))

    def _send_blocks(self, content: memoryview) -> None:
        starts = range(0, len(content), BLOCK)
        for start in starts:
            self._dialogue.act(Send(content[start : start + BLOCK], is_end=start == starts[-1]))
        self._dialogue.expect(Phase.CONTENT, self._on_dot)

    def _on_dot(self, reply: PeerReply) -> None:
        if (
            self._dialogue.phase is Phase.CONTENT
        ):  # it answers a message that it has not got: believed only as a refusal
            self.close(None if reply.is_success else reply, "451 4.5.0 a reply came before the end of the message")
        elif reply.code // 100 == 3:
            self.close(None, str(reply))
        else:
            self._judge_rest(reply, among=self._accepted)
            self.is_clean = reply.is_success or self._chunking is None  # RFC 3030 section 2: a refused BDAT needs RSET
            self._finish()

    def _judge_rest(self, reply: PeerReply, among: list[int] | None = None) -> None:
        """Give everybody without an answer this one."""
        for index in range(len(self._transaction.recipients)) if among is None else among:
            self._answers.setdefault(index, _judged(reply, is_rcpt=False))

    def _finish(self) -> None:
        self._unsent.clear()
        self._dialogue.phase = Phase.READY
        self._dialogue.act(Answered(self._ordered(), is_alive=True))

    def _ordered(self) -> tuple[Answer, ...]:
        """The answers in the order of the recipients; one too many is asked again if the others got through."""
        answers = [self._answers.get(index, NOT_ASKED) for index in range(len(self._transaction.recipients))]
        if any(answer.seen is Seen.DELIVERED for answer in answers):
            return tuple(replace(answer, is_again=answer.is_again or _is_too_many(answer)) for answer in answers)
        return tuple(answers)


def _judged(reply: PeerReply, *, is_rcpt: bool) -> Answer:
    """5xx is permanent, all else may change (RFC 5321 section 4.2.1); one recipient too many never is permanent."""
    if reply.is_success:
        return Answer(Seen.DELIVERED, str(reply))
    is_permanent = reply.is_permanent and not (is_rcpt and reply.code in TOO_MANY_RECIPIENTS)
    return Answer(Seen.REJECTED if is_permanent else Seen.DEFERRED, str(reply))


def _is_too_many(answer: Answer) -> bool:
    return answer.seen is Seen.DEFERRED and answer.reply[:3] in {str(code) for code in TOO_MANY_RECIPIENTS}
