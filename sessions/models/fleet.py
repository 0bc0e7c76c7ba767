"""The fleet: which models a person has, and who fills which role, read from a TOML file.

    [models.opus]
    model = "anthropic/claude-opus-4-7"     # the name litellm knows it by: provider/model
    tier = "frontier"
    key_env = "ANTHROPIC_API_KEY"           # the variable that holds the key; the key itself never stands here
    context_window = 200000                 # tokens
    input_price = 5.0                       # US dollars per million tokens
    output_price = 25.0

    [models.qwen]
    model = "openai/qwen3.6-35b"            # any OpenAI-compatible server
    api_base = "http://127.0.0.1:8000/v1"

    [roles]
    planner = "opus"
    manager = "opus"
    worker = { cli = "claude" }
    auditor = ["qwen", "opus"]              # the first, then its runner-ups
    exit_manager = "user"

The names of roles and of CLIs are plain strings here: what they mean is known elsewhere.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from sessions.errors import FleetError
from sessions.models.fleet_faults import Fault, fault_of_value, find_secret, line_of, nearest
from sessions.models.providers import default_key_env, is_local

REHEARSAL = "rehearsal/"
"""What the names of the built-in rehearsal models begin with; a role may name one without an entry of its own."""

AgentKind = Literal["model", "cli", "user"]


class FleetModel(BaseModel):
    """One model of the fleet. Prices are in US dollars per million tokens, None unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1)
    """The name litellm knows it by, `provider/model`."""
    tier: Literal["frontier", "worker"] = "worker"
    api_base: str = ""
    """Address of the server; empty for the provider's own."""
    key_env: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """Name of the environment variable that holds the key; empty for the provider's usual one, or none at all."""
    context_window: PositiveInt | None = None
    max_output_tokens: PositiveInt | None = None
    input_price: NonNegativeFloat | None = None
    output_price: NonNegativeFloat | None = None
    cached_price: NonNegativeFloat | None = None
    """Price of input the provider found in its cache; `input_price` when not given."""
    tools: bool = True

    @model_validator(mode="after")
    def _prices_come_together(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("give both input_price and output_price, or neither")
        if self.cached_price is not None and self.input_price is None:
            raise ValueError("cached_price needs input_price and output_price")
        return self

    @field_validator("api_base")
    @classmethod
    def _is_an_address(cls, api_base: str) -> str:
        if api_base and not api_base.startswith(("http://", "https://")):
            raise ValueError("give an address that begins with http:// or https://")
        return api_base

    @property
    def needs_key(self) -> str:
        """The environment variable a key is read from; empty when the model needs none."""
        return self.key_env or default_key_env(self.model, self.api_base)

    @property
    def local(self) -> bool:
        """Whether it runs on this machine or network, so that a token costs nothing."""
        return is_local(self.model, self.api_base)


class RoleChoice(BaseModel):
    """What fills a role. `runner_ups` are tried in order when the first cannot be used; they have none of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: AgentKind
    name: str = ""
    """The fleet's name of the model, or the name of the CLI; empty for the user."""
    runner_ups: tuple["RoleChoice", ...] = ()


class Fleet(BaseModel):
    """Every model a person has and every role's choice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: Mapping[str, FleetModel] = Field(default_factory=dict[str, FleetModel])
    roles: Mapping[str, RoleChoice] = Field(default_factory=dict[str, RoleChoice])
    where: str = ""
    """The file it was read from, for messages."""

    @classmethod
    def load(cls, path: Path) -> "Fleet":
        """Read a fleet file.

        Raises:
            FleetError: If it cannot be read or is malformed: names the file, the line and the nearest known key.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise FleetError(
                "There is no fleet file",
                where=str(path),
                next="Write one, or go on without: the rehearsal fleet needs none.",
            ) from error
        except UnicodeDecodeError as error:
            raise FleetError("The fleet file is not UTF-8 text", where=str(path), next="Save it as UTF-8.") from error
        except OSError as error:
            what = f"The fleet file cannot be read: {error.strerror}"
            raise FleetError(what, where=str(path), next="See that it is a file that you may read.") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> "Fleet":
        """Read a fleet from TOML text; `where` names its origin in messages.

        Raises:
            FleetError: If it is malformed.
        """
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise FleetError(
                f"The fleet file is not valid TOML: {error}", where=where, next="Mend that line."
            ) from error
        fault = find_secret(data)
        if fault is None:
            models = _read_models(data)
            fault = models if isinstance(models, Fault) else _read_roles(data, models)
            if not isinstance(fault, Fault):
                return cls(models=cast(dict[str, FleetModel], models), roles=fault, where=where)
        line = line_of(text, fault.path)
        raise FleetError(fault.what, where=f"{where}, line {line}" if line else where, next=fault.next)

    def model(self, name: str) -> FleetModel:
        """Return a model by the fleet's name of it.

        Raises:
            FleetError: If the fleet has no such model; names the ones it has.
        """
        if name not in self.models:
            raise FleetError(f"The fleet has no model {name!r}", where=self.where, next=_offer(name, self.models))
        return self.models[name]

    def choice(self, role: str) -> RoleChoice:
        """Return what fills a role.

        Raises:
            FleetError: If the fleet says nothing of this role.
        """
        if role not in self.roles:
            raise FleetError(
                f"The fleet names nobody for the role {role!r}",
                where=self.where,
                next=f'Add a line such as {role} = "user" under [roles].',
            )
        return self.roles[role]

    def missing_keys(self, environment: Mapping[str, str] | None = None) -> Mapping[str, tuple[str, ...]]:
        """Return the environment variables that hold no key, each with the models that need it. Reads no key."""
        present = os.environ if environment is None else environment
        missing: dict[str, tuple[str, ...]] = {}
        for name, entry in self.models.items():
            variable = entry.needs_key
            if variable and not present.get(variable, "").strip():
                missing[variable] = (*missing.get(variable, ()), name)
        return missing


def _read_models(data: Mapping[str, Any]) -> dict[str, FleetModel] | Fault:
    for key in data:
        if key not in ("models", "roles"):
            return Fault((key,), f"The fleet file has no section {key!r}", _offer(key, ("models", "roles")))
    section = data.get("models", {})
    if not isinstance(section, dict):
        return Fault(
            ("models",), "models must be tables: [models.NAME]", "Begin each with a line such as [models.opus]."
        )
    models: dict[str, FleetModel] = {}
    for name, entry in cast(dict[str, Any], section).items():
        if name == "user" or name.startswith(REHEARSAL):
            return Fault(("models", name), f"{name!r} is a name of our own", "Give the model another name.")
        try:
            models[name] = FleetModel.model_validate(entry)
        except ValidationError as error:
            return fault_of_value(error, ("models", name), FleetModel.model_fields)
    return models


def _read_roles(data: Mapping[str, Any], models: Mapping[str, FleetModel]) -> dict[str, RoleChoice] | Fault:
    section = data.get("roles", {})
    if not isinstance(section, dict):
        return Fault(
            ("roles",), "roles must be a table: [roles]", 'Write lines such as planner = "opus" under [roles].'
        )
    roles: dict[str, RoleChoice] = {}
    for role, value in cast(dict[str, Any], section).items():
        entries = cast(list[Any], value) if isinstance(value, list) else [value]
        choices: list[RoleChoice] = []
        for entry in entries:
            choice = _read_choice(entry, models)
            if isinstance(choice, str):
                return Fault(("roles", role), f"The role {role!r} {choice}", _offer_seat(entry, models))
            choices.append(choice)
        if not choices:
            return Fault(("roles", role), f"The role {role!r} is an empty list", _offer_seat("", models))
        roles[role] = choices[0].model_copy(update={"runner_ups": tuple(choices[1:])})
    return roles


def _read_choice(value: object, models: Mapping[str, FleetModel]) -> RoleChoice | str:
    """Return the choice, or what is wrong with it."""
    match value:
        case "user":
            return RoleChoice(agent="user")
        case str() if value in models or value.startswith(REHEARSAL):
            return RoleChoice(agent="model", name=value)
        case str():
            return f"names the model {value!r}, which the fleet does not have"
        case {"cli": str(name)} if name and len(cast(dict[str, Any], value)) == 1:
            return RoleChoice(agent="cli", name=name)
        case _:
            return "must be a model's name, { cli = NAME }, the word user, or a list of these"


def _offer_seat(value: object, models: Mapping[str, FleetModel]) -> str:
    if isinstance(value, str) and value:
        return _offer(value, models)
    return 'Write for example planner = "opus", worker = { cli = "claude" } or auditor = ["qwen", "opus"].'


def _offer(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return advice that names the nearest known name, then all of them."""
    close = nearest(name, known)
    names = ", ".join(known) or "none yet"
    return f"Did you mean {close!r}? Known: {names}." if close else f"Known: {names}."
