"""Every variable and every settings key that is written anywhere outside the code is one that the code reads."""

import re
import tomllib
from pathlib import Path

import pytest

from mamba_adapters.config.environment import DIRECTORY_VARIABLE
from mamba_adapters.config.keys import all_keys, find_key
from mamba_app.doctor.running import TOKEN
from tests.architecture.sources import ROOT, modules, project_files
from tests.deploy.settings_tables import unknown_keys

VARIABLE = re.compile(r"(?<![A-Z0-9_$])MAMBA_[A-Z0-9_]+")
SECTIONS = {name.partition(".")[0] for name in all_keys() if "." in name}
KEY = re.compile(rf"`((?:{'|'.join(sorted(SECTIONS))})\.[a-z_0-9.]+)(?: = [^`]*)?`")
TOML_BLOCK = re.compile(r"^( *)```toml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

PAGE_SERVER = (ROOT / "playground/vite.config.js").read_text("utf-8")
FILE = re.compile(r"\.(?:json|lock|md|py|toml|ya?ml)$")

PAGES = [path for path in project_files() if path.suffix == ".md" and "tests" not in path.parts]
OUTSIDE = [
    *(path for path in project_files() if (ROOT / "deploy") in path.parents),
    *(ROOT / name for name in ("Containerfile", "Makefile", "mamba_app/probe.py", "mamba_app/serve.py")),
    *PAGES,
]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def variables(text: str) -> set[str]:
    """The names in full; `MAMBA_*` and `MAMBA_AUTH__...` name none."""
    return {name for name in VARIABLE.findall(text) if not name.endswith("_")}


def is_read(variable: str) -> bool:
    path = variable.removeprefix("MAMBA_").lower().split("__")
    return (
        variable in (DIRECTORY_VARIABLE, TOKEN)
        or find_key(path) is not None
        or f"process.env.{variable} " in PAGE_SERVER
    )


@pytest.mark.parametrize("path", OUTSIDE, ids=named)
def test_every_variable_is_one_that_the_code_reads(path: Path) -> None:
    assert {name for name in variables(path.read_text("utf-8")) if not is_read(name)} == set()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_settings_key_of_a_page_exists(path: Path) -> None:
    source = "".join(module.path.read_text("utf-8") for module in modules())
    keys = {key.rstrip(".") for key in KEY.findall(path.read_text("utf-8")) if not FILE.search(key)}
    # What has the form of a key may be the name of a log event.
    assert {key for key in keys if find_key(key.split(".")) is None and f'"{key}"' not in source} == set()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_settings_file_of_a_page_is_made_of_keys_that_exist(path: Path) -> None:
    blocks = [block for _, block in TOML_BLOCK.findall(path.read_text("utf-8"))]
    tables = [table for block in blocks if set(table := tomllib.loads(block)) & {*SECTIONS, "models"}]
    assert [key for table in tables for key in unknown_keys(table)] == []


def test_a_name_that_nobody_reads_is_found() -> None:
    assert not is_read("MAMBA_SERVER__PRT")
    assert not is_read("MAMBA_PORT")
    assert variables("MAMBA_SERVER__PRT=1 MAMBA_* ${MAMBA_AUTH__MODE}") == {"MAMBA_SERVER__PRT", "MAMBA_AUTH__MODE"}
    assert list(unknown_keys({"server": {"prt": 1}, "models": [{"id": "a", "di": "b"}]})) == [
        "server.prt",
        "models.0.di",
    ]
    assert KEY.findall("`server.prt = 1` and `server.port`") == ["server.prt", "server.port"]
