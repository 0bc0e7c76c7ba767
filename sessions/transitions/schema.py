"""Schemas of tools and the reading of their arguments: one pydantic model, the same for every door. Pure.

Models are foreign: what they write is read strictly, once, and either stands whole or is answered with what to mend.
"""

import inspect
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Never, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sessions.contract import TRANSITIONS, Transition
from sessions.errors import QuarterdeckError
from sessions.models.protocol import ToolSchema

MAX_ARGUMENTS = 256 * 1024
"""Bytes of JSON a call may bring."""

_MAX_FAULTS = 12
_MANY_FAULTS = 1000
# Strict modes of providers refuse limits and patterns; titles and defaults cost tokens and say nothing new.
_LEFT_OUT = frozenset(
    {
        "$defs", "default", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maxLength",
        "maximum", "minItems", "minLength", "minimum", "multipleOf", "pattern", "title", "uniqueItems",
    }
)  # fmt: skip

M = TypeVar("M", bound=BaseModel)


class ContractFault(QuarterdeckError):
    """A call's arguments do not stand. `lines` say what to mend, one fault each."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def tool_schema(model: type[Transition]) -> ToolSchema:
    """Return a transition as a function tool."""
    return ToolSchema(model.tool, first_paragraph(model), flat_schema(model))


def schemas(names: Iterable[str]) -> tuple[ToolSchema, ...]:
    """Return transitions by name as function tools, in the order asked for.

    Raises:
        ContractFault: If there is no transition of a name.
    """
    return tuple(tool_schema(_transition(name)) for name in names)


def first_paragraph(model: type[BaseModel]) -> str:
    """Return the first paragraph of a model's docstring on one line: what its caller reads."""
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())


def flat_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema with every reference written out and without limits, titles or defaults.

    Raises:
        ValueError: If the model holds itself, which no reference-free schema can say.
    """
    raw = model.model_json_schema()
    raw.pop("description", None)
    return _flatten(raw, raw.get("$defs", {}), ())


def parse(tool: str, arguments_json: str) -> Transition:
    """Read a call of a transition.

    Raises:
        ContractFault: If there is no such transition, or its arguments are not one JSON object that stands.
    """
    return validate(_transition(tool), arguments_json)


def validate(model: type[M], arguments_json: str) -> M:
    """Read the arguments of a call as `model`.

    Raises:
        ContractFault: If they are not one JSON object, or the model does not take it.
    """
    try:
        return model.model_validate(parse_object(arguments_json))
    except ValidationError as error:
        raise ContractFault(explain(error).splitlines()) from error


def parse_object(text: str) -> dict[str, Any]:
    """Read a text that must be exactly one JSON object: no doubled key, NaN, infinity or half a surrogate pair in it.

    Raises:
        ContractFault: If it is anything else, or longer than `MAX_ARGUMENTS`.
    """
    if not text.strip():
        raise ContractFault(["the arguments are empty: give one JSON object"])
    if len(text) > MAX_ARGUMENTS or len(text.encode("utf-8", "surrogatepass")) > MAX_ARGUMENTS:
        raise ContractFault([f"the arguments are too long: at most {MAX_ARGUMENTS // 1024} KB"])
    try:
        value: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        # JSON may escape half of a surrogate pair; nothing could store such a text.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ContractFault([f"the arguments are not valid JSON: {error.msg} at {place}"]) from error
    except UnicodeEncodeError as error:
        raise ContractFault(["the arguments hold half of a surrogate pair"]) from error
    except RecursionError as error:
        raise ContractFault(["the arguments are nested too deep"]) from error
    except ValueError as error:  # The interpreter's own limit on the digits of a number.
        raise ContractFault(["the arguments hold a number that is too long"]) from error
    if not isinstance(value, dict):
        raise ContractFault(["the arguments must be one JSON object"])
    return cast("dict[str, Any]", value)


def explain(error: ValidationError) -> str:
    """Return what is wrong, a short line for each fault: `field.path: what`. Holds nothing of the refused values."""
    if error.error_count() > _MANY_FAULTS:  # Writing them all out would hold the loop up.
        return f"the arguments: {error.error_count()} fields are wrong; read the tool's schema again"
    faults = error.errors(include_url=False, include_input=False)
    lines = [_fault(fault) for fault in faults[:_MAX_FAULTS]]
    if len(faults) > _MAX_FAULTS:
        lines.append(f"and {len(faults) - _MAX_FAULTS} more")
    return "\n".join(lines)


def _transition(name: str) -> type[Transition]:
    model = TRANSITIONS.get(name)
    if model is None:
        raise ContractFault([f"there is no transition called {_printable(name)}"])
    return model


def _fault(fault: ErrorDetails) -> str:
    path = ".".join(_printable(str(part)) for part in fault["loc"]) or "the arguments"
    match fault["type"]:
        case "missing":
            what = "is missing"
        case "extra_forbidden":
            what = "is not a field of this tool"
        case "model_type" | "model_attributes_type" | "dict_type":
            what = "must be an object"
        case "tuple_type" | "list_type":
            what = "must be a list"
        case "value_error":
            what = str(fault.get("ctx", {}).get("error", fault["msg"]))
        case _:
            what = fault["msg"].replace("Input should", "must", 1)
    return f"{path}: {_printable(what, 300)}"


def _printable(text: str, limit: int = 60) -> str:
    shown = "".join(letter if letter.isprintable() else "�" for letter in text[:limit])
    return f"{shown}..." if len(text) > limit else shown


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ContractFault([f"{_printable(name)}: stands twice in one object"])
        found[name] = value
    return found


def _no_constant(name: str) -> Never:
    raise ContractFault([f"the arguments hold {name}, which JSON does not have"])


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ContractFault(["the arguments hold a number that is too large"])
    return number


def _flatten(node: Mapping[str, Any], definitions: Mapping[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    """Write a schema node out. `inside` are the definitions being written, to notice one that holds itself."""
    flat: dict[str, Any] = {}
    if reference := node.get("$ref"):
        name = str(reference).rpartition("/")[2]
        if name in inside:
            raise ValueError(f"{name} holds itself")
        flat = _flatten(definitions[name], definitions, (*inside, name))
    for key, value in node.items():
        if key in _LEFT_OUT or key == "$ref":
            continue
        if key == "properties":
            flat[key] = {name: _flatten(one, definitions, inside) for name, one in value.items()}
        elif key == "const":
            flat["enum"] = [value]
        elif key in {"anyOf", "allOf", "oneOf", "prefixItems"}:
            flat[key] = [_flatten(one, definitions, inside) for one in value]
        elif key in {"items", "additionalProperties"} and isinstance(value, Mapping):
            flat[key] = _flatten(cast("Mapping[str, Any]", value), definitions, inside)
        else:
            flat[key] = value
    if flat.get("type") == "object" and not isinstance(flat.get("additionalProperties"), Mapping):
        flat.setdefault("properties", {})
        flat["additionalProperties"] = False
    return flat
