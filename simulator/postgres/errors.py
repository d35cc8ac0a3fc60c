"""PostgreSQL's error reports as psql prints them. The texts of single errors live where they arise."""

from dataclasses import dataclass

# libpq cuts the quoted line to this width and keeps this much to the right of the mark.
DISPLAY_WIDTH = 60
RIGHT_MARGIN = 10


class PgError(Exception):
    """A statement the server refuses; the player's fault, answered in the terminal.

    `position` is an offset into the statement's text (0-based) or None; `find` is a text whose first (or
    last) occurrence in the statement marks the position when no offset is known.
    """

    def __init__(
        self,
        message: str,
        *,
        position: int | None = None,
        find: str | None = None,
        find_last: bool = False,
        find_shift: int = 0,
        detail: str | None = None,
        hint: str | None = None,
        context: str | None = None,
        severity: str = "ERROR",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.find = find
        self.find_last = find_last
        self.find_shift = find_shift  # how far into the found text the mark stands; it must occur once
        self.detail = detail
        self.hint = hint
        self.context = context
        self.severity = severity
        self.leaves_index = ""  # the table on which a failed CREATE INDEX CONCURRENTLY left an invalid one


@dataclass(frozen=True)
class Notice:
    """What the server says beside a result."""

    message: str
    severity: str = "NOTICE"
    detail: str | None = None
    hint: str | None = None


def not_simulated(what: str) -> PgError:
    """The honest answer to real SQL that this simulator has no model of."""
    return PgError(f"{what} is not simulated", hint="Try \\? for what is.")


def render(error: PgError, text: str) -> str:
    """The report as psql prints it; `text` is the whole string that was sent."""
    lines = [f"{error.severity}:  {error.message}"]
    position = located(error, text)
    if position is not None:
        lines += _quoted_line(text, position)
    for label, value in (("DETAIL", error.detail), ("HINT", error.hint), ("CONTEXT", error.context)):
        if value:
            lines.append(f"{label}:  {value}")
    return "\n".join(lines) + "\n"


def located(error: PgError, text: str) -> int | None:
    """The offset that an error marks in a statement's text, if it marks one."""
    if error.position is not None or not error.find:
        return error.position
    search = text.lower().rfind if error.find_last else text.lower().find
    found = search(error.find.lower())
    if error.find_shift and text.lower().count(error.find.lower()) != 1:
        return None
    return found + error.find_shift if found >= 0 else None


def render_notice(notice: Notice) -> str:
    lines = [f"{notice.severity}:  {notice.message}"]
    if notice.detail:
        lines.append(f"DETAIL:  {notice.detail}")
    if notice.hint:
        lines.append(f"HINT:  {notice.hint}")
    return "\n".join(lines) + "\n"


def _quoted_line(text: str, position: int) -> list[str]:
    """The `LINE n:` quote and the mark under it, cut the way libpq cuts long lines."""
    position = min(position, len(text))
    number = text.count("\n", 0, position) + 1
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    cut_left = cut_right = False
    if end - start > DISPLAY_WIDTH:
        if start + DISPLAY_WIDTH >= position + RIGHT_MARGIN:
            end, cut_right = start + DISPLAY_WIDTH, True
        else:
            if position + RIGHT_MARGIN < end:
                end, cut_right = position + RIGHT_MARGIN, True
            if end - start > DISPLAY_WIDTH:
                start, cut_left = end - DISPLAY_WIDTH, True
    label = f"LINE {number}: " + ("..." if cut_left else "")
    shown = text[start:end].replace("\t", " ")
    return [label + shown + ("..." if cut_right else ""), " " * (len(label) + position - start) + "^"]
