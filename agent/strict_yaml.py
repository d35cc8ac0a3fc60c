"""The shipped YAML files that a strict model describes: read and checked in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

_Shape = TypeVar("_Shape", bound=BaseModel)


def read(path: Path, shape: type[_Shape], damaged: type[Exception]) -> _Shape:
    """The file as `shape` has it. Raises `damaged` with one line that names the file and its first wrong field."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return shape.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise damaged(f"{path.name}: not readable: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise damaged(f"{path.name}: {where}: {first['msg']}") from None
