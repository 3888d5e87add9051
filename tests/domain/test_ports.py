"""The ports say what they promise; some of them know a way to do nothing."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

from mamba_domain import ports
from mamba_domain.ports.health import Readiness
from mamba_domain.ports.upkeep import EndpointObserver, NoUpkeep, StoreObserver

MODULES = [import_module(f"{ports.__name__}.{module.name}") for module in pkgutil.iter_modules(ports.__path__)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_port_and_every_method_says_what_it_promises(module: ModuleType) -> None:
    protocols = [
        thing
        for name in module.__all__
        if inspect.isclass(thing := getattr(module, name)) and getattr(thing, "_is_protocol", False)
    ]
    silent = [protocol.__name__ for protocol in protocols if not protocol.__doc__]
    silent += [
        f"{protocol.__name__}.{name}"
        for protocol in protocols
        for name, member in vars(protocol).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
        if not member.__doc__
    ]
    assert silent == []


def test_a_process_is_not_ready_before_it_says_so() -> None:
    assert Readiness().ready is False


def test_upkeep_may_go_unmeasured() -> None:
    nobody = NoUpkeep()
    endpoints: EndpointObserver = nobody
    store: StoreObserver = nobody
    endpoints.attempt_failed(endpoint="openai", code="MODEL_ERROR")
    endpoints.attempt_repeated(endpoint="openai")
    endpoints.breaker_changed(endpoint="openai", is_open=True)
    store.store_written(lag=0.1)
    store.store_failed(operation="write")
