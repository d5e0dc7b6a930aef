"""Who asks over the control socket, as the kernel knows: not what they say of themselves.

How this works: the socket's peer tells its user (SO_PEERCRED, unix(7)), which is root or the gateway's own, whoever
works there. The kernel also keeps under which user the session of a process was opened (`/proc/PID/loginuid`,
proc_pid_loginuid(5)); `sudo` and `su` leave that as it is. So two administrators who both use sudo are two. Where there
was no session (a container, a timer), the user is an account that people may share.

A gateway that may not look at other users' processes (`ProtectProc=` of its unit) takes the word of the command, which
reads the same of itself. Only root and the gateway's own user are heard at all; either could read the store as well.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NO_SESSION: Final = 2**32 - 1
LONGEST: Final = 64  # letters that are kept of a name


@dataclass(frozen=True, slots=True)
class Asker:
    """login: the name of a user of the system; empty: not known. is_shared: an account that is nobody's own."""

    login: str = ""
    is_shared: bool = True


UNKNOWN: Final = Asker()


def session_of(process: str, *, proc: Path = Path("/proc")) -> int | None:
    """The user whose session a process is of, or NO_SESSION; None: it cannot be seen, or the kernel keeps none."""
    try:
        return int((proc / process / "loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def session_here() -> int:
    """Of this process."""
    found = session_of("self")
    return NO_SESSION if found is None else found


def asker_of(pid: int, uid: int, *, said: int = NO_SESSION, proc: Path = Path("/proc")) -> Asker:
    """Who stands behind a process. uid: whom it runs as. said: its session by its own word, where it cannot be seen."""
    seen = session_of(str(pid), proc=proc)
    session = said if seen is None else seen
    has_session = 0 <= session < NO_SESSION
    return Asker(_name(session if has_session else uid), is_shared=not has_session)


def asker_here() -> Asker:
    """Who stands behind this process."""
    return asker_of(os.getpid(), os.geteuid())


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name[:LONGEST]
    except KeyError:
        return f"uid {uid}"
