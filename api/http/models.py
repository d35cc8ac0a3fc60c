"""What requests carry. Every field has its limits here, so that no route sees anything unbounded."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from api.service import LINE_LIMIT, TEXT_LIMIT

Language = Literal["ru", "en"]
SessionId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", description="a session's id")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Join(_Body):
    code: str | None = Field(
        None, max_length=200, description="an access code, where the service asks for one"
    )


class NewSession(_Body):
    scenario: Name
    seed: int = Field(1, ge=0, lt=2**63)
    language: Language = "ru"


class Line(_Body):
    line: str = Field(min_length=1, max_length=LINE_LIMIT)


class Until(_Body):
    seconds: float = Field(gt=0, le=1800, description="simulated seconds to let pass")


class Speed(_Body):
    speed: Literal[0, 1, 10] = Field(
        description="simulated seconds a second while somebody watches; 0: by turns"
    )


class Branch(_Body):
    at_seq: int = Field(ge=1, lt=2**53, description="the first entry that is not taken over")


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


class Call(_Body):
    tool: str = Field(min_length=1, max_length=50)
    arguments: dict[str, str | int | float] = Field({}, max_length=10)
