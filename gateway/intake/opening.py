"""The opening of a session: EHLO, STARTTLS, AUTH. What each leaves behind is what the mail verbs stand on."""

import base64
from datetime import UTC, datetime
from functools import lru_cache

from gateway.config.modes import ListenerMode
from gateway.intake import replies
from gateway.intake.auth import AuthBusyError
from gateway.intake.commands import AUTH_LIMIT, parse_hello
from gateway.intake.connection import Connection, log
from gateway.intake.door import Door
from gateway.intake.errors import HangUpError, RefusedError
from gateway.intake.limits import AUTH_FAILURES
from gateway.intake.sasl import (
    EXTERNAL,
    MECHANISMS,
    Claim,
    Credentials,
    CredentialsError,
    decode_initial,
    decode_response,
)
from gateway.intake.transaction import Transaction
from gateway.message.account import Account
from gateway.message.verdict import REPLIES, Verdict
from gateway.store.errors import StoreError


class Opening(Connection):
    """helo: the name the client gave, empty before. account: who signed in."""

    def __init__(self, door: Door, ip: str, port: int) -> None:
        super().__init__(door, ip, port)
        self.helo = ""
        self.is_extended = False
        self.account: Account | None = None
        self.transaction: Transaction | None = None
        self._auth_failures = 0

    @property
    def login(self) -> str:
        """Who signed in, or empty."""
        return self.account.login if self.account else ""

    @property
    def senders(self) -> frozenset[str]:
        """What who signed in may send as."""
        return self.account.senders if self.account else frozenset()

    async def do_ehlo(self, argument: str) -> None:
        self._hello(argument, is_extended=True)
        self.write(hello_reply(self.door.hostname, *self._offers()))

    async def do_helo(self, argument: str) -> None:
        self._hello(argument, is_extended=False)
        self.write(f"250 {self.door.hostname}".encode("ascii"))

    def _hello(self, argument: str, *, is_extended: bool) -> None:
        self.helo = parse_hello(argument)
        self.is_extended = is_extended
        self.transaction = None  # RFC 5321 section 4.1.4: EHLO resets

    def _offers(self) -> list[str]:
        """What EHLO lists. CHUNKING is not offered, and BDAT is refused (SM-16)."""
        offers = [f"SIZE {self.door.message_size}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN"]
        if self.tls_version:
            offers.append("REQUIRETLS")
        elif self.door.mode is not ListenerMode.SUBMISSIONS:
            offers.append("STARTTLS")
        if self.tls_version and not self.door.is_relay and not self.login:
            offers.append(f"AUTH {' '.join(self._mechanisms())}")
        return offers

    def _mechanisms(self) -> list[str]:
        has_address = self.holder is not None and bool(self.holder.addresses)
        return [mechanism for mechanism in MECHANISMS if mechanism != EXTERNAL or has_address]

    async def do_starttls(self, _: str) -> None:
        if self.door.mode is ListenerMode.SUBMISSIONS:
            raise RefusedError(replies.NO_TLS_HERE)
        if self.tls_version:
            raise RefusedError(replies.ALREADY_TLS)
        await self.flush()
        await self.start_tls(replies.READY_FOR_TLS)
        self.helo, self.transaction = "", None  # RFC 3207 section 4.2: forget all (SA-02)

    async def do_auth(self, argument: str) -> None:
        if self.door.is_relay:
            raise RefusedError(replies.NO_AUTH_HERE)
        if not self.tls_version:
            raise RefusedError(replies.AUTH_NEEDS_TLS)
        if self.login:
            raise RefusedError(replies.ALREADY_AUTHENTICATED)
        if self.transaction:
            raise RefusedError(replies.AUTH_IN_TRANSACTION)
        name, _, initial = argument.partition(" ")
        mechanism = name.upper()
        if mechanism not in self._mechanisms():
            raise RefusedError(replies.UNKNOWN_MECHANISM)
        try:
            account = await self._account_of(await self._exchange(mechanism, decode_initial(initial.strip(" "))))
        except CredentialsError:
            account = None
        except AuthBusyError:
            raise RefusedError(replies.AUTH_BUSY) from None
        self.door.services.observer.authenticated(self.door.name, mechanism, is_success=account is not None)
        if account is None:
            self._count_failure(mechanism)
            raise RefusedError(replies.AUTH_FAILED)
        self.account = account
        log.info("authenticated", session=self.id, listener=self.door.name, ip=self.ip, login=self.login)
        self.reply(replies.AUTHENTICATED)

    async def _account_of(self, proof: Credentials | Claim) -> Account | None:
        """Whose account that is: by the password, or of a person by an address of the client certificate."""
        services = self.door.services
        if isinstance(proof, Credentials):
            return await services.verifier.verify(proof.user, proof.password, ip=self.ip)
        addresses = self.holder.addresses if self.holder else ()
        name = proof.identity.lower() or (addresses[0] if len(addresses) == 1 else "")
        account = await services.account(name) if name in addresses else None
        if account is None or account.is_program or account.refusal(self.ip, datetime.now(UTC)):
            return None
        return account

    async def confirm_account(self) -> None:
        """Look up again who signed in: what was revoked or changed meanwhile counts for the next message.

        Raises: RefusedError when the login is no longer good; nobody is signed in then. Or when it cannot be looked up.
        """
        if self.account is None:
            return
        try:
            fresh = await self.door.services.account(self.account.login)
        except StoreError as error:
            raise RefusedError(REPLIES[Verdict.STORE_SICK]) from error
        if fresh is None or fresh.key != self.account.key or fresh.refusal(self.ip, datetime.now(UTC)):
            log.warning("login_withdrawn", session=self.id, listener=self.door.name, ip=self.ip, login=self.login)
            self.account = None
            raise RefusedError(replies.LOGIN_WITHDRAWN)
        self.account = fresh
        self.door.services.note_use(fresh)

    async def _exchange(self, mechanism: str, initial: bytes | None) -> Credentials | Claim:
        """Lead a SASL conversation to its end. Raises: CredentialsError, RefusedError, HangUpError."""
        conversation = MECHANISMS[mechanism](initial)
        try:
            challenge = next(conversation)
            while True:
                self.write(b"334 " + base64.b64encode(challenge))
                await self.flush()
                until = self.loop.time() + self.door.deadlines.response_s
                line = await self.inbox.line(AUTH_LIMIT, replies.AUTH_TOO_LONG, until)
                challenge = conversation.send(decode_response(line))
        except StopIteration as end:
            proof: Credentials | Claim = end.value
            return proof
        finally:
            conversation.close()

    def _count_failure(self, mechanism: str) -> None:
        self._auth_failures += 1
        log.warning("auth_failed", session=self.id, listener=self.door.name, ip=self.ip, mechanism=mechanism)
        if self._auth_failures >= AUTH_FAILURES:
            raise HangUpError(replies.TOO_MANY_ERRORS, "password guessing")


@lru_cache(maxsize=64)  # of what all sessions of a listener are told, for each of its stages
def hello_reply(*lines: str) -> bytes:
    """The lines of a reply to EHLO, without the last CRLF (RFC 5321 section 4.1.1.1)."""
    return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]).encode("ascii")
