"""What an organisation added reaches the confined inspectors, and none starts without it."""

import os
from pathlib import Path

import pytest

from gateway.inspect.inspector import Inspector, NoInspector, inspector_pool
from gateway.inspect.wire import pack_custom, unpack_custom
from gateway.workers.limits import Limits
from gateway.workers.spawn import spawn
from policy.phi.classify import classify_message
from policy.phi.custom.detect import Custom, CustomDetectors
from policy.phi.custom.patients import build_list, entry
from policy.phi.report import Kind
from tests.policy.phi.messages import mail

KEY = bytes(range(32))
ADDED = Custom(
    mrn_shapes=(r"LK\d{2}[A-Z]\d{3}",),
    programmes=("Blue Door",),
    allow=("(312) 555-0100",),
    dictionaries=((Kind.DRUG, ("zorvexil",)),),
    patients=build_list([entry("rain cloud")], KEY)[0],
    patients_key=KEY,
)
MESSAGES = (
    mail("LK12B345 has pneumonia and is on azithromycin."),
    mail("DOB 05/01/1970, joined Blue Door on zorvexil. Call (312) 555-0100."),
    mail("rain cloud has pneumonia and is on azithromycin."),
)


def test_it_survives_the_wire() -> None:
    assert unpack_custom(pack_custom(ADDED)) == ADDED
    assert pack_custom(Custom()) == b""
    assert unpack_custom(b"") == Custom()


@pytest.mark.slow
async def test_confined_inspectors_know_it() -> None:
    """Each of them, the one that came later too, finds what the classifier finds in the open."""
    pool = inspector_pool(1, custom=ADDED, limits=Limits(jobs=2))
    await pool.start()
    try:
        for data in MESSAGES * 2:
            report = await Inspector(pool).inspect(data, subject_tags=())
            assert report == classify_message(data, custom=CustomDetectors(ADDED))
            assert report.phi
            assert not classify_message(data).phi or b"Blue Door" in data
    finally:
        await pool.stop()
    assert pool.deaths == 0


@pytest.mark.slow
async def test_without_its_list_no_inspector_starts() -> None:
    """A list that cannot be read would find nobody, in silence: mail is deferred instead (451)."""
    pool = inspector_pool(1, custom=Custom(patients=ADDED.patients, patients_key=bytes(32)))
    await pool.start()
    try:
        with pytest.raises(NoInspector):
            await Inspector(pool).inspect(MESSAGES[0], subject_tags=())
    finally:
        await pool.stop()


@pytest.mark.slow
def test_the_setup_is_seen_by_nobody_else() -> None:
    """It stands in no argument, no variable and no file with a name; the key of the list is in it."""
    ours, theirs = os.pipe()
    process = spawn("tests.gateway.inspect.waits", theirs, Limits(), b"the-setup")
    os.close(theirs)
    try:
        assert os.read(ours, 100) == b"the-setup"
        proc = Path("/proc") / str(process.pid)
        assert b"the-setup" not in (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        assert (proc / "fd/0").readlink() == Path("/dev/null")
    finally:
        os.close(ours)
        process.kill()
        process.wait()
