"""Metrics of several worker processes, kept in files of one directory and added up by whichever worker is asked.

prometheus-client decides for or against that when it is imported: `share_metrics` therefore comes before anything imports
the metrics, in the process that starts the workers, and imports nothing of it itself.

A server that is killed leaves its directory behind, so the next one removes it. Each holds a lock in its own for as long as
one of its processes lives, in whatever namespace: a lock that can be had is that of a server that is gone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["forget_worker", "share_metrics"]

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "mamba-metrics-"
_LOCK = "owner"


@contextmanager
def share_metrics(env: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """While this lasts, processes that are started add their metrics up. A directory that is named already is emptied.

    Files of earlier processes would be counted again.
    """
    given = env.get(_DIRECTORY)
    if given:
        shutil.rmtree(given, ignore_errors=True)
        os.makedirs(given, exist_ok=True)
        directory, lock = given, None
    else:
        _remove_left_behind()
        directory, lock = _own_directory()
    env[_DIRECTORY] = directory
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if lock is not None:
            os.close(lock)
            env.pop(_DIRECTORY, None)


def forget_worker(pid: int, env: Mapping[str, str] = os.environ) -> None:
    """A worker has died: what it had open counts no longer, what it had done still does. Does nothing without workers."""
    directory = env.get(_DIRECTORY)
    if directory:
        for path in Path(directory).glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)


def _own_directory() -> tuple[str, int]:
    """A new directory, and the lock in it, which forked workers hold along."""
    while True:
        directory = tempfile.mkdtemp(prefix=_PREFIX)
        lock = os.open(os.path.join(directory, _LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another server that starts may have had the lock first, and removed what nobody seemed to own.
        if os.path.isdir(directory):
            return directory, lock
        os.close(lock)


def _remove_left_behind() -> None:
    """Remove the directories of this user's servers that are gone."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = directory.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(lock)
