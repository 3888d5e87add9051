"""What `mamba-server serve --demo` adds to the settings, so that the page shows everything without a key.

The tools are made up like the model that calls them: nothing is looked up, and nothing is sent.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

from pydantic import BaseModel, Field

from mamba_adapters.config.settings import ClientToolEntry, ModelEntry, Settings
from mamba_adapters.tools import tool
from mamba_adapters.tools.functions import FunctionTool

__all__ = ["DEMO_TOOLS", "as_demo"]

_HERE: Final = "mamba_app.demo:DEMO_TOOLS"
_SKIES: Final = ("clear", "light clouds", "rain from the west", "fog until noon")
_STATIONS: Final = ("Asking the airport", "Asking the harbour", "Comparing the two")
_PAUSE: Final = 0.7
"""Seconds that a step of the made-up work takes: long enough to be seen."""


class _Place(BaseModel):
    city: str = Field(description="The city's name.")


class _Email(BaseModel):
    to: str = Field(description="The address.", json_schema_extra={"format": "email"})
    subject: str
    text: str


@tool()
async def weather(place: _Place) -> AsyncIterator[dict[str, object]]:
    """Say what the weather is like in a city."""
    for number, station in enumerate(_STATIONS, 1):
        yield {"status": f"{station}…", "progress": round(number / (len(_STATIONS) + 1), 2)}
        await asyncio.sleep(_PAUSE)
    seed = zlib.crc32(place.city.encode())
    yield {"city": place.city, "celsius": seed % 24 + 4, "sky": _SKIES[seed % len(_SKIES)], "made_up": True}


@tool(name="sendEmail", approval=True)
async def send_email(email: _Email) -> dict[str, object]:
    """Send an email, once the person has agreed."""
    await asyncio.sleep(_PAUSE)
    return {"to": email.to, "sent": False, "note": "The demo sends nothing."}


DEMO_TOOLS: Final[list[FunctionTool]] = [weather, send_email]

_GET_LOCATION: Final = ClientToolEntry(
    name="getLocation",
    description="Ask the page where the person is.",
    input_schema={
        "type": "object",
        "properties": {"precision": {"type": "string", "enum": ["city", "street"]}},
        "required": ["precision"],
        "additionalProperties": False,
    },
)


def as_demo(settings: Settings) -> Settings:
    """The settings with the demo's tools and models, and with turns that survive a reload of the page.

    Tools and models of the operator's own take the place of the demo's.
    """
    named = {entry.name for entry in settings.tools.client}
    tools = settings.tools.model_copy(
        update={
            "functions": settings.tools.functions or (_HERE,),
            "client": settings.tools.client if _GET_LOCATION.name in named else (*settings.tools.client, _GET_LOCATION),
        }
    )
    streams = settings.streams
    if streams.on_disconnect == "cancel":
        streams = streams.model_copy(update={"on_disconnect": "linger"})
    return settings.model_copy(
        update={
            "tools": tools,
            "streams": streams,
            "models": settings.models or _models(settings.openai.model),
            "cors": settings.cors.model_copy(update={"localhost": True}),
        }
    )


def _models(first: str) -> tuple[ModelEntry, ...]:
    """The default model's name and another one, so that there is something to choose."""
    note = "Played by the built-in demo model."
    second = "gpt-4o" if first != "gpt-4o" else "gpt-4o-mini"
    return tuple(
        ModelEntry(id=name, name=f"{name} (demo)", description=note, context_window=128_000) for name in (first, second)
    )
