"""What can go wrong with a job that was given to a child process.

    WorkerError
    ├── ChildCrashed
    ├── ChildTimeout
    └── PoolUnavailable

No text here holds anything of a job: a job is somebody's mail.
"""


class WorkerError(Exception):
    """Base, never raised itself."""


class ChildCrashed(WorkerError):
    """The child died, its handler raised, or it gave no proper answer: try a fresh child once, then fail closed."""


class ChildTimeout(WorkerError):
    """The child passed its wall-clock limit and was killed: try a fresh child once, then fail closed."""


class PoolUnavailable(WorkerError):
    """No child can start, too many jobs wait, or the pool is stopping: tell the peer to try later."""
