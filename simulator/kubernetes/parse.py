"""kubectl's command line: verbs, flags and their errors, word for word. Runs nothing."""

from dataclasses import dataclass, field

from simulator.spelling import distance

GLOBAL = (
    "namespace:n:str context::str kubeconfig::str cluster::str user::str as::str as-group::list "
    "request-timeout::str v:v:int server:s:str token::str help:h:bool insecure-skip-tls-verify::bool "
    "cache-dir::str certificate-authority::str client-certificate::str client-key::str as-uid::str "
    "match-server-version::bool profile::str password::str username::str tls-server-name::str "
    "warnings-as-errors::bool disable-compression::bool log-flush-frequency::str vmodule::str"
)
_FILES = "filename:f:list recursive:R:bool kustomize:k:str selector:l:str "
_PRINT = (
    "output:o:str template::str show-managed-fields::bool allow-missing-template-keys::bool "
    "dry-run::opt=unchanged field-manager::str record::opt=true "
)
_MANY = "all::bool all-namespaces:A:bool field-selector::str "
_GET = (
    _FILES
    + _MANY
    + _PRINT
    + "watch:w:bool watch-only::bool no-headers::bool show-labels::bool sort-by::str label-columns:L:list "
    "ignore-not-found::bool show-kind::bool raw::str chunk-size::int server-print::bool "
    "output-watch-events::bool subresource::str "
)
_EDIT = _FILES + _MANY + _PRINT
_TOP = (
    "selector:l:str sort-by::str no-headers::bool field-selector::str all-namespaces:A:bool "
    "containers::bool sum::bool use-protocol-buffers::bool show-capacity::bool "
)

FLAGS: dict[str, str] = {
    "get": _GET,
    "describe": _FILES + _MANY + "show-events::bool chunk-size::int ",
    "events": _MANY + _PRINT + "watch:w:bool types::list for::str no-headers::bool chunk-size::int ",
    "logs": "follow:f:bool previous:p:bool container:c:str tail::int since::dur since-time::str "
    "timestamps::bool all-containers::bool all-pods::bool prefix::bool selector:l:str limit-bytes::int "
    "max-log-requests::int ignore-errors::bool pod-running-timeout::dur "
    "insecure-skip-tls-verify-backend::bool ",
    "top pods": _TOP,
    "top nodes": _TOP,
    "rollout status": _FILES + "watch:w:bool timeout::dur revision::int ",
    "rollout history": _FILES + _PRINT + "revision::int ",
    "rollout undo": _FILES + _PRINT + "to-revision::int ",
    "rollout restart": _FILES + _PRINT,
    "rollout pause": _FILES + _PRINT,
    "rollout resume": _FILES + _PRINT,
    "scale": _EDIT + "replicas::int current-replicas::int resource-version::str timeout::dur ",
    "set image": _EDIT + "local::bool ",
    "set env": _EDIT + "local::bool env:e:list from::str keys::list list::bool overwrite::bool "
    "resolve::bool containers:c:str prefix::str ",
    "set resources": _EDIT + "local::bool limits::str requests::str containers:c:str ",
    "patch": _EDIT + "patch:p:str type::str patch-file::str local::bool subresource::str ",
    "edit": _EDIT + "save-config::bool output-patch::bool ",
    "delete": _EDIT + "force::bool grace-period::int now::bool wait::opt=true timeout::dur "
    "ignore-not-found::bool cascade::opt=background interactive:i:bool raw::str ",
    "exec": "stdin:i:bool tty:t:bool container:c:str quiet:q:bool filename:f:list pod-running-timeout::dur ",
    "autoscale": _EDIT + "min::int max::int cpu-percent::int name::str ",
    "cordon": "selector:l:str dry-run::opt=unchanged ",
    "taint": "selector:l:str all::bool overwrite::bool dry-run::opt=unchanged ",
    "uncordon": "selector:l:str dry-run::opt=unchanged ",
    "drain": "selector:l:str dry-run::opt=unchanged ignore-daemonsets::bool delete-emptydir-data::bool "
    "delete-local-data::bool force::bool grace-period::int timeout::dur pod-selector::str "
    "disable-eviction::bool skip-wait-for-delete-timeout::int chunk-size::int ",
    "config": "current::bool minify::bool flatten::bool raw::bool output:o:str no-headers::bool ",
    "version": "client::bool output:o:str ",
    "api-resources": "namespaced::bool verbs::list output:o:str api-group::str no-headers::bool "
    "sort-by::str cached::bool categories::list ",
    "api-versions": "",
    "cluster-info": "",
    "explain": "recursive::bool api-version::str output:o:str ",
    "auth can-i": "list::bool all-namespaces:A:bool quiet:q:bool subresource::str no-headers::bool ",
    "auth whoami": "output:o:str ",
    "port-forward": "address::list pod-running-timeout::dur ",
    "wait": _FILES + _MANY + _PRINT + "for::str timeout::dur ",
    "label": _EDIT + "overwrite::bool list::bool resource-version::str local::bool ",
    "annotate": _EDIT + "overwrite::bool list::bool resource-version::str local::bool ",
    "apply": _EDIT + "server-side::bool force::bool prune::bool wait::bool force-conflicts::bool "
    "overwrite::bool openapi-patch::bool validate::opt=strict cascade::opt=background timeout::dur "
    "grace-period::int ",
    "diff": _EDIT + "server-side::bool concurrency::int force-conflicts::bool prune::bool ",
    "replace": _EDIT
    + "force::bool grace-period::int cascade::opt=background timeout::dur wait::bool save-config::bool "
    "validate::opt=strict subresource::str raw::str ",
    "options": "",
    "help": "",
}
SUBCOMMANDS = {
    "rollout": ("history", "pause", "restart", "resume", "status", "undo"),
    "set": ("env", "image", "resources", "selector", "serviceaccount", "subject"),
    "top": ("node", "nodes", "no", "pod", "pods", "po"),
    "auth": ("can-i", "reconcile", "whoami"),
}
# Real verbs whose words are not looked into: they are answered as a whole.
OPAQUE = ["attach", "certificate", "completion", "cp", "create", "debug", "expose", "kustomize"]
OPAQUE += ["plugin", "proxy", "run"]
VERBS = (  # in the order of the real tool, which is that of its suggestions
    "create expose run set explain get edit delete rollout scale autoscale certificate cluster-info top cordon uncordon "
    "drain taint describe logs attach exec port-forward proxy cp auth debug events diff apply patch replace wait kustomize "
    "label annotate completion api-resources api-versions config plugin version options help"
).split()
SELECTED = "error: cannot specify both a node name and a --selector option\nSee 'kubectl {} -h' for help and examples"
_TOP_NAMES = {"node": "nodes", "no": "nodes", "pod": "pods", "po": "pods"}


class Refused(Exception):
    """A command that ends with a message on standard error; `out` is what it printed before."""

    def __init__(self, message: str, code: int = 1, out: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.out = message, code, out


@dataclass
class Call:
    """A parsed command: `verb` may be two words (`rollout undo`); `command` is what follows `--`."""

    verb: str
    args: list[str] = field(default_factory=list)
    flags: dict[str, str | list[str]] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    dashes: bool = False
    stdin: str = ""

    def text(self, name: str, default: str = "") -> str:
        value = self.flags.get(name, default)
        return value if isinstance(value, str) else ",".join(value)

    def given(self, name: str) -> bool:
        return name in self.flags

    def on(self, name: str, default: bool = False) -> bool:
        return self.text(name, "true" if default else "false") in ("true", "t", "T", "TRUE", "True", "1")

    def number(self, name: str, default: int) -> int:
        return int(self.text(name, str(default)))

    def seconds(self, name: str, default: float) -> float:
        return duration(self.text(name)) or 0.0 if self.given(name) else default

    def many(self, name: str) -> list[str]:
        value = self.flags.get(name, [])
        return [value] if isinstance(value, str) else list(value)


@dataclass(frozen=True)
class Flag:
    name: str
    short: str
    kind: str  # str, int, bool, list, dur, or opt=VALUE: a value only after `=`


def _flags(spec: str) -> dict[str, Flag]:
    found: dict[str, Flag] = {}
    for word in (spec + " " + GLOBAL).split():
        name, short, kind = word.split(":")
        found.setdefault(name, Flag(name, short, kind))
    return found


_TABLES: dict[str, dict[str, Flag]] = {verb: _flags(spec) for verb, spec in FLAGS.items()}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DIGITS = "0123456789."
_WHOLE = "strconv.ParseInt: parsing"


def duration(text: str) -> float | None:
    """Go's durations (`90s`, `1h30m`, `0`) in seconds; None when it is none."""
    rest, total, sign = text[text[:1] in ("+", "-") :], 0.0, -1.0 if text[:1] == "-" else 1.0
    if rest == "0":
        return 0.0
    while rest:
        number = rest[: len(rest) - len(rest.lstrip(_DIGITS))]
        rest = rest[len(number) :]
        unit = rest[: len(rest) - len(rest.lstrip("hmsun"))]
        # `1h30m` has letters and digits in turn, so a unit ends where digits begin again.
        if unit not in _UNITS or not number.strip(".") or number.count(".") > 1 or len(number) > 12:
            return None
        total += float(number) * _UNITS[unit]
        rest = rest[len(unit) :]
    return sign * total if text.strip("+-") else None


def bad_duration(text: str) -> str:
    """Why Go takes a text for no duration."""
    rest = text[text[:1] in ("+", "-") :]
    while rest:
        number = rest[: len(rest) - len(rest.lstrip(_DIGITS))]
        if not number.strip("."):
            break
        rest = rest[len(number) :]
        unit = rest[: next((n for n, char in enumerate(rest) if char in _DIGITS), len(rest))]
        if not unit:
            return f'missing unit in duration "{text}"'
        if unit not in _UNITS:
            return f'unknown unit "{unit}" in duration "{text}"'
        rest = rest[len(unit) :]
    return f'invalid duration "{text}"'


def parse(argv: list[str], stdin: str = "") -> Call:
    """The call of a command line without its tool name. Raises Refused with kubectl's message."""
    words, dashes, command = list(argv), False, []
    if "--" in words:
        at = words.index("--")
        words, command, dashes = words[:at], words[at + 1 :], True
    verb, rest = _verb(words)
    call = Call(verb, command=command, dashes=dashes, stdin=stdin)
    if verb in _TABLES:
        _read(call, rest, _TABLES[verb])
    else:
        call.args = rest
    return call


def _verb(words: list[str]) -> tuple[str, list[str]]:
    """Take the verb (and its subcommand) out of the words; flags may stand before either."""
    table = _flags("")
    first = _positional(words, table)
    if first is None:
        return "help", words
    verb = words[first]
    rest = words[:first] + words[first + 1 :]
    if verb not in VERBS:
        raise Refused(f'error: unknown command "{verb}" for "kubectl"' + suggestions(verb))
    names = SUBCOMMANDS.get(verb)
    if names is None:
        return verb, rest
    second = _positional(rest, table)
    if second is None:
        return verb, rest
    sub = rest[second]
    if sub not in names:
        said = " ".join(word for word in rest[second:] if not word.startswith("-"))
        raise Refused(f"error: unknown command \"{said}\"\nSee 'kubectl {verb} -h' for help and examples")
    shown = _TOP_NAMES.get(sub, sub) if verb == "top" else sub
    return f"{verb} {shown}", rest[:second] + rest[second + 1 :]


def _positional(words: list[str], table: dict[str, Flag]) -> int | None:
    """Index of the first word that is neither a flag nor a global flag's value."""
    shorts = {flag.short: flag for flag in table.values() if flag.short}
    i = 0
    while i < len(words):
        word = words[i]
        if not word.startswith("-") or word == "-":
            return i
        if word.startswith("--"):
            flag = table.get(word[2:])
        else:
            flag = shorts.get(word[1:]) if len(word) == 2 else None
        takes_next = flag is not None and flag.kind != "bool" and not flag.kind.startswith("opt")
        i += 2 if takes_next else 1
    return None


def suggestions(typed: str) -> str:
    """What cobra adds for a mistyped command."""
    near = [v for v in VERBS[:-1] if distance(typed.lower()[:40], v) <= 2 or v.startswith(typed.lower())]
    if not near:
        return ""
    return "\n\nDid you mean this?" + "".join(f"\n\t{verb}" for verb in near)


def _read(call: Call, words: list[str], table: dict[str, Flag]) -> None:
    """Sort words into flags and arguments as pflag does."""
    shorts = {flag.short: flag for flag in table.values() if flag.short}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word.startswith("--"):
            _read_long(call, word, queue, table)
        elif word.startswith("-") and len(word) > 1:
            _read_short(call, word, queue, shorts)
        else:
            call.args.append(word)
            if call.verb == "exec" and len(call.args) == 2 and not call.dashes:
                call.args += queue  # `exec pod ls -l` is old but still asked for
                return


def _usage(call: Call, problem: str) -> Refused:
    name = "kubectl" if call.verb == "help" else f"kubectl {call.verb}"
    return Refused(f"error: {problem}\nSee '{name} --help' for usage.")


def _read_long(call: Call, word: str, queue: list[str], table: dict[str, Flag]) -> None:
    name, equals, value = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise _usage(call, f"bad flag syntax: {word}")
    flag = table.get(name)
    if flag is None:
        raise _usage(call, f"unknown flag: --{name}")
    if not equals:
        if flag.kind == "bool":
            value = "true"
        elif flag.kind.startswith("opt"):
            value = flag.kind[4:]
        elif queue:
            value = queue.pop(0)
        else:
            raise _usage(call, f"flag needs an argument: --{name}")
    _store(call, flag, value)


def _read_short(call: Call, word: str, queue: list[str], shorts: dict[str, Flag]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = shorts.get(letter)
        if flag is None:
            raise _usage(call, f"unknown shorthand flag: '{letter}' in {word}")
        if flag.kind == "bool":
            if letters.startswith("="):
                _store(call, flag, letters[1:])
                return
            _store(call, flag, "true")
            continue
        if letters:
            value = letters.removeprefix("=")
        elif queue:
            value = queue.pop(0)
        else:
            raise _usage(call, f"flag needs an argument: '{letter}' in {word}")
        _store(call, flag, value)
        return


_BOOLS = ("true", "false", "1", "0", "t", "f", "T", "F", "TRUE", "FALSE", "True", "False")


def _store(call: Call, flag: Flag, value: str) -> None:
    """Check a flag's value and keep it; lists collect."""
    problem = ""
    if flag.kind == "bool" and value not in _BOOLS:
        problem = f'strconv.ParseBool: parsing "{value}": invalid syntax'
    elif flag.kind == "int":
        digits = value.removeprefix("-").removeprefix("+")
        if not (digits.isascii() and digits.isdigit()):
            problem = f'{_WHOLE} "{value}": invalid syntax'
        elif len(digits) > 9:
            problem = f'{_WHOLE} "{value}": value out of range'
    elif flag.kind == "dur" and duration(value) is None:
        problem = f"time: {bad_duration(value)}"
    if problem:
        shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        raise _usage(call, f'invalid argument "{value}" for "{shown}" flag: {problem}')
    if flag.kind == "list":
        kept = call.flags.get(flag.name, [])
        call.flags[flag.name] = [*([kept] if isinstance(kept, str) else kept), *value.split(",")]
    else:
        call.flags[flag.name] = value
