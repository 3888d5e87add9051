"""Judges a call's input by a pydantic model, and says what is wrong in words that a model can act on."""

from __future__ import annotations

import logging
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from mamba_domain.errors import ToolFailed
from mamba_domain.messages import JsonValue

__all__ = ["read_input"]

_log = logging.getLogger(__name__)
_Model = TypeVar("_Model", bound=BaseModel)
_MOST_FAULTS = 5
_LONGEST_FAULT = 200


def read_input(model: type[_Model], arguments: JsonValue) -> _Model:
    """The arguments as the model class holds them, read as JSON. Raises `ToolFailed`."""
    try:
        return model.model_validate_json(to_json(arguments))
    except ValidationError as error:
        raise ToolFailed(_faults(error)) from None
    except PydanticSerializationError as error:
        raise ToolFailed("The arguments hold text that is not valid Unicode.") from error
    except Exception as error:
        _log.exception("tool.validation_broken", extra={"model": model.__name__})
        raise ToolFailed("The arguments could not be checked.") from error


def _faults(error: ValidationError) -> str:
    """One clause a fault, without the values: the caller has them."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    clauses = [
        f"{'.'.join(map(str, fault['loc'])) or 'input'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in faults
    ]
    more = len(clauses) - _MOST_FAULTS
    text = "; ".join(clause[:_LONGEST_FAULT] for clause in clauses[:_MOST_FAULTS])
    return f"Invalid arguments. {text}" + (f"; and {more} more" if more > 0 else "")
