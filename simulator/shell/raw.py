"""Query languages typed without quotes: `promql sum(rate(x[1m]))` reads as one quoted argument.

Real engineers paste the expression from a dashboard; bash would stumble over its parentheses.
"""

from __future__ import annotations

_TOOLS = ("promql", "logcli query")


def quoted_raw(line: str) -> str:
    """The line with a bare query expression quoted for the shell; every other line unchanged."""
    text = line.strip()
    for tool in _TOOLS:
        if text.startswith(tool + " "):
            expression = text[len(tool) :].strip()
            if not expression or expression[0] in "'\"-$":
                return line
            query, rest = _until_pipe(expression) if tool == "promql" else (expression, "")
            return f"{tool} {_quoted(query.strip())}{rest}"
    return line


def _until_pipe(expression: str) -> tuple[str, str]:
    """PromQL has no `|` outside strings, so the first one begins a pipeline."""
    quote = ""
    for index, char in enumerate(expression):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif char == "|":
            return expression[:index], " " + expression[index:]
    return expression, ""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
