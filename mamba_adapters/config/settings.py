"""Every setting: one frozen class a section, with default, bounds and a line of meaning for each key.

To add a key, add a field here and run `python -m mamba_adapters.config.describe > settings.toml`. To add a section,
add a class and name it in `Settings`. A field with a validator of its own carries an `Allowed` mark, so that problems
and `settings.toml` say in words what the validator accepts. A key without a default has an example.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

__all__ = [
    "Allowed",
    "ApiKeyEntry",
    "Auth",
    "Chat",
    "ClientToolEntry",
    "Cors",
    "Limits",
    "Logging",
    "McpEntry",
    "Model",
    "ModelEntry",
    "ObjectEntry",
    "Objects",
    "OpenAI",
    "Redis",
    "Section",
    "Server",
    "Settings",
    "Streams",
    "Tools",
]

_MEBIBYTE = 1024 * 1024
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:]+\])(:(?P<port>[1-9][0-9]{0,4}))?")
_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a validator accepts, in words that end a sentence begun with "allowed:"."""

    text: str


def _wrong(reason: str) -> PydanticCustomError:
    """A refusal whose text holds nothing of the value, which may be a secret."""
    return PydanticCustomError("setting", reason)


def _model_adapter(value: str) -> str:
    if value not in {"openai-chat", "openai-responses", "demo"} and not _FACTORY.fullmatch(value):
        raise _wrong("names no adapter")
    return value


def _auth_mode(value: str) -> str:
    if value not in {"none", "api_key", "jwt"} and not _FACTORY.fullmatch(value):
        raise _wrong("names no way to authenticate")
    return value


def _stream_store(value: str) -> str:
    if value not in {"memory", "redis"} and not _FACTORY.fullmatch(value):
        raise _wrong("names no store")
    return value


def _http_url(value: str) -> str:
    try:
        url = urlsplit(value)
        right = url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        right = False
    else:
        right = right and not (url.query or url.fragment or "@" in url.netloc)
    if not right or not re.fullmatch(r"[!-~]+", value):
        raise _wrong("is not a usable URL")
    return value


def _origin(value: str) -> str:
    """An origin that no browser would send as it is written would never match."""
    form = _ORIGIN.fullmatch(value)
    if value != "*" and (form is None or form["port"] == {"http": "80", "https": "443"}.get(form["scheme"], "")):
        raise _wrong("is not written as browsers write origins: small letters, no path, no default port")
    return value


def _proxies(value: str) -> str:
    if value.strip() != "*":
        for part in filter(None, (part.strip() for part in value.split(","))):
            try:
                ipaddress.ip_network(part)
            except ValueError:
                raise _wrong("has a part that is no address and no network") from None
    return value


def _ui_profile(value: str) -> str:
    if value != "compat" and not re.fullmatch(r"\d{1,4}(\.\d{1,4}){0,2}", value):
        raise _wrong("names no release")
    return value


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not re.fullmatch(r"(redis|rediss|unix)://[!-~]+", value.get_secret_value()):
        raise _wrong("is no URL of a Redis server")
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _empty_is_unset(value: object) -> object:
    return None if value == "" else value


def _fits_a_header(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise _wrong("has a space, a line break or another character that no HTTP header can carry")
    return value


Name = Annotated[
    str,
    Field(min_length=1, max_length=256, pattern=r"^[!-~]+$"),
    Allowed("1 to 256 visible ASCII characters"),
]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1)]
HttpUrl = Annotated[
    str, AfterValidator(_http_url), Allowed("an http or https URL without credentials, query and fragment")
]
Secret = Annotated[
    SecretStr | None,
    BeforeValidator(_empty_is_unset),
    AfterValidator(_fits_a_header),
    Allowed("visible ASCII characters without spaces"),
]


class Section(BaseModel):
    """A table of settings. Unknown keys are refused, and errors never carry the value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation in (int, float, int | None, float | None):
            raise _wrong("must be a number, not true or false")
        return value


class Server(Section):
    """The listening socket and the life of the process."""

    host: Annotated[str, Field(min_length=1), Allowed("a host name or an IP address")] = Field(
        "0.0.0.0",  # noqa: S104 - a service in a container listens on every interface
        description="Address to listen on.",
    )
    port: int = Field(8000, ge=0, le=65_535, description="TCP port to listen on; 0 takes a free one.")
    max_body_bytes: Count = Field(4 * _MEBIBYTE, description="Largest request body, in bytes; a larger one gets 413.")
    head_timeout: Seconds = Field(
        10.0, description="Seconds in which a request's head must come, counted from the connection for the first one."
    )
    body_timeout: Seconds = Field(30.0, description="Seconds in which a request's body must come.")
    docs: bool = Field(True, description="Whether /docs, /redoc and /openapi.json are served.")
    metrics: bool = Field(True, description="Whether /metrics is served, for Prometheus.")
    playground: bool = Field(True, description="Whether / serves the playground, a chat page for trying the server.")
    forwarded_allow_ips: Annotated[
        str, AfterValidator(_proxies), Allowed('IP addresses and networks, separated by commas, or "*"')
    ] = Field(
        "127.0.0.1",
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    drain_delay: float = Field(
        5.0,
        ge=0,
        le=3600,
        description="Seconds from SIGTERM, when /health/ready turns false, until connections are refused.",
    )
    grace: float = Field(
        25.0,
        ge=0,
        le=86_400,
        description="Seconds from SIGTERM in which running turns may end; what is left then ends with an error.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that share the port; one that dies is replaced. Streams that are to survive want redis then.",
    )


class Logging(Section):
    """What is written to the log, and how."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="Least severe level that is written."
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="Form of a line; auto is console on a terminal and json elsewhere."
    )
    prompts: bool = Field(False, description="Whether prompts and answers are logged; they may hold personal data.")


Adapter = Annotated[
    str,
    AfterValidator(_model_adapter),
    Allowed('"openai-chat", "openai-responses", "demo" or "package.module:factory"'),
]


class Model(Section):
    """Which adapter answers."""

    adapter: Adapter = Field(
        "openai-chat",
        description="What answers: OpenAI's Chat Completions or Responses API, the offline demo, or a factory of yours.",
    )


class OpenAI(Section):
    """The connection to the OpenAI API, or to another that speaks its language."""

    api_key: Secret = Field(
        None,
        description="The API key; OPENAI_API_KEY sets it too. The openai adapters need one.",
        examples=[""],
    )
    base_url: HttpUrl = Field("https://api.openai.com/v1", description="Root of the API; OPENAI_BASE_URL sets it too.")
    api_version: Annotated[Name | None, Allowed("1 to 256 visible ASCII characters")] = Field(
        None,
        description="The api-version that Azure OpenAI wants; setting it sends the key as Azure wants it, too.",
        examples=["2024-10-21"],
    )
    model: Name = Field("gpt-4o-mini", description="The model that answers when models is empty.")
    connect_timeout: Seconds = Field(5.0, description="Seconds to connect to the API.")
    first_event_timeout: Seconds = Field(30.0, description="Seconds from the request to the first event of the answer.")
    max_attempts: int = Field(
        3,
        ge=1,
        le=10,
        description="Attempts to open an answer, the first one included; none after output began.",
    )
    retry_wait: Seconds = Field(
        0.5, description="Seconds before the second attempt, at most: the wait is random, and may double each time."
    )


class ModelEntry(Section):
    """A model that clients may ask for."""

    id: Name = Field(description="What clients send, with or without the provider prefix.")
    name: str | None = Field(None, description="What a user interface shows; the id when unset.")
    provider: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), Allowed("letters a-z, digits, . _ -")] = (
        Field("openai", description="Prefix of the id in GET /models.")
    )
    description: str = Field("", description="A sentence for users.")
    context_window: Annotated[int | None, Field(ge=1)] = Field(
        None, description="Tokens that fit into a request and its answer."
    )
    supports_tools: bool = Field(True, description="Whether the model can call tools.")
    upstream_model: Annotated[Name | None, Allowed("1 to 256 visible ASCII characters")] = Field(
        None, description="The name that the provider knows; the id when unset."
    )
    adapter: Annotated[
        Annotated[str, AfterValidator(_model_adapter)] | None,
        Allowed('"openai-chat", "openai-responses", "demo" or "package.module:factory"'),
    ] = Field(None, description="What answers for this model; model.adapter when unset.")
    base_url: Annotated[
        Annotated[str, AfterValidator(_http_url)] | None,
        Allowed("an http or https URL without credentials, query and fragment"),
    ] = Field(
        None, description="Root of this model's API. A model without a connection of its own uses that of openai."
    )
    api_key: Secret = Field(None, description="The key for this model's API; none is sent to a base_url without one.")
    api_key_env: Annotated[
        Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None, Allowed("the name of a variable")
    ] = Field(None, description="The environment variable that holds that key, in place of api_key.")
    api_version: Annotated[Name | None, Allowed("1 to 256 visible ASCII characters")] = Field(
        None, description="The api-version that Azure OpenAI wants, for an Azure connection."
    )
    fallback: tuple[str, ...] = Field(
        (), description="Ids of other models, asked in this order where this one fails before its first output."
    )
    is_reasoning: bool | None = Field(
        None, description="Whether the model thinks before it speaks, for openai-responses; its name tells when unset."
    )
    reasoning_effort: Annotated[Name | None, Allowed("a level that the model knows, such as low")] = Field(
        None, description="How much the model is to think; for models that know levels."
    )
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = Field(
        None, description="How much of its thinking is shown, for openai-responses; nothing when unset."
    )

    @property
    def qualified_id(self) -> str:
        """The id with the provider prefix."""
        return self.id if self.id.startswith(f"{self.provider}/") else f"{self.provider}/{self.id}"

    @property
    def has_own_connection(self) -> bool:
        """Whether it is reached otherwise than by the connection of `openai`."""
        return any(value is not None for value in (self.base_url, self.api_key, self.api_key_env, self.api_version))


class Chat(Section):
    """What a turn may be, take and cost."""

    system_prompt: str = Field("", description="System message put before every conversation; empty for none.")
    client_system_messages: Literal["keep", "drop", "reject"] = Field(
        "keep", description="What becomes of system messages that a client sends; reject answers 400."
    )
    open_models: bool = Field(False, description="Whether models that are not listed are handed to the API as named.")
    max_steps: int = Field(10, ge=1, le=100, description="Model calls in one turn, tool rounds included.")
    commit_after: float = Field(
        10.0,
        ge=0,
        le=86_400,
        description="Seconds of silence before the 200 is sent; a failure before then is an HTTP status.",
    )
    when_busy: Literal["replace", "reject"] = Field(
        "replace",
        description="What a message does to a turn that still runs in its chat: it stops that, or it is refused with 409.",
    )
    idle_timeout: Seconds = Field(60.0, description="Seconds of silence between two events of the model.")
    total_timeout: Seconds = Field(600.0, description="Seconds that a whole turn may take.")
    max_messages: Count = Field(1000, description="Messages in one request.")
    max_parts: Count = Field(2000, description="Message parts in one request.")
    max_text_chars: Count = Field(1_000_000, description="Characters of text in one request.")
    max_file_bytes: Count = Field(4 * _MEBIBYTE, description="Bytes of one attached file, decoded from its data: URL.")
    temperature_max: float = Field(2.0, ge=0, le=2, description="Highest temperature that a request may ask for.")
    max_output_tokens: Annotated[int | None, Field(ge=1)] = Field(
        None,
        description="Tokens of one answer: the most that a request may ask for, and the default.",
        examples=[4096],
    )
    title_model: Annotated[Name | None, Allowed("the id of a model on offer")] = Field(
        None, description="The model that names conversations; the default model when unset.", examples=["gpt-4o-mini"]
    )
    title_timeout: Seconds = Field(8.0, description="Seconds that a title may take before the page has to do without.")


class ClientToolEntry(Section):
    """A tool that the page carries out."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$"), Allowed("1 to 64 letters, digits, _ and -")] = Field(
        description="What the model calls, and the page's tool is named."
    )
    description: str = Field(description="What it does, for the model.")
    input_schema: dict[str, Any] = Field(description="JSON Schema of its input: an object.")


class McpEntry(Section):
    """A server of the Model Context Protocol: over HTTP with `url`, or as a subprocess with `command`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,32}$"), Allowed("1 to 32 letters, digits and dashes")] = Field(
        description="Prefix of its tools' names."
    )
    url: HttpUrl | None = Field(None, description="Its streamable HTTP endpoint.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Headers of each request to it.")
    command: str | None = Field(None, description="The program to start.")
    arguments: tuple[str, ...] = Field((), description="The program's arguments.")
    environment: dict[str, SecretStr] = Field(default_factory=dict, description="The program's variables.")
    approval: bool = Field(False, description="Whether each call needs a person's consent.")


class Tools(Section):
    """What models may call."""

    display: bool = Field(
        True, description="Whether generateForm, generateChart, generateCode and generateCard are offered."
    )
    entry_points: bool = Field(True, description="Whether tools that installed packages announce are offered.")
    functions: tuple[str, ...] = Field((), description='Python tools to offer, as "package.module:name".')
    client: tuple[ClientToolEntry, ...] = Field(
        (), description="Tools that the page carries out, each with name, description and input_schema."
    )
    mcp: tuple[McpEntry, ...] = Field(
        (),
        description="MCP servers whose tools are offered, each with name and url or command, and headers, arguments, "
        "environment, approval. Needs the extra mcp.",
    )
    scopes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="For a tool's name, the scopes that a caller needs to be offered it."
    )
    approval: tuple[str, ...] = Field(
        (), description="Names of server tools whose calls always need a person's consent."
    )
    timeout: Seconds = Field(30.0, description="Seconds that a call may take, for tools that set none of their own.")
    max_output_bytes: Count = Field(262_144, description="Bytes of JSON that a tool may return.")
    approval_lifetime: Seconds = Field(3600.0, description="Seconds that a person may think about a call.")
    secrets: tuple[SecretStr, ...] = Field(
        (),
        description="Secrets of 32 characters or more that sign approvals and tool outputs: the first one signs, all verify. "
        "Empty: one of this process, lost at its end.",
    )


class Streams(Section):
    """How answers are kept and sent."""

    adapter: Annotated[str, AfterValidator(_stream_store), Allowed('"memory", "redis" or "package.module:factory"')] = (
        Field(
            "memory",
            description="Where running answers are kept: in the process, or also in Redis, for all processes, or where a factory "
            "of yours keeps them.",
        )
    )
    merge_ms: int = Field(
        25,
        ge=0,
        le=1000,
        description="Milliseconds within which deltas of one part leave as one; the first leaves at once, 0 is off.",
    )
    keep_alive_seconds: Seconds = Field(15.0, description="Seconds of silence before a keep-alive comment is sent.")
    on_disconnect: Literal["cancel", "linger", "continue"] = Field(
        "cancel", description="What becomes of a turn when its last reader has left."
    )
    linger_seconds: float = Field(
        30.0,
        ge=0,
        le=86_400,
        description='Seconds that a turn waits for a reader with on_disconnect = "linger", and an answer that ended without one.',
    )
    replay_seconds: Seconds = Field(
        300.0, description="Seconds that the answer to a request with an Idempotency-Key is kept after its end."
    )
    send_timeout: Seconds = Field(30.0, description="Seconds in which a client must take what it was sent.")
    ui_profile: Annotated[str, AfterValidator(_ui_profile), Allowed('"compat" or a release such as "6.0.12"')] = Field(
        "compat",
        description="The oldest AI SDK release among the pages, where all are known; compat suits every release from 5 on.",
    )
    high_water_bytes: Count = Field(
        65_536, description="Bytes that a turn may be ahead of its reader before the model is held back."
    )


class Redis(Section):
    """The Redis server for streams.adapter = "redis". Needs the extra redis."""

    url: Annotated[
        SecretStr | None,
        BeforeValidator(_empty_is_unset),
        AfterValidator(_redis_url),
        Allowed("a redis://, rediss:// or unix:// URL"),
    ] = Field(
        None,
        description="Where it is. It is masked like a secret, since it may hold a password.",
        examples=["redis://127.0.0.1:6379/0"],
    )
    password: Secret = Field(None, description="Its password, in place of one in the URL.", examples=[""])
    prefix: Annotated[str, Field(pattern=r"^[!-z]{0,64}$"), Allowed("up to 64 visible ASCII characters")] = Field(
        "mamba:", description="What the names of all keys begin with; services that share a server need one each."
    )


class ObjectEntry(Section):
    """A JSON Schema for the object routes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$"), Allowed("1 to 64 letters, digits, _ and -")] = Field(
        description="What a request calls it."
    )
    json_schema: dict[str, Any] = Field(description="JSON Schema of the value: an object.")


class Objects(Section):
    """What useObject may ask for by name."""

    schemas: tuple[ObjectEntry, ...] = Field(
        (),
        description="JSON Schemas that the object routes fill in, each with name and json_schema.",
        examples=[
            [
                {
                    "name": "recipe",
                    "json_schema": {
                        "type": "object",
                        "properties": {"title": {"type": "string"}},
                        "required": ["title"],
                    },
                }
            ]
        ],
    )


class Cors(Section):
    """Which pages of other origins may call the server from a browser."""

    origins: tuple[
        Annotated[str, AfterValidator(_origin), Allowed('an origin such as "https://app.example.org", or "*"')], ...
    ] = Field(
        (),
        description='Origins, letter for letter as browsers send them, such as "https://app.example.org"; "*" for all.',
    )
    localhost: bool = Field(
        False,
        description="Whether pages from localhost, on any port, may call too: for development; --demo turns it on.",
    )
    credentials: bool = Field(False, description="Whether browsers may send cookies along.")


class ApiKeyEntry(Section):
    """A named key: the key itself, or its SHA-256 digest."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$"), Allowed("1 to 64 letters, digits and . _ @ -")] = (
        Field(description="Who holds it. Chats, limits and the log go by this name.")
    )
    key: Secret = Field(None, description="The key.")
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$"), Allowed("64 hexadecimal digits, a-f small")] = (
        Field(None, description="The key's SHA-256 digest, in place of the key.")
    )
    scopes: tuple[str, ...] = Field((), description="Scopes of whoever holds it, for tools.scopes.")
    models: tuple[str, ...] | None = Field(None, description="Ids of the models that it opens; every one when unset.")


Algorithm = Literal[
    "HS256", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"
]


class Auth(Section):
    """Who may use the server."""

    mode: Annotated[
        str, AfterValidator(_auth_mode), Allowed('"none", "api_key", "jwt" or "package.module:factory"')
    ] = Field(
        "none", description="How callers prove who they are; none lets everybody in, a factory makes a judge of yours."
    )
    api_key: Secret = Field(
        None, description='A key that callers present, of 16 characters or more; its name is "default".', examples=[""]
    )
    api_keys: tuple[ApiKeyEntry, ...] = Field(
        (),
        description="Keys of several callers: each with name and key or sha256, and if need be scopes and models.",
        examples=[[{"name": "alice", "sha256": "0" * 64, "models": ["gpt-4o-mini"]}]],
    )
    issuer: Annotated[Name | None, Allowed("1 to 256 visible ASCII characters")] = Field(
        None,
        description="The iss that a token must have. Where no key is named below, its keys are found by OpenID Connect "
        "Discovery.",
        examples=["https://id.example.org/"],
    )
    audience: Annotated[Name | None, Allowed("1 to 256 visible ASCII characters")] = Field(
        None, description="The aud that a token must have, alone or among others.", examples=["mamba"]
    )
    check_issuer: bool = Field(True, description="Whether tokens without that iss are refused.")
    check_audience: bool = Field(True, description="Whether tokens without that aud are refused.")
    jwt_secret: Secret = Field(None, description="The secret of HS256 tokens, of 32 characters or more.", examples=[""])
    jwt_key_file: Annotated[Annotated[str, Field(min_length=1)] | None, Allowed("a path")] = Field(
        None,
        description="A file with the public key of tokens: PEM, a certificate, or a JWK set.",
        examples=["/etc/mamba/jwt.pem"],
    )
    jwks_url: Annotated[
        Annotated[str, AfterValidator(_http_url)] | None,
        Allowed("an http or https URL without credentials, query and fragment"),
    ] = Field(
        None,
        description="Where the issuer's JWK set is: https, or a loopback address.",
        examples=["https://id.example.org/jwks"],
    )
    jwks_lifetime: Seconds = Field(
        300.0, description="Seconds for which keys of an issuer are used before they are fetched anew."
    )
    algorithms: Annotated[
        tuple[Algorithm, ...],
        Allowed(
            "a list of HS256, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and Ed25519 (or EdDSA)"
        ),
    ] = Field(
        (),
        description="Algorithms of tokens. Empty: HS256 where there is a secret, else RS256, ES256 and Ed25519.",
    )
    leeway: int = Field(30, ge=0, le=600, description="Seconds by which the clock of an issuer may be wrong.")
    required_scopes: tuple[str, ...] = Field((), description="Scopes without which a token is refused with 403.")
    scope_claims: tuple[str, ...] = Field(
        ("scope", "scp"), description="Claims that hold scopes: a text of words, or a list."
    )
    models_claim: str = Field(
        "models",
        description="Claim with the ids of the models that a caller may use; scopes such as model:gpt-4o-mini name them too. "
        "Without either, every one.",
    )
    open_playground: bool = Field(
        False,
        description="Whether the pages (/, /docs, /redoc and /openapi.json) load without credentials; what they ask the "
        "server needs them all the same.",
    )


class Limits(Section):
    """How much callers may take. With auth.mode = "none" all callers are one."""

    max_turns: Count = Field(
        4096, description="Turns and titles that run at the same time in one process; one more is refused with 503."
    )
    turns_per_caller: Annotated[int | None, Field(ge=1)] = Field(
        None,
        description="Turns of one caller at the same time in one process; one more is refused with 429.",
        examples=[16],
    )
    turns_per_minute: Annotated[int | None, Field(ge=1)] = Field(
        None, description="Turns that one caller may begin in any 60 seconds.", examples=[60]
    )
    tokens_per_day: Annotated[int | None, Field(ge=1)] = Field(
        None,
        description="Tokens, of prompts and answers, after which a caller is refused until midnight UTC.",
        examples=[1_000_000],
    )
    storage: Literal["memory", "redis"] = Field(
        "memory",
        description="Where turns and tokens are counted: in each process for itself, or in Redis for all of them.",
    )


class Settings(Section):
    """All sections."""

    server: Server = Field(default_factory=Server)
    logging: Logging = Field(default_factory=Logging)
    model: Model = Field(default_factory=Model)
    openai: OpenAI = Field(default_factory=OpenAI)
    models: tuple[ModelEntry, ...] = Field(
        (),
        description="The models on offer, the first being the default: id, and if need be name, provider, "
        "description, context_window, supports_tools, upstream_model, adapter, base_url, api_key or api_key_env, "
        "api_version, fallback, is_reasoning, reasoning_effort, reasoning_summary. Empty: openai.model alone.",
        examples=[
            [{"id": "gpt-4o-mini", "name": "GPT-4o mini", "context_window": 128_000}, {"id": "gpt-4o"}],
            [
                {"id": "gpt-5", "adapter": "openai-responses", "fallback": ["local"]},
                {
                    "id": "local",
                    "provider": "ollama",
                    "base_url": "http://127.0.0.1:11434/v1",
                    "upstream_model": "qwen3",
                },
            ],
        ],
    )
    chat: Chat = Field(default_factory=Chat)
    tools: Tools = Field(default_factory=Tools)
    objects: Objects = Field(default_factory=Objects)
    streams: Streams = Field(default_factory=Streams)
    redis: Redis = Field(default_factory=Redis)
    cors: Cors = Field(default_factory=Cors)
    auth: Auth = Field(default_factory=Auth)
    limits: Limits = Field(default_factory=Limits)

    @field_validator("models")
    @classmethod
    def _ids_are_unique(cls, models: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        if len({entry.qualified_id for entry in models}) < len(models):
            raise _wrong("two entries have the same id")
        return models

    @field_validator("models")
    @classmethod
    def _entries_agree(cls, models: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        for place, entry in enumerate(models):
            others = {name for other in models if other is not entry for name in (other.id, other.qualified_id)}
            if not others.issuperset(entry.fallback) or entry.id in entry.fallback:
                raise _wrong(f"models[{place}]: a fallback is not the id of another entry")
        if any(entry.api_key is not None and entry.api_key_env is not None for entry in models):
            raise _wrong("an entry has both api_key and api_key_env")
        return models

    @property
    def offered(self) -> tuple[ModelEntry, ...]:
        """The models on offer, never none: `models`, or one entry made of `openai.model`."""
        return self.models or (ModelEntry(id=self.openai.model),)

    def entry(self, name: str) -> ModelEntry:
        """The first model on offer of that id, with or without its provider prefix."""
        return next(entry for entry in self.offered if name in (entry.id, entry.qualified_id))
