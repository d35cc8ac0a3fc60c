"""What flows into and out of the commands of one line. Knows no command."""

from __future__ import annotations

from simulator.reply import Reply

MAX_OUTPUT_CHARS = 1_000_000


class Stop(Exception):
    """The line ends here: `exit`, or a bound was reached."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Input:
    """Standard input of a block, consumed line by line by `read`."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def rest(self) -> str:
        return self.text[self.at :]

    def line(self) -> str | None:
        if self.at >= len(self.text):
            return None
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        line, self.at = self.text[self.at : end], end + 1
        return line


class Streams:
    """What a command has printed so far; bounded."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self.size = 0
        self.code = 0
        self.cost_s = 0.0

    def add(self, reply: Reply) -> None:
        self.size += len(reply.out) + len(reply.err)
        if self.size > 2 * MAX_OUTPUT_CHARS:
            raise Stop(1, "bash: output too long: the line was stopped")
        self.out.append(reply.out)
        self.err.append(reply.err)
        self.code, self.cost_s = reply.code, self.cost_s + reply.cost_s

    def reply(self) -> Reply:
        return Reply("".join(self.out), "".join(self.err), self.code, self.cost_s)
