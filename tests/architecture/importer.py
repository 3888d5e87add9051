"""Imports the named modules and prints as JSON what that did besides: python importer.py ROOT MODULE..."""

import importlib
import json
import os
import sys
import threading
from pathlib import Path

__all__: list[str] = []

FORBIDDEN = {
    "_thread.start_new_thread",
    "os.exec",
    "os.fork",
    "os.mkdir",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.unsetenv",
    "socket.__new__",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
}
CODE = {".py", ".pyc", ".pth", ".so", ".typed"}


def _main(root: Path, names: list[str]) -> None:
    effects: list[str] = []

    def notice(event: str, arguments: tuple[object, ...]) -> None:
        if event in FORBIDDEN:
            effects.append(f"{event}{arguments}")
        elif event == "open":
            path, mode, flags = arguments
            writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            if writes or _is_project_data(root, path):
                effects.append(f"open({path!r}, {mode!r})")

    environment = dict(os.environ)
    sys.addaudithook(notice)
    for name in names:
        importlib.import_module(name)
    if dict(os.environ) != environment:
        effects.append("os.environ changed")
    effects += [f"thread {thread.name}" for thread in threading.enumerate() if thread is not threading.main_thread()]
    print(json.dumps({"imported": len(names), "effects": effects}))


def _is_project_data(root: Path, path: object) -> bool:
    if not isinstance(path, str):
        return False
    opened = Path(path).absolute()
    return (
        opened.is_relative_to(root)
        and not opened.is_relative_to(Path(sys.prefix).absolute())
        and opened.suffix not in CODE
    )


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
