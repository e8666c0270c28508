"""Finished results as files, so that the defaults of a long run can be shown at once. No pickle: reading runs no code.

A file holds every array under a number and, as JSON, how the result is made of them.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

STRUCTURE: Final = "structure"

R = TypeVar("R")


def save(result: object, path: Path) -> None:
    """Write `result`: a frozen dataclass of arrays, numbers, strings, tuples, mappings with string keys, settings and such dataclasses.

    Raises TypeError where it holds anything else.
    """
    arrays: list[NDArray[Any]] = []
    structure = json.dumps(_taken_apart(result, arrays))
    path.parent.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)} | {
        STRUCTURE: np.array(structure)
    }
    np.savez_compressed(path, **named)


def load(result_type: type[R], path: Path) -> R:
    """Read a result of `result_type`; only types that its annotations name are made.

    Raises: FileNotFoundError; ValueError where the file does not hold such a result (any more).
    """
    types = _reachable(result_type)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        result = _put_together(json.loads(str(arrays[STRUCTURE])), arrays, types)
    except (AttributeError, EOFError, KeyError, TypeError, BadZipFile) as error:
        raise ValueError(f"{path.name} does not hold a {result_type.__name__}: {error}") from error
    if not isinstance(result, result_type):
        raise ValueError(f"{path.name} holds a {type(result).__name__}, not a {result_type.__name__}")
    return result


def _taken_apart(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of Python objects cannot be shipped")
        arrays.append(value)
        return {"array": str(len(arrays) - 1)}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return {"tuple": [_taken_apart(part, arrays) for part in value]}
    if isinstance(value, Mapping):
        return {"mapping": {str(key): _taken_apart(part, arrays) for key, part in value.items()}}
    if isinstance(value, BaseModel):
        return {"type": type(value).__name__, "settings": value.model_dump_json()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field for field in dataclasses.fields(value) if field.init)
        parts = {field.name: _taken_apart(getattr(value, field.name), arrays) for field in fields}
        return {"type": type(value).__name__, "fields": parts}
    raise TypeError(f"a {type(value).__name__} cannot be shipped")


def _put_together(value: Any, arrays: Mapping[str, NDArray[Any]], types: Mapping[str, type]) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_put_together(part, arrays, types) for part in value["tuple"])
    if "mapping" in value:
        return {key: _put_together(part, arrays, types) for key, part in value["mapping"].items()}
    kind = types[value["type"]]
    if "settings" in value:
        return cast("type[BaseModel]", kind).model_validate_json(value["settings"])
    return kind(**{name: _put_together(part, arrays, types) for name, part in value["fields"].items()})


def _reachable(annotation: Any) -> dict[str, type]:
    """Every dataclass and settings model that `annotation` and the annotations of its fields name, by class name."""
    found: dict[str, type] = {}
    waiting = [annotation]
    while waiting:
        kind = waiting.pop()
        waiting += typing.get_args(kind)
        if not isinstance(kind, type) or found.get(kind.__name__) is kind:
            continue
        if dataclasses.is_dataclass(kind):
            found[kind.__name__] = kind
            waiting += typing.get_type_hints(kind).values()
        elif issubclass(kind, BaseModel):
            found[kind.__name__] = kind
    return found
