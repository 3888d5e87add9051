"""The rules of house style that a program can judge and that no linter has."""

import ast

import pytest

from tests.architecture.sources import Module, modules

EMPTY_NAMES = {"base", "common", "core", "helpers", "misc", "models", "shared", "utils"}


def declares_all(module: Module) -> bool:
    """Whether the module assigns `__all__` at its top level."""
    return any(
        isinstance(target, ast.Name) and target.id == "__all__"
        for node in module.tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
    )


def defines_something(module: Module) -> bool:
    """Whether there is more in the module than a docstring."""
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in module.tree.body)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_lists_its_public_names(module: Module) -> None:
    assert declares_all(module) or not defines_something(module) or module.path.name == "__main__.py"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_is_named_for_a_concept(module: Module) -> None:
    assert not EMPTY_NAMES & set(module.name.split("."))
