"""The command line: `mamba-server serve | check-config | config | doctor | models | tools`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from mamba_app.ending import end_process

if TYPE_CHECKING:
    from mamba_adapters.config.load import Loaded

__all__ = ["main"]

_MISCONFIGURED = 2
_UNREAD = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit status. 2 means that a setting is wrong."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "serve":
        return _serve(arguments.config_dir, demo=arguments.demo)
    try:
        status = _report(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads, `head` perhaps, has seen enough. What is left has to go somewhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _UNREAD
    return status


def _report(arguments: argparse.Namespace) -> int:
    directory: Path | None = arguments.config_dir
    match arguments.command:
        case "check-config":
            from mamba_app.config_commands import check_config

            return check_config(directory=directory)
        case "config":
            from mamba_app.config_commands import print_config

            return print_config(directory=directory)
        case "doctor":
            return _doctor(directory, arguments.url, origin=arguments.origin)
        case "models":
            return _models(directory)
        case _:
            return _tools(directory, form=arguments.form)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mamba-server", description="A streaming chat endpoint for Vercel AI SDK user interfaces."
    )
    directory = argparse.ArgumentParser(add_help=False)
    directory.add_argument(
        "--config-dir",
        type=Path,
        metavar="DIR",
        help="where the settings files are (default: the current directory)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", parents=[directory], help="start the server")
    serve.add_argument("--demo", action="store_true", help="answer from the built-in demo model; needs no key")
    commands.add_parser("check-config", parents=[directory], help="judge the settings without starting")
    commands.add_parser("config", parents=[directory], help="print every setting with its source, secrets masked")
    doctor = commands.add_parser("doctor", parents=[directory], help="look for what is wrong, and say what to do")
    doctor.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="a running server, asked through whatever lies in between; the settings are examined without one. "
        "Its credentials are read from MAMBA_DOCTOR_TOKEN",
    )
    doctor.add_argument("--origin", help="the origin of a page that is to use the server, such as https://app.example")
    commands.add_parser("models", parents=[directory], help="list the models on offer")
    tools = commands.add_parser("tools", parents=[directory], help="list the tools on offer, or export their types")
    forms = tools.add_mutually_exclusive_group()
    forms.add_argument("--json-schema", dest="form", action="store_const", const="json", help="as JSON Schema")
    forms.add_argument("--typescript", dest="form", action="store_const", const="typescript", help="as TypeScript")
    return parser


def _loaded(directory: Path | None, *, demo: bool) -> Loaded | None:
    """The settings, or None after every problem was told. What needs no key is loaded as for the demo model."""
    from mamba_app.config_commands import load_or_report

    return load_or_report(directory=directory, overrides={"model.adapter": "demo"} if demo else {})


def _serve(directory: Path | None, *, demo: bool) -> int:
    # First, because the imports take a while. Nothing was begun yet that would have to be ended.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    if (loaded := _loaded(directory, demo=demo)) is None:
        return _MISCONFIGURED
    from mamba_app.serve import serve

    _import_from_here()
    settings = loaded.settings
    if demo:
        from mamba_app.demo import as_demo

        settings = as_demo(settings)
    return serve(settings, notes=loaded.notes)


def _leave(number: int, frame: FrameType | None) -> None:
    """An exception could be lost in a callback of the import system."""
    end_process(0)


def _doctor(directory: Path | None, url: str | None, *, origin: str | None) -> int:
    from mamba_app.doctor.command import doctor

    _import_from_here()
    return doctor(url, directory=directory, origin=origin)


def _models(directory: Path | None) -> int:
    if (loaded := _loaded(directory, demo=True)) is None:
        return _MISCONFIGURED
    for entry in loaded.settings.offered:
        name = entry.id if entry.id.startswith(f"{entry.provider}/") else f"{entry.provider}/{entry.id}"
        print(name, f"({entry.description})" if entry.description else "")
    return 0


def _tools(directory: Path | None, *, form: str | None) -> int:
    if (loaded := _loaded(directory, demo=True)) is None:
        return _MISCONFIGURED
    from mamba_app.composition import offered_tools
    from mamba_app.tool_commands import tools_as_json_schema, tools_as_table, tools_as_typescript
    from mamba_domain.errors import Misconfigured

    _import_from_here()
    try:
        specs = offered_tools(loaded.settings).specs()
    except Misconfigured as problem:
        print(f"{problem.key}: {problem.reason}", file=sys.stderr)
        return _MISCONFIGURED
    written = {"json": tools_as_json_schema, "typescript": tools_as_typescript}.get(form or "", tools_as_table)
    print(written(specs), end="")
    return 0


def _import_from_here() -> None:
    """Tools and models that settings name by a dotted path may lie in the current directory."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
