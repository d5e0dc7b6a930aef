"""RX: what wears a server out."""

from typing import Final

from tests.defences.removal import Removal, removal
from tests.defences.session import ACCEPT, OPENING
from tests.defences.wire_format import CONNECTION, DIALOGUE, IN, INBOX, PROTOCOL, SERVER

BOUNDS: Final = "gateway/intake/limits.py"
BACKLOG: Final = "gateway/pipeline/backlog.py"
LOAD: Final = "tests/gateway/daemon/test_load.py"
FEW: Final = "tests/e2e/test_descriptors.py"
LORIS: Final = f"{IN}/test_server_slow.py::test_slow_loris"

RESOURCES: Final[tuple[Removal, ...]] = (
    removal(
        "RX-01",
        BOUNDS,
        "        if network and self._open[network] >= self._per_address:\n",
        "        if False:\n",
        f"{SERVER}::test_connections_per_address_and_in_all",
    ),
    removal(
        "RX-01",
        "gateway/brake.py",
        "else packed[:8]",
        "else packed",
        f"{IN}/test_limits.py::test_one_host_is_many_addresses_in_ipv6",
    ),
    removal(
        "RX-01",
        BOUNDS,
        "if self._total >= self._connections:",
        "if False:",
        f"{SERVER}::test_connections_in_all",
        f"{IN}/test_limits.py::test_doorkeeper",
    ),
    removal(
        "RX-01",
        BOUNDS,
        "        self._total -= 1\n        self._open[network] -= 1\n",
        "        self._open[network] -= 1\n",
        f"{SERVER}::test_connections_in_all",
        f"{IN}/test_limits.py::test_doorkeeper",
    ),
    removal(
        "RX-02",
        CONNECTION,
        "self.loop.time() + self.door.deadlines.command_s",
        'float("inf")',
        f"{LORIS}[command]",
    ),
    removal("RX-02", OPENING, "self.loop.time() + self.door.deadlines.response_s", 'float("inf")', f"{LORIS}[auth]"),
    removal("RX-02", PROTOCOL, "until=pace.deadline", 'until=float("inf")', f"{LORIS}[data]"),
    removal(
        "RX-02",
        INBOX,
        "        if self._loop.time() < self._deadline:\n            self._set_timer()\n        else:\n",
        "        if self._loop.time() >= self._deadline:\n",
        f"{IN}/test_inbox.py::test_timer_of_an_earlier_wait_is_set_again",
    ),
    removal(
        "RX-02",
        INBOX,
        "        if until < self._rings_at:\n",
        "        if not self._timer:\n",
        f"{IN}/test_inbox.py::test_earlier_deadline_moves_the_timer",
    ),
    removal(
        "RX-02",
        INBOX,
        "        if self._loop.time() >= until:\n            raise TimeoutError  # RX-02\n",
        "",
        f"{LORIS}[command]",
    ),
    removal(
        "RX-02 RX-03",
        BOUNDS,
        "if size >= self._goal:",
        "if False:",
        f"{IN}/test_server_slow.py::test_honest_slow_client",
        f"{IN}/test_limits.py::test_pace_of_an_honest_client",
    ),
    removal(
        "RX-03",
        BOUNDS,
        "        self.deadline += seconds\n",
        "        pass\n",
        f"{IN}/test_limits.py::test_pace_does_not_charge_our_own_slowness",
    ),
    removal("RX-04", BOUNDS, "        self._idle -= 1\n", "", f"{SERVER}::test_endless_commands[NOOP]"),
    removal(
        "RX-04",
        PROTOCOL,
        "                self._budget.spend_idle()  # RX-04",
        "                pass  # RX-04",
        f"{SERVER}::test_endless_mail_while_the_queue_is_full",
        f"{SERVER}::test_endless_messages_for_which_it_is_too_early",
    ),
    removal("RX-04", BOUNDS, "        self._errors -= 1\n", "", f"{SERVER}::test_endless_commands[FROB]"),
    removal(
        "RX-04", PROTOCOL, "        self._budget.renew()\n", "", f"{SERVER}::test_accepted_messages_renew_the_budget"
    ),
    removal(
        "RX-05",
        PROTOCOL,
        "if len(transaction.recipients) >= self.door.recipients:",
        "if False:",
        f"{DIALOGUE}[RX-05-recipients]",
        f"{SERVER}::test_recipients_far_above_the_limit",
    ),
    removal("RX-05", BOUNDS, "        self._excess -= 1\n", "", f"{SERVER}::test_recipients_far_above_the_limit"),
    removal(
        "RX-06",
        "gateway/intake/cargo.py",
        "if new > old and others and others + new > self._limit:",
        "if False:",
        f"{IN}/test_cargo.py::test_messages_at_once_are_bounded",
    ),
    removal(
        "RX-06",
        "gateway/intake/parcel.py",
        "return kept > (PIECE_BYTES if self._spool.is_used else SMALL_BYTES)",
        "return False",
        f"{IN}/test_large.py::test_arrives_unchanged_and_is_never_on_disk_in_clear",
    ),
    removal(
        "RX-06",
        "gateway/intake/turns.py",
        "return not self._used or self._used + size <= self._limit",
        "return True",
        f"{IN}/test_large.py::test_the_second_waits_for_its_turn",
        f"{IN}/test_turns.py::test_budget_is_kept_and_given_back",
    ),
    removal(
        "RX-07",
        CONNECTION,
        "asyncio.timeout(self.door.deadlines.write_s)",
        "asyncio.timeout(None)",
        f"{IN}/test_server_slow.py::test_client_that_never_reads",
    ),
    removal(
        "RX-08",
        ACCEPT,
        "    origin = Origin(plain_ip(peer[0]), peer[1])\n",
        "    origin = Origin(plain_ip(peer[0]), peer[1])\n    socket.getfqdn(peer[0])\n",
        f"{LOAD}::test_names_of_clients_are_never_asked_for",
    ),
    removal(
        "RX-09",
        PROTOCOL,
        "raise RefusedError(REPLIES[verdict])  # RX-09",
        "pass",
        f"{SERVER}::test_full_queue_is_said_at_mail",
        f"{LOAD}::test_a_full_queue_refuses_says_so_and_drains",
    ),
    removal(
        "RX-09",
        "gateway/daemon/gateway.py",
        "await backlog.measure()  # RX-09",
        "pass  # RX-09",
        f"{LOAD}::test_a_full_queue_refuses_says_so_and_drains",
    ),
    removal(
        "RX-09",
        BACKLOG,
        "self._spawn(self.measure())",
        "pass",
        "tests/gateway/pipeline/test_backlog.py::test_it_drains_by_itself_while_clients_ask",
    ),
    removal(
        "RX-09",
        BACKLOG,
        "            self._tell(events.queue_full(at=datetime.now(UTC), queued=waiting, limit=self._limit))\n",
        "",
        "tests/gateway/pipeline/test_backlog.py::test_the_limit_is_told_once_and_in_every_way",
    ),
    removal(
        "RX-10",
        "gateway/delivery/line.py",
        "return under_way < self._most",
        "return True",
        "tests/gateway/delivery/test_fair.py::test_fresh_mail_passes_a_dead_destination",
    ),
    removal(
        "RX-10",
        "gateway/delivery/line.py",
        "if octets and octets + self._waiting[destination].first().size > self._share:",
        "if octets and self._share < 0:",
        "tests/gateway/delivery/test_fair.py::test_large_messages_of_a_dead_destination_do_not_take_all_memory",
    ),
    removal(
        "RX-10",
        "gateway/pipeline/submit.py",
        "return judged if braked is None else replace(judged, braked=braked)",
        "return judged",
        "tests/gateway/pipeline/test_brakes.py::test_too_many_messages_are_held",
    ),
    removal(
        "RX-11",
        ACCEPT,
        "client.fileno() >= door.ceiling",
        "False",
        f"{FEW}::test_clients_beyond_the_descriptors_are_told",
    ),
    removal(
        "RX-11",
        ACCEPT,
        "            await asyncio.sleep(PAUSE_S)\n",
        "            return\n",
        f"{FEW}::test_accepting_goes_on_after_the_last_descriptor",
    ),
    removal(
        "RX-11",
        "gateway/intake/descriptors.py",
        "if soft < wanted and soft < hard:",
        "if False:",
        f"{FEW}::test_the_soft_limit_is_raised",
    ),
    removal(
        "RX-11",
        "gateway/intake/spool.py",
        "if file >= self._ceiling:",
        "if False:",
        f"{IN}/test_spool.py::test_descriptors_are_left_to_everything_else",
    ),
    removal(
        "RX-12",
        "gateway/inspect/inspector.py",
        "return unpack_report(await self._pool.call(header, data, is_fresh=is_fresh))",
        'return __import__("policy.phi.classify").phi.classify.classify_message(data, subject_tags=subject_tags)',
        f"{LOAD}::test_a_busy_classifier_keeps_nobody_waiting",
    ),
)
