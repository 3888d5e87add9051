"""Installs the npm clients as package-lock.json pins them: `python -m tests.sdk.install`.

Does nothing when that lock is installed already. The registry is the one that npm on this machine is configured for.
"""

import subprocess
import sys
import time

from tests.sdk.node import FOLDER, MODULES, lock_digest, node_executable, npm_command, sdk_modules

__all__ = ["main"]

_PAUSES = (3.0, 10.0)
_TIMEOUT = 300.0


def main() -> int:
    """Returns the exit status: 0 when the clients are installed."""
    if sdk_modules() is None:
        print("tests/sdk: the npm clients are installed as locked.")
        return 0
    npm = npm_command()
    if not npm:
        print("tests/sdk: there is no Node that is new enough, or no npm beside it.", file=sys.stderr)
        return 1
    print(f"tests/sdk: npm ci, with {node_executable()}", flush=True)
    for pause in (*_PAUSES, None):
        if _installed([*npm, "ci", "--no-progress", "--ignore-scripts"]):
            (MODULES / ".stamp").write_text(lock_digest(), "utf-8")
            print("tests/sdk: installed.")
            return 0
        if pause is not None:
            print(f"tests/sdk: npm failed; trying again in {pause:g} s.", file=sys.stderr, flush=True)
            time.sleep(pause)
    print("tests/sdk: npm could not install the clients; what it said stands above.", file=sys.stderr)
    return 1


def _installed(command: list[str]) -> bool:
    try:
        return subprocess.run(command, cwd=FOLDER, timeout=_TIMEOUT, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"tests/sdk: npm took longer than {_TIMEOUT:g} s.", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(main())
