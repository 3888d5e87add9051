"""The import law, as far as import-linter's contracts in pyproject.toml cannot say it."""

import sys

import pytest

from tests.architecture.sources import PACKAGES, ROOT, Module, modules

# Where the types of these packages may be seen. What is not listed may be used by any adapter and by the app.
HOMES = {
    "aiohttp": ("mamba_adapters.openai", "mamba_app"),
    "authlib": ("mamba_adapters.auth",),
    "backoff": ("mamba_adapters.openai",),
    "dynaconf": ("mamba_adapters.config",),
    "joserfc": ("mamba_adapters.auth",),
    "mcp": ("mamba_adapters.mcp",),
    "openai": ("mamba_adapters.openai",),
    "opentelemetry": ("mamba_adapters.telemetry",),
    "prometheus_client": ("mamba_adapters.telemetry",),
    "redis": ("mamba_adapters.admission.redis_meter", "mamba_adapters.redis"),
    "sse_starlette": ("mamba_adapters.http",),
    "starlette": ("mamba_adapters.http", "mamba_app"),
    "uvicorn": ("mamba_adapters.http", "mamba_app"),
}


@pytest.mark.parametrize("module", modules("mamba_domain"), ids=lambda module: module.name)
def test_domain_imports_the_standard_library_and_itself_only(module: Module) -> None:
    allowed = sys.stdlib_module_names | {"mamba_domain"}
    assert [name for name in module.imports if name.partition(".")[0] not in allowed] == []


@pytest.mark.parametrize("module", modules("mamba_adapters", "mamba_app"), ids=lambda module: module.name)
def test_a_third_party_package_is_imported_only_where_it_is_adapted(module: Module) -> None:
    strays = [
        name
        for name in module.imports
        if (home := HOMES.get(name.partition(".")[0]))
        and not any(module.name == place or module.name.startswith(f"{place}.") for place in home)
    ]
    assert strays == []


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_module_imports_the_tests_or_the_legacy_http_client(module: Module) -> None:
    assert [name for name in module.imports if name.partition(".")[0] in {"tests", "httpx"}] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_with_source_is_a_package(package: str) -> None:
    folders = {module.path.parent for module in modules(package)}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()] == []
