"""SM: the wire format of SMTP, coming in and going out."""

from typing import Final

from tests.defences.removal import Edit, Removal, removal

CONNECTION: Final = "gateway/intake/connection.py"
DATA: Final = "gateway/intake/data.py"
INBOX: Final = "gateway/intake/inbox.py"
COMMANDS: Final = "gateway/intake/commands.py"
PARAMS: Final = "gateway/intake/params.py"
PROTOCOL: Final = "gateway/intake/protocol.py"
EXCHANGE: Final = "gateway/delivery/exchange.py"
TRANSACTION: Final = "gateway/delivery/transaction.py"
HYGIENE: Final = "gateway/message/hygiene.py"

IN: Final = "tests/gateway/intake"
DIALOGUE: Final = f"{IN}/test_dialogues.py::test_dialogue"
SERVER: Final = f"{IN}/test_server.py"
READER: Final = f"{IN}/test_data.py"
SMUGGLING: Final = "tests/e2e/test_smuggling.py"
SEVEN_BIT: Final = "tests/gateway/delivery/test_seven_bit.py"
SESSION: Final = "tests/gateway/delivery/test_session_wire.py"

BARE_ENDS: Final = 'if piece.count(b"\\n") != ends or piece.count(b"\\r") != ends:'

WIRE_FORMAT: Final[tuple[Removal, ...]] = (
    removal(
        "SM-01 SM-03 SM-07",
        DATA,
        BARE_ENDS,
        "if False:",
        f"{DIALOGUE}[smuggling/SM-01-middle-alone]",
        f"{DIALOGUE}[smuggling/SM-07-first-byte-alone]",
        f"{READER}::test_false_ends_are_malformed",
    ),
    removal(
        "SM-01 SM-07",
        DATA,
        "(self._repairs_lines and LONE_DOT.search(pending, 0, cut + 1)) or ",
        "",
        f"{DIALOGUE}[smuggling/SM-01-middle-alone]",
        f"{DIALOGUE}[smuggling/SM-07-first-byte-alone]",
        f"{READER}::test_repairing_makes_no_end",
    ),
    removal(
        "SM-02",
        DATA,
        "if 0 in piece:",
        "if False:",
        f"{DIALOGUE}[smuggling/SM-01-middle-alone]",
    ),
    removal(
        "SM-03",
        DATA,
        "pending = self._tail + block",
        'pending = (self._tail + block).replace(b"\\r\\r\\n", b"\\r\\n")',
        f"{DIALOGUE}[smuggling/SM-01-middle-alone]",
    ),
    removal(
        "SM-04",
        DATA,
        "if not self._repairs_lines:",
        "if False:",
        f"{DIALOGUE}[smuggling/SM-01-middle-alone]",
        f"{READER}::test_false_ends_are_malformed",
    ),
    removal("SM-04", INBOX, 'if not line.endswith(b"\\r"):', "if False:", f"{DIALOGUE}[SM-04-bare-line-feed-command]"),
    removal(
        "SM-04",
        PROTOCOL,
        'raise HangUpError(FAULTS[end.fault], "malformed data")',
        "raise RefusedError(FAULTS[end.fault])",
        f"{DIALOGUE}[smuggling/SM-01-middle-alone]",
    ),
    removal(
        "SM-05",
        TRANSACTION,
        'if not data.count(CRLF) == data.count(b"\\r") == data.count(b"\\n"):',
        "if False:",
        f"{SESSION}::test_bare_line_ends_never_reach_the_wire",
        "tests/gateway/delivery/test_transport_answers.py::test_bare_line_ends_are_refused_before_connecting",
    ),
    removal(
        "SM-05",
        DATA,
        'piece = piece.replace(b"\\r\\n", b"\\n").replace(b"\\r", b"\\n").replace(b"\\n", b"\\r\\n")',
        "pass",
        f"{IN}/test_dialogues.py::test_line_ends_are_repaired_where_the_listener_says_so",
        f"{READER}::test_repaired_lines",
    ),
    removal(
        "SM-06",
        DATA,
        "found = pending.find(END)",
        'lone = re.search(rb"(\\r\\n|[\\r\\n])\\.(\\r\\n|[\\r\\n])", pending)\n'
        "        found = max(lone.start() - 2, 0) if lone else -1",
        f"{DIALOGUE}[smuggling/SM-01-middle-second]",
        f"{DIALOGUE}[smuggling/SM-01-twice]",
        f"{READER}::test_repairing_moves_no_end",
        also=(
            Edit(file=DATA, old=BARE_ENDS, new="if False:"),
            Edit(file=DATA, old="pending[found + len(END) :]", new="pending[lone.end() :]"),
        ),
    ),
    removal(
        "SM-06 SM-05",
        DATA,
        BARE_ENDS,
        "if False:",
        f"{SMUGGLING}::test_the_laxest_back_sees_only_what_we_took",
        f"{SMUGGLING}::test_a_lax_back_sees_only_what_we_took",
    ),
    removal(
        "SM-08",
        DATA,
        'clear = piece.replace(b"\\r\\n.", b"\\r\\n")',
        "clear = piece",
        f"{SERVER}::test_message_and_envelope_arrive_as_sent",
        f"{READER}::test_dots_survive",
        f"{IN}/test_large.py::test_arrives_unchanged_and_is_never_on_disk_in_clear",
    ),
    removal(
        "SM-08",
        DATA,
        "len(pending) - _kept_back(pending)",
        "len(pending)",
        f"{SERVER}::test_message_and_envelope_arrive_as_sent",
    ),
    removal(
        "SM-08",
        TRANSACTION,
        'stuffed = data.replace(b"\\r\\n.", b"\\r\\n..")',
        "stuffed = data",
        f"{SESSION}::test_dot_stuffing_is_exact",
    ),
    removal(
        "SM-09",
        CONNECTION,
        'raise HangUpError(replies.TALKED_TOO_EARLY, "talked before greeting")',
        "pass",
        f"{SERVER}::test_early_talker",
        f"{IN}/test_proxy_header.py::test_talk_behind_the_header_is_still_too_early",
    ),
    removal(
        "SM-09",
        PROTOCOL,
        'raise HangUpError(replies.TALKED_TOO_EARLY, "data before 354")',
        "pass",
        f"{DIALOGUE}[SM-09-data-before-354]",
    ),
    removal("SM-09", PROTOCOL, "self.inbox.put_back(end.rest)", "pass", f"{DIALOGUE}[SM-09-pipelined-group]"),
    removal(
        "SM-10",
        COMMANDS,
        "if verb in FOREIGN or HEADER_FIELD.match(word):",
        "if False:",
        f"{DIALOGUE}[SM-10-http-post]",
        f"{DIALOGUE}[SM-10-header-as-command]",
        f"{IN}/test_commands.py::test_other_protocols",
    ),
    removal(
        "SM-10",
        INBOX,
        'if self._buffer and self._buffer[0] < 0x20 and self._buffer[0] not in b"\\r\\n":',
        "if False:",
        f"{DIALOGUE}[SM-10-client-hello-on-plain-port]",
    ),
    removal(
        "SM-11",
        COMMANDS,
        'if line[:5].upper() in PATH_VERBS else "ascii")',
        'if line[:5].upper() in PATH_VERBS else "latin-1")',
        f"{DIALOGUE}[SM-11-not-ascii]",
    ),
    removal(
        "SM-12",
        COMMANDS,
        "if not text.isprintable():",
        "if False:",
        f"{DIALOGUE}[SM-12-control-characters]",
        f"{IN}/test_commands.py::test_refused_lines",
    ),
    removal(
        "SM-12",
        "gateway/message/received.py",
        'client.helo if HELO.fullmatch(client.helo) else "unknown"',
        "client.helo",
        "tests/gateway/message/test_received.py::test_odd_helo_names_do_not_get_in",
    ),
    removal(
        "SM-13",
        DATA,
        "return Fault.LINE_TOO_LONG if self._has_long_line else None",
        "return None",
        f"{SERVER}::test_long_line_in_message",
        f"{READER}::test_line_length",
    ),
    removal(
        "SM-13",
        INBOX,
        "if skipped > JUNK_LINE:",
        "if False:",
        f"{SERVER}::test_endless_command_is_hung_up",
    ),
    removal(
        "SM-13 SM-14",
        DATA,
        "        if self._fault():\n            self._message = bytearray()\n        else:\n"
        "            self._message += clear\n",
        "        self._message += clear\n",
        f"{READER}::test_memory_is_bounded",
    ),
    removal(
        "SM-14", PARAMS, 'if int(params.get("SIZE") or 0) > offer.message_size:', "if False:", f"{DIALOGUE}[SM-14-size]"
    ),
    removal(
        "SM-14",
        DATA,
        "if self._size > self._limit:",
        "if False:",
        f"{SERVER}::test_too_big_message_is_refused_and_the_session_goes_on",
        f"{READER}::test_size",
    ),
    removal(
        "SM-15",
        PARAMS,
        '        if name not in checks or (name == "REQUIRETLS" and not offer.requiretls):\n'
        "            raise RefusedError(replies.UNKNOWN_PARAMETER)\n",
        "        if name not in checks:\n            continue\n",
        f"{DIALOGUE}[SM-15-parameters]",
        f"{IN}/test_params.py::test_bad_mail",
    ),
    removal(
        "SM-15",
        PARAMS,
        'if match["params"] and not offer.extended:',
        "if False:",
        f"{DIALOGUE}[SM-15-parameters-after-helo]",
    ),
    removal(
        "SM-16",
        COMMANDS,
        '{"BDAT", "EXPN",',
        '{"EXPN",',
        f"{DIALOGUE}[SM-16-bdat]",
    ),
    removal(
        "SM-16",
        "gateway/intake/opening.py",
        '"8BITMIME", "SMTPUTF8", "PIPELINING",',
        '"8BITMIME", "SMTPUTF8", "CHUNKING", "PIPELINING",',
        f"{SERVER}::test_what_is_offered",
    ),
    removal(
        "SM-17 ID-01",
        PARAMS,
        'if ROUTING_MARKS.search(text.rpartition("@")[0]):',
        "if False:",
        f"{DIALOGUE}[SM-17-addresses]",
        f"{DIALOGUE}[ID-01-relay-patterns]",
    ),
    removal(
        "SM-17",
        "gateway/message/address.py",
        'if len(text.encode("utf-8", "surrogatepass")) > MAX_LOCAL:',
        "if False:",
        f"{DIALOGUE}[SM-17-addresses]",
    ),
    removal("SM-18", PARAMS, "if not text.isascii() and not smtputf8:", "if False:", f"{DIALOGUE}[SM-18-smtputf8]"),
    removal(
        "SM-18",
        EXCHANGE,
        'if transaction.smtputf8 and "SMTPUTF8" not in extensions:',
        "if False:",
        f"{SESSION}::test_what_the_peer_cannot_take_is_not_sent",
    ),
    removal(
        "SM-19",
        EXCHANGE,
        'if transaction.is_8bit and "8BITMIME" not in extensions:',
        "if False:",
        f"{SEVEN_BIT}::test_on_the_wire[False]",
    ),
    removal(
        "SM-19",
        "gateway/delivery/copies.py",
        "signed = await self.sign(converted)",
        "signed = await self.sign(body)",
        f"{SEVEN_BIT}::test_on_the_wire[False]",
        f"{SEVEN_BIT}::test_the_seven_bit_form_goes_in_the_same_attempt",
    ),
    removal(
        "SM-19",
        "gateway/delivery/copies.py",
        "if signed is converted and _is_signed(body):",
        "if False:",
        f"{SEVEN_BIT}::test_an_authors_signature_is_replaced_or_respected",
    ),
    removal(
        "SM-20",
        HYGIENE,
        "len(received) >= MAX_HOPS or ",
        "",
        "tests/gateway/pipeline/test_submit.py::test_headers_that_are_refused[50 hops]",
    ),
    removal(
        "SM-20",
        HYGIENE,
        "any(name and name[1].lower() == hostname.lower() for name in names)",
        "False",
        "tests/gateway/pipeline/test_submit.py::test_headers_that_are_refused[our own name]",
    ),
)
