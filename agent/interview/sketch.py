"""What a candidate draws in a notation they know (Mermaid, PlantUML, Graphviz), put into the one of agent/interview/design.py.

Line for line, so that a mistake is named where it was typed; lines of prose become empty. A box keeps its label as its
name, the figures in the label as its settings, the shape as its kind; a word on an arrow stays on the arrow. What only
styles a picture is left out. Nothing here checks a design.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agent.interview.design import LOAD_WORDS, PLACE_WORDS, kind_of

PLACES = (1, 2)
PLAIN_WORDS = 8  # more words than this and no arrow: prose
_DIALECT = re.compile(
    r"^\s*(?:```|~~~)?\s*(?:(?P<flow>graph|flowchart)\b|(?P<talk>sequenceDiagram|participant\b)|@startuml|(?:strict\s+)?digraph\b)"
    r"|^\s*(?:component|database|queue|actor|package|rectangle|cloud|node|collections)\s+[\"\[\w].*$"
    r"|(?:-->|-\.->|==>|->>|--[^-]|\.\.>|\[\(|\[\[|\|[^|\n]+\|)",
    re.MULTILINE,
)
_STYLE = re.compile(
    r"^(?:```|~~~|%%|'|//|@\w+|\}|\{|(?:graph|flowchart|sequenceDiagram|(?:strict )?(?:di)?graph|subgraph|end|direction|style|"
    r"classDef|class|linkStyle|click|skinparam|title|caption|header|footer|legend|note|hide|show|scale|autonumber|activate|"
    r"deactivate|loop|alt|else|opt|par|and|rect|break|critical|box|rankdir|(?:node|edge|graph)\s*\[|left to right|"
    r"top to bottom|!\w+)(?:\b|(?<=\[)).*)",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"^(?:subgraph|package|node|cloud|rectangle|frame|folder)\b(?P<title>[^{]*)\{?\s*$", re.IGNORECASE
)
_PLACE = re.compile(r"(?:\bdc|\bдц|\bцод|data ?cent(?:er|re)|дата-?центр)", re.IGNORECASE)
_WHAT = {"database": "db", "queue": "queue", "actor": "clients", "person": "clients", "storage": "db"}
_DECLARED = re.compile(
    r"^(?P<what>component|database|queue|actor|person|participant|rectangle|node|cloud|collections|storage|interface|agent|"
    r"boundary|control|entity)\s+(?:\"(?P<quoted>[^\"]+)\"|\[(?P<boxed>[^\]]+)\]|(?P<bare>[\w.-]+))"
    r"(?:\s+as\s+(?P<alias>\"[^\"]+\"|[^#<{]+?))?\s*(?:<<.*>>)?\s*(?:#\w+)?\s*$",
    re.IGNORECASE,
)
_SHAPE = re.compile(
    r"(?P<id>[^\W\d][\w.]*(?:-\w+)*)(?P<open>\[\(|\(\[|\[\[|\(\(|\{\{|\[/|\[\\|\[|\(|\{)"
    r"\s*(?P<label>\"[^\"]*\"|[^\[\](){}|]*?)\s*(?:\)\]|\]\)|\]\]|\)\)|\}\}|/\]|\\\]|\]|\)|\})(?::::\w+)?"
)
_BOXED = re.compile(r"(?<![\w\"])\[(?P<label>[^\[\]=]+)\]")  # PlantUML: [Order API]
_QUOTED = re.compile(r"\"(?P<label>[^\"\n]+)\"(?=\s*(?:[-.=<]|$|\[|:))")  # Graphviz: "order api" -> db
_ATTRIBUTES = re.compile(r"\[\s*(?:\w+\s*=\s*(?:\"[^\"]*\"|[\w.#]+)\s*[,;]?\s*)+\]")
_DOT_NODE = re.compile(r"\"?(?P<id>[\w.-]+)\"?\s*(?P<attributes>\[.*\])\s*;?$")
_DOT_LABEL = re.compile(r"\blabel\s*=\s*(?:\"([^\"]*)\"|(\w+))")
_WORD_ON_ARROW = (
    (re.compile(r"--\s*([^\s|>.-][^|>]*?)\s*--+>"), r"-->|\1|"),
    (re.compile(r"-\.\s*([^\s|>.-][^|>]*?)\s*\.-+>"), r"-.->|\1|"),
    (re.compile(r"==\s*([^\s|>=][^|>]*?)\s*==+>"), r"-->|\1|"),
)
_TURNED = re.compile(r"([-.])(?:\[[^\]\n]*\]|left|right|up|down|[udlr](?=[-.]))+([-.]*>)")
_HANDS_OVER = re.compile(r"-\.+-?>|\.{1,2}>{1,2}|--?\)|(?<!=)=>")
_CALLS = re.compile(r"<?-{1,3}>{1,2}|={2,3}>|---|--[ox](?=\s)|→|<->")
_REPLY = re.compile(r"--+>{1,2}|--x")
_BACK = re.compile(r"^(?P<a>[^<]+?)\s*<(?P<line>[-.]+)\s*(?P<b>[^>]+)$")
_SAID_OF = re.compile(r"^(?P<chain>.*(?:->|=>).*?)\s*:\s*(?P<words>[^|:]+)$")
_SETTING = re.compile(
    r"^(?:[xх×]\d+|\d[\d.,]*(?:ms|мс|s|с|%|k|к|m|м)?|cores|ядер|slots|pool|hit|ttl|timeout|retries|replicas|shards|pods|"
    r"partitions|limit|by|key|rps|реплик|шардов|подов|партиций|пул|лимит|таймаут|повторов|попаданий|слотов|по|ключ|(?:dc|дц|цод)-?[12])$",
    re.IGNORECASE,
)
_KIND_SHAPES = {"[(": "db", "[[": "queue"}


@dataclass
class Sketch:
    """`text`: the notation, a line for each typed line. `prose`: what else was said."""

    text: str
    prose: str


@dataclass
class _Names:
    """What each id of the drawing is called, with its settings."""

    known: dict[str, str] = field(default_factory=dict)
    drawn: set[str] = field(default_factory=set)

    def learn(self, name: str, label: str, what: str = "") -> str:
        words = re.sub(r"<br\s*/?>|\\n", " ", label.strip("\" '")).replace(",", " ").split()
        cut = next((i for i, w in enumerate(words) if _SETTING.match(w)), len(words))
        called = "-".join(re.sub(r"[^\w.-]+", "-", w).strip("-._") for w in words[:cut]).strip("-")
        called = "clients" if what == "clients" else re.sub(r"-{2,}", "-", called) or name
        if not called[0].isalpha():
            called = f"{name}-{called}"
        if what and not _says_kind(called, what):
            called = f"{called}-{what}"
        self.known[name] = " ".join([called[:40].lower(), *words[cut:]])
        return self.known[name]


def sketch_of(text: str) -> Sketch:
    """The drawing in a turn and the prose around it."""
    foreign = bool(_DIALECT.search(text))
    talk = bool(re.search(r"^\s*(?:sequenceDiagram|participant\b)", text, re.MULTILINE))
    names, lines, prose, places = _Names(), text.splitlines(), [], 0
    if foreign:
        for line in lines:
            _declare(names, line.strip())
    found: list[str] = []
    stands: dict[str, int] = {}
    inside = 0
    for line in lines:
        bare = line.strip()
        group = _GROUP.match(bare) if foreign else None
        if group and _PLACE.search(group["title"]):
            places += 1
            inside = places
        elif group or bare in ("end", "}"):
            inside = 0
        if inside and not group:
            stands.update({name: inside for name in _stores_of(names, bare) if name not in stands})
        kept = _line(names, bare, foreign, talk)
        found.append(kept)
        if not kept and bare and not (foreign and (_STYLE.match(bare) or group or _shapes_only(bare))):
            prose.append(line)
    if places:
        found.append(f"dc {min(2, places)}")
    if places == len(PLACES) and len(set(stands.values())) == 1:  # stores in both frames may be copies
        found += [f"{name} dc{place}" for name, place in stands.items()]
    return Sketch("\n".join(found), "\n".join(prose).strip())


def _stores_of(names: _Names, bare: str) -> list[str]:
    """The stores whose boxes are drawn in a line: in a frame of a data centre, that is where they stand."""
    declared = _DECLARED.match(bare)
    ids = [_declaration(declared)[1]] if declared else [m["id"] for m in _SHAPE.finditer(bare)]
    called = [names.known[i].split()[0] for i in ids if i in names.known]
    return [name for name in called if kind_of(name) == "store"]


def _line(names: _Names, bare: str, foreign: bool, talk: bool) -> str:
    """A typed line in the plain notation; empty where it draws nothing."""
    if not bare or (foreign and (_STYLE.match(bare) or _GROUP.match(bare))):
        return ""
    if talk and re.match(r"\S+?\s*(?:--+>{1,2}|--x)", bare):
        return ""  # the answer to a call is no other call
    declared = _DECLARED.match(bare) or _with_attributes(bare) if foreign else None
    plain = _plain(names, bare) if foreign else bare
    if re.search(r"->|=>|→|⇒", plain):
        names.drawn.update(re.findall(r"[^\W\d][\w.-]*", plain.lower()))
        return re.sub(r"  +", " ", _with_word(plain))
    if declared:
        called = names.known[_declaration(declared)[1]]
        return "" if called == "clients" else called
    if foreign and _shapes_only(bare):
        return plain
    return bare if _declares(names, bare) else ""


def _declares(names: _Names, bare: str) -> bool:
    """A line without an arrow that still draws: a part with its settings, the load, a comment."""
    words = bare.replace(":", " ").split()
    if bare.startswith("#"):
        return True
    if len(words) > PLAIN_WORDS or bare[-1] in ".!?" or not words:
        return False
    name = words[0].lower()
    if len(words) == 1:
        return name in names.drawn
    opens = name in LOAD_WORDS or name in PLACE_WORDS or kind_of(name) != "service"
    return _SETTING.match(words[1]) is not None or (opens and any(c.isdigit() for c in bare))


def _declare(names: _Names, bare: str) -> None:
    """Learn what a line calls its boxes."""
    declared = _DECLARED.match(bare) or _with_attributes(bare)
    if declared:
        what, key, label = _declaration(declared)
        names.learn(key, label, what)
    elif not _STYLE.match(bare) and not _GROUP.match(bare):
        for shape in _SHAPE.finditer(_ATTRIBUTES.sub("", bare)):
            names.learn(shape["id"], shape["label"] or shape["id"], _KIND_SHAPES.get(shape["open"], ""))


def _with_attributes(bare: str) -> re.Match[str] | None:
    found = _DOT_NODE.match(bare)
    return found if found and _ATTRIBUTES.fullmatch(found["attributes"]) and not _STYLE.match(bare) else None


def _declaration(found: re.Match[str]) -> tuple[str, str, str]:
    """(kind, id, label) of a line that only names a box."""
    parts = found.groupdict()
    if "attributes" in parts:
        said = _DOT_LABEL.search(parts["attributes"])
        store = re.search(r"shape\s*=\s*\"?cylinder", parts["attributes"])
        return "db" if store else "", parts["id"], (said[1] or said[2]) if said else parts["id"]
    what, alias = parts["what"].lower(), (parts["alias"] or "").strip().strip('"')
    label = parts["quoted"] or parts["boxed"] or parts["bare"]
    if what in ("participant", "actor") and alias and parts["bare"]:
        alias, label = label, alias  # Mermaid: the id first, then what it is called
    return _WHAT.get(what, ""), alias or label, label


def _plain(names: _Names, bare: str) -> str:
    """Shapes become names, every arrow one of the two that the plain notation knows."""
    bare = bare.rstrip(";").strip()
    said = _DOT_LABEL.search(bare) if _ATTRIBUTES.search(bare) else None
    bare = _ATTRIBUTES.sub("", bare).strip()
    for pattern, shape in _WORD_ON_ARROW:
        bare = pattern.sub(shape, bare)
    bare = _SHAPE.sub(lambda m: m["id"], bare)
    bare = _BOXED.sub(lambda m: _slug(names, m["label"]), bare)
    bare = _QUOTED.sub(lambda m: _slug(names, m["label"]), bare)
    bare = _TURNED.sub(r"\1\2", bare)
    back = _BACK.match(bare)
    if back and not re.search(r"[-.]>", bare):
        bare = f"{back['b'].strip()} {back['line']}> {back['a'].strip()}"
    bare = _CALLS.sub(" -> ", _HANDS_OVER.sub(" => ", bare))
    if said and re.search(r"->|=>", bare):
        bare = f"{bare}: {said[1] or said[2]}"
    return _called(names, bare)


def _slug(names: _Names, label: str) -> str:
    """An id for a box that has a label only; the label is learnt under it."""
    if label in names.known:
        return label if re.fullmatch(r"[\w.-]+", label) else _key(label)
    key = _key(label)
    if key not in names.known:
        names.learn(key, label)
    return key


def _key(label: str) -> str:
    return re.sub(r"[^\w.]+", "_", label.strip()).strip("_") or "part"


def _called(names: _Names, chain: str) -> str:
    """Each id of a chain by its name; "a & b -> c" becomes one chain after the other, joined by " ; "."""
    pieces = re.split(r"(\s*(?:->|=>)\s*(?:\|[^|]*\|\s*)?)", chain)
    tail = ""
    if len(pieces) > 1 and re.search(r"\S\s*:\s*\S", pieces[-1]):
        pieces[-1], _, tail = pieces[-1].partition(":")
    named = [p if i % 2 else " & ".join(_one(names, x) for x in p.split("&")) for i, p in enumerate(pieces)]
    return "".join(named) + (f": {tail.strip()}" if tail else "")


def _one(names: _Names, piece: str) -> str:
    words = piece.split()
    if not words:
        return piece.strip()
    head = names.known.get(words[0]) or names.known.get(words[0].split(":::")[0], words[0].split(":::")[0])
    return " ".join([head, *words[1:]])


def _with_word(chain: str) -> str:
    """ "a -> b: reads" with its word on the arrow, unless the words behind the colon are settings."""
    found = _SAID_OF.match(chain)
    if not found or any(_SETTING.match(w) for w in found["words"].split()):
        return chain
    head, arrow, last = re.split(r"(->|=>)(?!.*(?:->|=>))", found["chain"])
    return chain if "|" in last else f"{head}{arrow}|{found['words'].strip()}| {last.strip()}"


def _shapes_only(bare: str) -> bool:
    return bool(_SHAPE.fullmatch(bare.rstrip("; "))) or bool(_BOXED.fullmatch(bare))


def _says_kind(called: str, what: str) -> bool:
    return what == "clients" or kind_of(called) != "service"
