"""`python -m mamba_app`: the same as `mamba-server`."""

from mamba_app.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    raise SystemExit(main())
