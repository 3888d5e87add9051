"""The project's source as the architecture tests read it: its modules, and what each of them imports."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "Module", "modules", "project_files"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mamba_domain", "mamba_adapters", "mamba_app")


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return ast.parse(self.path.read_bytes(), str(self.path))

    @property
    def imports(self) -> Iterator[str]:
        """The absolute name of every module that this one imports, at its top or anywhere deeper."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    yield from (alias.name for alias in names)
                case ast.ImportFrom(module=module, level=0) if module is not None:
                    yield module
                case ast.ImportFrom(module=module, level=level):
                    depth = level - 1 if self.path.name == "__init__.py" else level
                    parents = self.name.split(".")
                    yield ".".join([*parents[: len(parents) - depth], *([module] if module else [])])


def modules(*packages: str) -> list[Module]:
    """Every module of these packages, or of all three, in the order of their names."""
    return sorted(
        (
            Module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path)
            for package in packages or PACKAGES
            for path in (ROOT / package).rglob("*.py")
        ),
        key=lambda module: module.name,
    )


def project_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]
