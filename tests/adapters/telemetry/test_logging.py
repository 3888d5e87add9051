"""One pipeline: what it draws, and what it never draws."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from mamba_adapters.config.secrets import secret_values
from mamba_adapters.config.settings import Settings
from mamba_adapters.telemetry.logging import configure_logging
from mamba_adapters.telemetry.redaction import line_masker
from tests.app.harness import running_app, settings
from tests.fakes.scripted_model import ScriptedModel, call_script, text_script

CANARY = "c4n4ry-s3cr3t"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The logging of the process as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def configure(style: Literal["json", "console"] = "json", level: str = "INFO", *secrets: str) -> Any:
    configure_logging(level=level, style=style, secrets=secrets)
    return structlog.stdlib.get_logger("mamba.test")


def test_our_lines_and_those_of_libraries_are_one_stream_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure()
    log.info("turn.ended", tokens=3)
    logging.getLogger("uvicorn.error").warning("started %s", "here")
    logging.getLogger("anything").error("broken", extra={"more": 1})
    ours, servers, others = lines(capsys)
    assert (ours["event"], ours["tokens"], ours["level"], ours["logger"]) == ("turn.ended", 3, "info", "mamba.test")
    assert (servers["event"], servers["level"]) == ("started here", "warning")
    assert (others["event"], others["more"]) == ("broken", 1)
    assert all(line["timestamp"].endswith("Z") for line in (ours, servers, others))


def test_the_level_holds_for_all_and_chatty_libraries_stay_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure("json", "DEBUG")
    log.debug("seen")
    for name in ("httpx2", "httpcore2", "openai", "aiohttp", "sse_starlette"):
        logging.getLogger(name).debug("a chunk")
    assert [line["event"] for line in lines(capsys)] == ["seen"]
    configure("json", "ERROR").warning("not seen")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_secret_is_masked_wherever_it_stands(
    style: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    log = configure(style, "DEBUG", CANARY, 'quo"ted\\secret')
    log.info("a", api_key=CANARY, headers={"Authorization": CANARY, "x": [{"client_secret": CANARY}]})
    log.info("b", text=f"it was {CANARY}.", other='quo"ted\\secret')
    logging.getLogger("library").warning("with %s inside", CANARY)
    try:
        hidden = CANARY
        raise ValueError(f"bad key {hidden}")
    except ValueError:
        log.exception("c")
    written = capsys.readouterr().out
    assert CANARY not in written
    assert "ted\\" not in written
    assert "ValueError" in written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("authorization: Bearer abcdefghijkl", "authorization: Bearer ****"),
        ("key sk-proj-abcdefghijkl was refused", "key **** was refused"),
        ("redis://:p4ssw0rd@cache:6379/0", "redis://:****@cache:6379/0"),
        ("eyJhbGciOiJI.eyJzdWIi.c2ln", "****"),
        ("http://127.0.0.1:8000/path", "http://127.0.0.1:8000/path"),
        ("the bearer of good news", "the bearer of good news"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert line_masker([])(text) == shown


@given(st.text(min_size=6).filter(lambda text: "*" not in text), st.text())
def test_no_secret_gets_through(secret: str, around: str) -> None:
    assert secret not in line_masker([secret])(f"{around}{secret}{around}").replace("*", "")


def test_numbers_of_tokens_are_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure().info("a", input_tokens=3, output_tokens=4, tokens=7)
    (line,) = lines(capsys)
    assert (line["input_tokens"], line["output_tokens"], line["tokens"]) == (3, 4, 7)


def test_the_secrets_of_the_settings_are_known() -> None:
    configured = Settings.model_validate(
        {
            "openai": {"api_key": "sk-first"},
            "tools": {"secrets": ["s" * 32]},
            "models": [{"id": "a", "api_key_env": "ELSEWHERE"}, {"id": "b", "api_key": "k-second"}],
        }
    )
    assert set(secret_values(configured, {"ELSEWHERE": "from-env"})) == {"sk-first", "s" * 32, "from-env", "k-second"}


@pytest.mark.parametrize("wanted", [True, False])
async def test_prompts_are_written_where_they_were_asked_for_and_nowhere_else(
    wanted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json", "DEBUG")
    model = ScriptedModel(call_script(("c1", "generateCard", '{"title": "Sesame"}')), text_script("Open sesame"))
    async with running_app(settings({"logging.prompts": wanted}), model_for=lambda _: model) as app:
        await app.chat("sesame?")
    written = capsys.readouterr().out
    assert ("sesame" in written.lower()) is wanted
    if wanted:
        events = [json.loads(line) for line in written.splitlines()]
        asked = [line["messages"] for line in events if line["event"] == "model.asked"]
        assert asked[0] == [{"role": "user", "parts": ["sesame?"]}]
        assert asked[1][0]["results"][0]["output"]["title"] == "Sesame"
        assert [line["parts"] for line in events if line["event"] == "model.said"][1] == ["Open sesame"]
