"""The command line: `mamba-server serve | check-config | config | models`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit status. 2 means that a setting is wrong."""
    arguments = _parser().parse_args(argv)
    directory: Path | None = arguments.config_dir
    match arguments.command:
        case "serve":
            return _serve(directory, demo=arguments.demo)
        case "check-config":
            from mamba_app.config_commands import check_config

            return check_config(directory=directory)
        case "config":
            from mamba_app.config_commands import print_config

            return print_config(directory=directory)
        case _:
            return _models(directory)


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
    serve.add_argument(
        "--demo", action="store_true", help="answer from the built-in demo model; needs no key"
    )
    commands.add_parser("check-config", parents=[directory], help="judge the settings without starting")
    commands.add_parser(
        "config", parents=[directory], help="print every setting with its source, secrets masked"
    )
    commands.add_parser("models", parents=[directory], help="list the models on offer")
    return parser


def _serve(directory: Path | None, *, demo: bool) -> int:
    from mamba_app.config_commands import EXIT_MISCONFIGURED, load_or_report

    loaded = load_or_report(directory=directory, overrides={"model.adapter": "demo"} if demo else {})
    if loaded is None:
        return EXIT_MISCONFIGURED
    from mamba_app.serve import serve

    return serve(loaded.settings, notes=loaded.notes)


def _models(directory: Path | None) -> int:
    from mamba_app.config_commands import EXIT_MISCONFIGURED, load_or_report

    loaded = load_or_report(directory=directory)
    if loaded is None:
        return EXIT_MISCONFIGURED
    for entry in loaded.settings.offered:
        name = entry.id if entry.id.startswith(f"{entry.provider}/") else f"{entry.provider}/{entry.id}"
        print(name, f"({entry.description})" if entry.description else "")
    return 0
