"""How scenario files read the specs of this room: a field that does not exist is an error."""

from typing import Any

STRICT: Any = {"extra": "forbid"}  # pydantic's ConfigDict, without importing pydantic here
