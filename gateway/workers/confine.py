"""Closing the doors of a child: after this it can compute, read what it is sent, and answer; nothing else.

Each layer is tried on its own, since containers and older kernels refuse some; what holds is told to the parent, for
`mailward doctor`. The order matters: a new user namespace wants a single thread and clears the parent-death signal,
Landlock and seccomp want no_new_privs, and seccomp comes last because it refuses the calls of the others.
"""

import resource
import signal
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from gateway.workers import kernel, landlock, seccomp
from gateway.workers.limits import Limits


class Layer(StrEnum):
    """One thing that confines a child."""

    NETWORK_NAMESPACE = "network-namespace"
    NO_CAPABILITIES = "no-capabilities"
    NO_NEW_PRIVS = "no-new-privs"
    DIES_WITH_PARENT = "dies-with-parent"
    NOT_DUMPABLE = "not-dumpable"
    LIMITS = "limits"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"


def _set_limits(limits: Limits) -> None:
    ceilings = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_s * (limits.jobs + 1),  # a life; `allow_job` bounds each job
    }
    for which, ceiling in ceilings.items():
        _soft, hard = resource.getrlimit(which)
        bound = ceiling if hard == resource.RLIM_INFINITY else min(ceiling, hard)
        resource.setrlimit(which, (bound, bound))


STEPS: Final[tuple[tuple[Layer, Callable[[Limits], None]], ...]] = (
    (Layer.NETWORK_NAMESPACE, lambda _: kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)),
    (Layer.NO_CAPABILITIES, lambda _: kernel.drop_capabilities()),
    (Layer.NO_NEW_PRIVS, lambda _: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)),
    (Layer.DIES_WITH_PARENT, lambda _: kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)),
    (Layer.NOT_DUMPABLE, lambda _: kernel.prctl(kernel.PR_SET_DUMPABLE, 0)),
    (Layer.LIMITS, _set_limits),
    (Layer.LANDLOCK, lambda _: landlock.restrict()),
    (Layer.SECCOMP, lambda _: seccomp.restrict()),
)


def confine(limits: Limits) -> tuple[Layer, ...]:
    """Apply every layer that this system allows, for the rest of the process. Returns: those that hold."""
    held = []
    for layer, apply in STEPS:
        try:
            apply(limits)
        except (OSError, ValueError):
            continue
        held.append(layer)
    return tuple(held)


def allow_job(limits: Limits) -> None:
    """Give the next job its processor time: SIGXCPU ends the child once it is used up."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = int(usage.ru_utime + usage.ru_stime) + 1 + limits.cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))
