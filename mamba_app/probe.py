"""`python -m mamba_app.probe`: whether the server in this container answers, for health checks that run a command.

It knows the port from `MAMBA_SERVER__PORT` alone, and imports next to nothing: it runs every few seconds.
"""

from __future__ import annotations

import http.client
import os
import sys

__all__ = ["main"]

_TIMEOUT = 2.0


def main(path: str = "/health/live") -> int:
    """The exit status: 0 when the server says 200."""
    port = int(os.environ.get("MAMBA_SERVER__PORT") or 8000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        return 0 if connection.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
