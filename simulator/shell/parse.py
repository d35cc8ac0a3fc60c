"""The shell's grammar: tokens into a syntax tree. Runs and expands nothing."""

from __future__ import annotations

from typing import Literal

from simulator.shell.lex import Token, tokens
from simulator.shell.syntax import (
    AndOr,
    Command,
    For,
    Group,
    If,
    Part,
    Pipeline,
    Redirect,
    RedirectKind,
    Sequence,
    ShellSyntaxError,
    Simple,
    While,
    Word,
)

MAX_STAGES = 16
MAX_BLOCKS = 8  # of for, while, if, ( ) and { } inside one another
_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "}"})
_REDIRECTS: dict[str, tuple[int, RedirectKind]] = {
    "<": (0, "read"),
    ">": (1, "write"),
    ">|": (1, "write"),
    ">>": (1, "append"),
    ">&": (1, "duplicate"),
    "&>": (3, "write"),
    "&>>": (3, "append"),
    "<<<": (0, "here"),
}
_UNSUPPORTED = {
    "&": "jobs in the background are not available here: run it in the foreground, or use watch",
    "<<": "here-documents are not available here: use echo or printf with a pipe, or <<<",
    "<<-": "here-documents are not available here: use echo or printf with a pipe, or <<<",
    "case": "case is not available here: use if with [ ... ]",
    "function": "functions are not available here: use for, if, && and pipes",
    "select": "select is not available here: use for",
}


def parse(line: str) -> Sequence:
    """The tree of a line. Raises ShellSyntaxError with the text behind `bash: `."""
    return _Parser(tokens(line)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.at, self.blocks = found, 0, 0

    def whole(self) -> Sequence:
        sequence = self._sequence()
        if self.at < len(self.tokens):
            raise self._unexpected()
        return sequence

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _reserved(self) -> str:
        """The next token as a possible reserved word or operator; empty at the end."""
        token = self._peek()
        if token is None:
            return ""
        return token.operator or (token.word.plain if token.word else "") or ""

    def _unexpected(self) -> ShellSyntaxError:
        token = self._peek()
        if token is None:
            return ShellSyntaxError("syntax error: unexpected end of file")
        if token.operator in _UNSUPPORTED:
            return ShellSyntaxError(_UNSUPPORTED[token.operator])
        return ShellSyntaxError(f"syntax error near unexpected token `{token.shown[:80]}'")

    def _expect(self, word: str) -> None:
        if self._reserved() != word:
            raise self._unexpected()
        self.at += 1

    def _skip_newlines(self) -> None:
        while self._reserved() == "\n":
            self.at += 1

    def _sequence(self) -> Sequence:
        items: list[AndOr] = []
        while True:
            self._skip_newlines()
            token = self._peek()
            if token is None or token.operator == ")" or (items and self._reserved() in _CLOSERS):
                return Sequence(tuple(items))
            items.append(self._and_or())
            if self._reserved() not in (";", "\n"):
                return Sequence(tuple(items))
            self.at += 1

    def _and_or(self) -> AndOr:
        first = self._pipeline()
        rest: list[tuple[Literal["&&", "||"], Pipeline]] = []
        while (operator := self._reserved()) in ("&&", "||"):
            self.at += 1
            self._skip_newlines()
            rest.append(("&&" if operator == "&&" else "||", self._pipeline()))
        return AndOr(first, tuple(rest))

    def _pipeline(self) -> Pipeline:
        negated = timed = False
        while self._reserved() in ("!", "time") and not self._ends_after_next():
            negated, timed = negated or self._reserved() == "!", timed or self._reserved() == "time"
            self.at += 1
        stages, merges = [self._command()], []
        while (operator := self._reserved()) in ("|", "|&"):
            self.at += 1
            self._skip_newlines()
            merges.append(operator == "|&")
            stages.append(self._command())
            if len(stages) > MAX_STAGES:
                raise ShellSyntaxError(f"too many stages in a pipeline (at most {MAX_STAGES})")
        return Pipeline(tuple(stages), (*merges, False), negated, timed)

    def _ends_after_next(self) -> bool:
        return self.at + 1 >= len(self.tokens)

    def _command(self) -> Command:
        head = self._reserved()
        if head in ("for", "while", "until", "if", "(", "{"):
            return self._block(head)
        if head in _UNSUPPORTED or head in _CLOSERS or (self._peek() is None):
            if head in _UNSUPPORTED and head.isalpha():
                raise ShellSyntaxError(_UNSUPPORTED[head])
            raise self._unexpected()
        return self._simple()

    def _block(self, head: str) -> Command:
        self.blocks += 1
        if self.blocks > MAX_BLOCKS:
            raise ShellSyntaxError("blocks nested too deeply")
        self.at += 1
        command = self._group(head) if head in "({" else self._compound(head)
        self.blocks -= 1
        return command

    def _group(self, head: str) -> Group:
        body = self._sequence()
        if not body.items:
            raise self._unexpected()
        self._expect(")" if head == "(" else "}")
        return Group(body, self._redirects())

    def _compound(self, head: str) -> Command:
        if head == "for":
            return self._for()
        condition = self._sequence()
        if head == "if":
            return self._if(condition)
        return While(condition, self._do_block(), head == "until", self._redirects())

    def _do_block(self) -> Sequence:
        self._expect("do")
        body = self._sequence()
        if not body.items:
            raise self._unexpected()
        self._expect("done")
        return body

    def _for(self) -> For:
        name = self._reserved()
        if not is_name(name):
            raise self._unexpected()
        self.at += 1
        words: list[Word] = []
        self._skip_newlines()
        if self._reserved() == "in":
            self.at += 1
            while (token := self._peek()) and token.word is not None:
                words.append(token.word)
                self.at += 1
        if self._reserved() == ";":
            self.at += 1
        self._skip_newlines()
        return For(name, tuple(words), self._do_block(), self._redirects())

    def _if(self, condition: Sequence) -> If:
        branches: list[tuple[Sequence, Sequence]] = []
        while True:
            self._expect("then")
            branches.append((condition, self._sequence()))
            closer = self._reserved()
            if closer != "elif":
                break
            self.at += 1
            condition = self._sequence()
        otherwise = None
        if closer == "else":
            self.at += 1
            otherwise = self._sequence()
        self._expect("fi")
        return If(tuple(branches), otherwise, self._redirects())

    def _redirects(self) -> tuple[Redirect, ...]:
        found = []
        while redirect := self._redirect():
            found.append(redirect)
        return tuple(found)

    def _redirect(self) -> Redirect | None:
        token = self._peek()
        if token is None or token.operator not in _REDIRECTS:
            return None
        self.at += 1
        target = self._peek()
        if target is None:
            raise ShellSyntaxError("syntax error near unexpected token `newline'")
        if target.word is None:
            raise self._unexpected()
        self.at += 1
        stream, kind = _REDIRECTS[token.operator]
        if kind == "duplicate" and target.word.plain not in ("0", "1", "2"):
            stream, kind = (3, "write") if token.stream is None else (token.stream, "write")
        elif token.stream is not None:
            stream = token.stream
        return Redirect(stream, kind, target.word)

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while token := self._peek():
            redirect = self._redirect()
            if redirect:
                redirects.append(redirect)
                continue
            if token.word is None:
                break
            self.at += 1
            assignment = _assignment(token.word) if not words else None
            if assignment:
                assignments.append(assignment)
            else:
                words.append(token.word)
        if not (words or assignments or redirects):
            raise self._unexpected()
        if (token := self._peek()) and token.operator == "(":
            raise self._unexpected()
        if (token := self._peek()) and token.operator in _UNSUPPORTED:
            raise ShellSyntaxError(_UNSUPPORTED[token.operator])
        return Simple(tuple(assignments), tuple(words), tuple(redirects))


def is_name(text: str) -> bool:
    """Whether a text can name a shell variable."""
    return text.isascii() and text.isidentifier()


def _assignment(word: Word) -> tuple[str, Word] | None:
    if not word.parts:
        return None
    head = word.parts[0]
    if head.kind != "text" or head.quoted:
        return None
    name, equals, value = head.text.partition("=")
    if not equals or not is_name(name):
        return None
    rest = ((Part("text", value),) if value else ()) + word.parts[1:]
    return name, Word(rest)
