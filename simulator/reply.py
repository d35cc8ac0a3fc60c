"""What a console answers: text on two streams and an exit code. Nothing else may live here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """The answer of one console command.

    `cost_s` is what typing and reading it takes of simulated time when the pace is turn-based.
    """

    out: str = ""
    err: str = ""
    code: int = 0
    cost_s: float = 2.0

    @property
    def text(self) -> str:
        """Both streams as a terminal would show them."""
        if self.out and self.err and not self.out.endswith("\n"):
            return self.out + "\n" + self.err
        return self.out + self.err


def failure(message: str, code: int = 1) -> Reply:
    """An error on standard error with the tool's exit code."""
    return Reply(err=message if message.endswith("\n") else message + "\n", code=code)
