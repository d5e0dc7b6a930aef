"""The conversation: what each SMTP verb does. Check first (may refuse, changes nothing), then proceed.

Syntax is in `commands.py` and `params.py`, order in the tables of `commands.py`, who may send in `senders.py`, the
bytes of the message in `data.py`. Verbs that this table does not have are answered by `parse_command`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from gateway.intake import replies
from gateway.intake.commands import AUTH_LIMIT, IDLE, Command, Stage, parse_command, refusal
from gateway.intake.connection import log
from gateway.intake.data import DataReader, End, Fault
from gateway.intake.door import Door
from gateway.intake.errors import HangUpError, PeerGoneError, RefusedError
from gateway.intake.limits import Budget, Pace
from gateway.intake.opening import Opening
from gateway.intake.params import Offer, parse_mail, parse_rcpt
from gateway.intake.parcel import Parcel
from gateway.intake.senders import Peer, refuse_sender
from gateway.intake.tenant import take_proof
from gateway.intake.transaction import Transaction
from gateway.message.envelope import Client, Envelope
from gateway.message.verdict import REPLIES, Accepted, Reply, Verdict

FAULTS: Final[Mapping[Fault, Reply]] = {
    Fault.MALFORMED: replies.BAD_LINE_ENDS,
    Fault.TOO_BIG: replies.TOO_BIG,
    Fault.LINE_TOO_LONG: replies.LINES_TOO_LONG,
}
CLOSE_CODE: Final = 421  # RFC 5321 section 3.8: said by a server that closes


class SmtpSession(Opening):
    """One session; EHLO, TLS and AUTH are forgotten and begun anew as the RFCs say."""

    def __init__(self, door: Door, ip: str, port: int) -> None:
        super().__init__(door, ip, port)
        self._budget = Budget()

    async def converse(self) -> None:
        """Greet, then serve commands until QUIT or an error ends it."""
        await self.refuse_early_talk()
        self.write(f"220 {self.door.hostname} ESMTP Mailward".encode("ascii"))
        while True:
            await self._serve_one()

    async def _serve_one(self) -> None:
        """Read and serve one command; a refusal is answered and counted."""
        verb = "unknown"
        try:
            command = parse_command(await self.read_command(AUTH_LIMIT))
            verb = command.verb
            await self._serve(command)
        except HangUpError:
            raise
        except RefusedError as error:
            self.door.services.observer.refused(self.door.name, verb.lower(), error.reply.code)
            if error.reply.code == CLOSE_CODE:
                raise HangUpError(error.reply, "closing") from None
            self.reply(error.reply)
            if error.reply.code >= 500:
                self._budget.spend_error()
            elif verb != "RCPT":  # which has a budget of its own, RX-05
                self._budget.spend_idle()  # RX-04: "later" is no reason to ask for ever

    async def _serve(self, command: Command) -> None:
        stage = Stage(
            needs_tls=self.door.require_tls and not self.tls_version,
            needs_auth=not self.door.is_relay and not self.login,
            has_hello=bool(self.helo),
        )
        if early := refusal(command.verb, stage):
            raise RefusedError(early)
        if command.verb in IDLE:
            self._budget.spend_idle()
        await VERBS[command.verb](self, command.argument)

    # --- verbs that change nothing ---

    async def do_rset(self, _: str) -> None:
        self.transaction = None
        self.reply(replies.OK)

    async def do_noop(self, _: str) -> None:
        self.reply(replies.OK)

    async def do_vrfy(self, _: str) -> None:
        self.reply(replies.WILL_NOT_VERIFY)

    async def do_help(self, _: str) -> None:
        self.reply(replies.HELP)

    async def do_quit(self, _: str) -> None:
        raise HangUpError(replies.GOODBYE)

    # --- mail verbs ---

    async def do_mail(self, argument: str) -> None:
        if self.transaction:
            raise RefusedError(replies.NESTED_MAIL)
        mail = parse_mail(argument, self._offer())
        await self.confirm_account()
        peer = Peer(
            ip=self.ip, senders=self.senders, is_relay=self.door.is_relay, has_certificate=self.holder is not None
        )
        if refused := refuse_sender(mail.sender, peer, networks=self.door.networks, domains=self.door.domains):
            raise RefusedError(refused)
        if verdict := self.door.services.may_begin():
            raise RefusedError(REPLIES[verdict])  # RX-09
        self.transaction = Transaction(mail)
        self.reply(replies.SENDER_OK)

    async def do_rcpt(self, argument: str) -> None:
        transaction = self.transaction
        if transaction is None:
            raise RefusedError(replies.MAIL_FIRST)
        recipient = parse_rcpt(argument, self._offer(), smtputf8=transaction.mail.smtputf8)
        if len(transaction.recipients) >= self.door.recipients:
            self._budget.spend_excess()
            raise RefusedError(replies.TOO_MANY_RECIPIENTS)
        transaction.recipients.append(recipient)
        self.reply(replies.RECIPIENT_OK)

    def _offer(self) -> Offer:
        return Offer(extended=self.is_extended, message_size=self.door.message_size, requiretls=bool(self.tls_version))

    async def do_data(self, _: str) -> None:
        transaction = self.transaction
        if transaction is None:
            raise RefusedError(replies.MAIL_FIRST)
        if not transaction.recipients:
            raise RefusedError(replies.RCPT_FIRST)
        if self.inbox.has_bytes:
            raise HangUpError(replies.TALKED_TOO_EARLY, "data before 354")  # SM-09
        if verdict := self.door.services.may_accept():
            raise RefusedError(REPLIES[verdict])
        if self.door.hold.cargo.is_full:
            raise RefusedError(replies.NO_ROOM)
        self.write(replies.START_INPUT)
        await self.flush()
        self.transaction = None
        with self.door.hold.parcel(self.login or self.ip) as parcel:
            await self._read_message(parcel)
            message = self._take_tenant_proof(await parcel.bring())
            if self._is_lost:
                raise PeerGoneError  # while it waited for its turn; who sees no reply sends again (RFC 1047)
            await self._submit(transaction.envelope(self._client(), datetime.now(UTC)), message)

    async def _read_message(self, parcel: Parcel) -> None:
        """Fill the parcel, at the speed that is owed. Raises: RefusedError or HangUpError when it is no message."""
        reader = DataReader(self.door.message_size, repairs_lines=self.door.repairs_lines)
        pace = Pace(self.loop.time(), self.door.deadlines.data_window_s)
        end: End | None = None
        while end is None:
            try:
                block = await self.inbox.block(until=pace.deadline)
            except TimeoutError:
                raise HangUpError(replies.TOO_SLOW, "slow data") from None  # RX-02
            if not parcel.has_room(reader.kept + len(block)):
                reader.drop()
            end = reader.feed(block)
            now = self.loop.time()
            pace.advance(now, reader.size)
            if reader.size > 2 * self.door.message_size:
                raise HangUpError(replies.TOO_BIG, "endless message")
            if end is None and parcel.is_due(reader.kept):
                if not await parcel.put(reader.take()):
                    reader.drop()
                pace.excuse(self.loop.time() - now)
        self.inbox.put_back(end.rest)
        if end.fault is Fault.MALFORMED:
            raise HangUpError(FAULTS[end.fault], "malformed data")  # SM-01 to SM-04: where it ends, nobody can agree
        if end.fault:
            raise RefusedError(parcel.refusal if end.fault is Fault.NO_ROOM else FAULTS[end.fault])
        if not await parcel.finish(end.message):
            raise RefusedError(parcel.refusal)

    def _take_tenant_proof(self, message: bytes) -> bytes:
        """The message without the secret that its tenant adds. Raises: RefusedError when it has none (ID-02)."""
        proof = self.door.tenant
        if proof is None:
            return message
        proven = take_proof(message, proof)
        if proven is None:
            log.warning("tenant_refused", session=self.id, listener=self.door.name, ip=self.ip)
            raise RefusedError(replies.NO_TENANT_PROOF)
        return proven

    def _client(self) -> Client:
        return Client(
            listener=self.door.name,
            ip=self.ip,
            port=self.port,
            helo=self.helo,
            login=self.login,
            senders=self.senders,
            tls_version=self.tls_version,
            tls_cipher=self.tls_cipher,
            certificate=self.holder.name if self.holder else "",
            believes_headers=self.door.believes_headers,
        )

    async def _submit(self, envelope: Envelope, message: bytes) -> None:
        """Hand the message over and answer. The client may go; the commit goes on."""
        work = self.door.spawn(self._outcome(envelope, message))
        outcome: Accepted | Verdict | Reply = await asyncio.shield(work)
        if isinstance(outcome, Reply):
            raise RefusedError(outcome)
        if isinstance(outcome, Verdict):
            raise RefusedError(REPLIES[outcome])
        self._budget.renew()
        self.door.services.observer.received(self.door.name, len(message))
        self.reply(Reply(250, "0.0", f"Queued as {outcome.queue_id}"))

    async def _outcome(self, envelope: Envelope, message: bytes) -> Accepted | Verdict | Reply:
        """Submit; an unforeseen failure becomes 451 and a line in the log, and tells the client nothing."""
        try:
            return await self.door.services.submit(envelope, message)
        except Exception as error:
            return self.report_bug(error)


VERBS: Final[Mapping[str, Callable[[SmtpSession, str], Awaitable[None]]]] = {
    "EHLO": SmtpSession.do_ehlo,
    "HELO": SmtpSession.do_helo,
    "STARTTLS": SmtpSession.do_starttls,
    "AUTH": SmtpSession.do_auth,
    "MAIL": SmtpSession.do_mail,
    "RCPT": SmtpSession.do_rcpt,
    "DATA": SmtpSession.do_data,
    "RSET": SmtpSession.do_rset,
    "NOOP": SmtpSession.do_noop,
    "VRFY": SmtpSession.do_vrfy,
    "HELP": SmtpSession.do_help,
    "QUIT": SmtpSession.do_quit,
}
