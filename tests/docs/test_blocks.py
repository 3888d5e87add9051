"""Settings, bodies and code of the documentation are valid."""

from __future__ import annotations

import ast
import importlib
import json
import tomllib
from pathlib import Path

import httpx2
import pytest

from mamba_adapters.config.load import load
from tests.docs.pages import Block, all_blocks

CHECKED_ELSEWHERE = {
    "tsx": "tests/browser/test_snippets.py",
    "vue": "tests/browser/test_snippets.py",
    "js": "tests/browser/test_snippets.py",
    "yaml": "tests/deploy, tests/app/test_production_page.py",
    "ini": "tests/deploy",
    "nginx": "tests/deploy",
    "text": "nowhere: what a command prints, or a drawing",
    "mermaid": "nowhere: a drawing",
}
HERE = {"sh", "console", "bash", "shell", "toml", "json", "python"}
SECRETS = {
    "OPENAI_API_KEY": "sk-none",
    "AZURE_OPENAI_API_KEY": "none",
    "VLLM_API_KEY": "none",
    "MAMBA_AUTH__API_KEY": "a-key-of-sixteen-letters",
}
"""What the pages say that the environment holds."""

TOML = [block for block in all_blocks("toml") if "project" not in tomllib.loads(block.text)]


def test_every_block_is_in_a_language_that_somebody_checks() -> None:
    assert {block.language for block in all_blocks()} - HERE - set(CHECKED_ELSEWHERE) == set()


@pytest.mark.parametrize("block", TOML, ids=lambda block: block.name)
def test_settings_are_accepted(block: Block, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(block.text, "utf-8")
    load(directory=tmp_path, env=SECRETS)


@pytest.mark.parametrize("block", all_blocks("json"), ids=lambda block: block.name)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", [it for it in all_blocks("json") if it.note], ids=lambda block: block.name)
def test_a_body_is_accepted_by_the_route_that_it_names(block: Block, server: str) -> None:
    method, path = block.note.split()
    answer = httpx2.request(method, f"http://{server}{path}", json=json.loads(block.text), timeout=20, trust_env=False)
    assert answer.status_code == 200, answer.text


def test_there_are_bodies() -> None:
    assert [block for block in all_blocks("json") if block.note]


@pytest.mark.parametrize("block", all_blocks("python"), ids=lambda block: block.name)
def test_code_compiles_and_what_it_imports_of_ours_is_there(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mamba_"):
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
