"""Metrics of several worker processes, kept in files of one directory and added up by whichever worker is asked.

prometheus-client decides for or against that when it is imported: `share_metrics` therefore comes before anything imports
the metrics, in the process that starts the workers, and imports nothing of it itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["forget_worker", "share_metrics"]

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def share_metrics(env: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """While this lasts, processes that are started add their metrics up. A directory that is named already is emptied.

    Files of earlier processes would be counted again.
    """
    given = env.get(_DIRECTORY)
    directory = given or tempfile.mkdtemp(prefix="mamba-metrics-")
    if given:
        shutil.rmtree(given, ignore_errors=True)
    os.makedirs(directory, exist_ok=True)
    env[_DIRECTORY] = directory
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if given is None:
            env.pop(_DIRECTORY, None)


def forget_worker(pid: int, env: Mapping[str, str] = os.environ) -> None:
    """A worker has died: what it had open counts no longer, what it had done still does. Does nothing without workers."""
    directory = env.get(_DIRECTORY)
    if directory:
        for path in Path(directory).glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)
