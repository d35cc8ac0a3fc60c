"""What requests carry. Every field has its limits here, so that no route sees anything unbounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.agentic import TOOLS
from api.service import LINE_LIMIT, TEXT_LIMIT

SPEEDS = (0, 1, 10)
Language = Literal["ru", "en"]
SessionId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", description="a session's id")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 1.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)  # "1" is no number and 0 is not false


class Join(_Body):
    code: str | None = Field(
        None, max_length=200, description="an access code, where the service asks for one"
    )


class NewSession(_Body):
    scenario: Name
    seed: Whole = Field(1, ge=0, le=2**53 - 1)
    language: Language = "ru"


class Line(_Body):
    line: str = Field(min_length=1, max_length=LINE_LIMIT)


class Until(_Body):
    seconds: float = Field(gt=0, le=1800, description="simulated seconds to let pass")


def _a_speed(value: int) -> int:
    if value not in SPEEDS:
        raise ValueError(f"one of {', '.join(map(str, SPEEDS))}")
    return value


class Speed(_Body):
    speed: Annotated[Whole, AfterValidator(_a_speed)] = Field(
        description="simulated seconds a second while somebody watches; 0: by turns",
        json_schema_extra={"enum": list(SPEEDS)},
    )


class Branch(_Body):
    at_seq: Whole = Field(ge=1, le=2**53 - 1, description="the first entry that is not taken over")


class Review(_Body):
    kind: Literal["action-items", "postmortem"]
    text: str = Field(min_length=1, max_length=TEXT_LIMIT)


class Answer(_Body):
    question: str = Field(min_length=1, max_length=2000)
    text: str = Field(min_length=1, max_length=TEXT_LIMIT)


class NewShare(_Body):
    words: bool = Field(False, description="show the player's own texts, too")


class NewInterview(_Body):
    prompt: Name
    level: Literal["junior", "senior", "staff"] = "senior"
    length: Literal["short", "long"] = "long"
    language: Language = "ru"


class Turn(_Body):
    text: str = Field(min_length=1, max_length=12_000)


class NewStory(_Body):
    session: str | None = Field(
        None, pattern=r"^[a-z0-9-]{1,64}$", description="a played session it is about"
    )
    language: Language = "ru"


class Drawing(_Body):
    text: str = Field(min_length=1, max_length=12_000)


def _by_tool(schema: dict[str, Any]) -> None:
    """A call as the tools' own schemas have it, one shape a tool."""
    schema.clear()
    schema["oneOf"] = [
        {
            "type": "object",
            "title": tool.name,
            "properties": {"tool": {"const": tool.name}, "arguments": tool.parameters},
            "required": ["tool", *(["arguments"] if tool.parameters["required"] else [])],
            "additionalProperties": False,
        }
        for tool in TOOLS
    ]


class Call(_Body):
    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_by_tool)

    tool: str = Field(min_length=1, max_length=50)
    arguments: dict[str, str | int | float] = Field({}, max_length=10)
