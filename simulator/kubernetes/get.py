"""`kubectl get` and `kubectl events`: select, order and print. Changes nothing but time (-w)."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.kubernetes import jsonpath, metrics, printing, selectors, tables, yamltext
from simulator.kubernetes.events import visible
from simulator.kubernetes.layout import since, table, widths_of
from simulator.kubernetes.objects import as_object, list_object
from simulator.kubernetes.parse import Call, Refused
from simulator.kubernetes.resources import (
    TYPES,
    Item,
    Request,
    ResourceType,
    find,
    items,
    namespace_of,
    not_found,
    request,
)
from simulator.reply import Reply

if TYPE_CHECKING:
    from simulator.world import World

MISSING = (
    'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
    "supported resources.\n\nerror: Required resource not specified.\n"
    'Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain '
    "pods).\nSee 'kubectl get -h' for help and examples"
)
FORMATS = (
    "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,"
    "jsonpath-file,name,template,templatefile,wide,yaml"
)
PLAIN = ("json", "name", "wide", "yaml")  # take no argument
WATCH_STEP_S = 0.5


@dataclass
class Found:
    """What a request selects: the items by type, and what was asked for but is not there."""

    groups: list[tuple[ResourceType, list[Item]]]
    errors: list[str]

    @property
    def every(self) -> list[Item]:
        return [item for _, group in self.groups for item in group]


def collect(world: "World", call: Call, asked: Request) -> Found:
    """Evaluate a request with its selectors. Raises Refused for selectors that cannot be."""
    namespace = None if call.on("all-namespaces") else namespace_of(world, call)
    found = Found([], [])
    if asked.named:
        if call.on("all-namespaces"):
            text = "error: a resource cannot be retrieved by name across all namespaces"
            raise Refused(text)
        if call.given("selector") and call.text("selector"):
            raise Refused("error: name cannot be provided when a selector is specified")
        for kind, name in asked.named:
            hits = [item for item in items(world, kind, namespace) if item.name == name]
            if hits:
                found.groups.append((kind, hits))
            elif not call.on("ignore-not-found"):
                found.errors.append(not_found(kind, name))
        return found
    for kind in asked.types:
        labels, fields = selectors.server_terms(kind, call.text("selector"), call.text("field-selector"))
        hits = [item for item in items(world, kind, namespace) if selectors.matches(labels, item.labels)]
        if fields:
            hits = [item for item in hits if selectors.fields_match(fields, _Reader(world, item))]
        found.groups.append((kind, hits))
    return found


class _Reader:
    """Reads a field of an item's object, "" when it has none."""

    def __init__(self, world: "World", item: Item) -> None:
        self.root = as_object(world, item)

    def __call__(self, path: str) -> str:
        values = jsonpath.select(jsonpath.path_tokens("." + path), [self.root])
        return jsonpath.render(values[0]) if values else ""


def run_get(world: "World", call: Call) -> Reply:
    """`kubectl get`."""
    if call.given("raw"):
        return _raw(world, call)
    if call.many("filename"):
        raise Refused(f'error: the path "{call.many("filename")[0]}" does not exist')
    output = call.text("output")
    kind, equals, _ = output.partition("=")
    if output and (kind not in FORMATS.split(",") or (equals and kind in PLAIN)):
        raise Refused(
            f'error: unable to match a printer suitable for the output format "{output[:80]}", allowed '
            f"formats are: {FORMATS}"
        )
    asked = request(call.args, MISSING)
    found = collect(world, call, asked)
    found.groups = [(kind, _sorted(world, call, group)) for kind, group in found.groups]
    if output not in ("", "wide") or (not output and call.text("template")):
        return _formatted(world, call, asked, found)
    if call.on("watch") or call.on("watch-only"):
        return _watch(world, call, asked, found)
    return _tabular(world, call, asked, found)


def _raw(world: "World", call: Call) -> Reply:
    """Paths of the API server: its health, its groups, lists of objects, metrics of nodes and pods."""
    path = call.text("raw").partition("?")[0]
    if path in ("/healthz", "/readyz", "/livez"):
        verbose = "verbose" in call.text("raw")
        checks = "".join(f"[+]{name} ok\n" for name in ("ping", "log", "etcd", "informer-sync", "shutdown"))
        return Reply(checks + f"{path[1:]} check passed\n" if verbose else "ok")
    if path == "/version":
        return Reply('{\n  "major": "1",\n  "minor": "32",\n  "gitVersion": "v1.32.4"\n}')
    found = metrics.page(world, path)
    if found is None:
        parts = path.strip("/").split("/")
        kind = next((t for t in TYPES.values() if t.plural == parts[-1]), None)
        root = f"/apis/{kind.api_version}" if kind is not None and kind.group else "/api/v1"
        if kind is None and path.startswith(("/api/", "/apis/")) and len(parts) > 2:
            one = next((t for t in TYPES.values() if t.plural == parts[-2]), None)
            if one is not None:
                where = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-2] else ""
                item = find(world, one, parts[-1], where)
                return Reply(
                    json.dumps(as_object(world, item), ensure_ascii=False, separators=(",", ":")) + "\n"
                )
        if kind is None or not path.startswith(root):
            raise Refused("Error from server (NotFound): the server could not find the requested resource")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else None
        found = list_object(world, items(world, kind, namespace))
    return Reply(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n")


def _sorted(world: "World", call: Call, group: list[Item]) -> list[Item]:
    """The order of --sort-by; missing values come first."""
    path = call.text("sort-by")
    if not path or not group:
        return group
    keyed = []
    try:
        tokens = jsonpath.path_tokens(jsonpath.relaxed(path))
        for item in group:
            values = jsonpath.select(tokens, [as_object(world, item)])
            keyed.append((values[0] if values else None, item))
    except jsonpath.PathError as error:
        keyed, problem = [], f"error: {error}"
    else:
        problem = (
            f'error: couldn\'t find any field with path "{{{jsonpath.relaxed(path)}}}" in the list of objects'
        )
    if all(value is None for value, _ in keyed):
        if call.text("output") in ("", "wide"):
            return []  # a table that cannot be sorted is dropped without a word
        raise Refused(problem)
    numeric = all(value is None or isinstance(value, (int, float)) for value, _ in keyed)

    def order(pair: tuple[object, Item]) -> tuple[bool, float, str]:
        value = pair[0]
        number = float(value) if numeric and isinstance(value, (int, float)) else 0.0
        return value is not None, number, "" if numeric else jsonpath.render(value)

    return [item for _, item in sorted(keyed, key=order)]


def nothing_found(world: "World", call: Call, asked: Request) -> str:
    """The line for an empty answer."""
    if call.on("all-namespaces") or all(not kind.namespaced for kind in asked.types):
        return "No resources found\n"
    return f"No resources found in {namespace_of(world, call)} namespace.\n"


def _closing(found: Found) -> tuple[str, int]:
    errors = "".join(error + "\n" for error in found.errors)
    return errors, 1 if found.errors else 0


def _tabular(world: "World", call: Call, asked: Request, found: Found) -> Reply:
    errors, code = _closing(found)
    blocks = [block for block in _blocks(world, call, asked, found) if block]
    if not blocks and not errors:
        quiet = bool(asked.named) or call.on("ignore-not-found")
        return Reply(err="" if quiet else nothing_found(world, call, asked))
    # Between two types kubectl leaves an empty line.
    return Reply(out="\n".join(table(rows) for rows in blocks), err=errors, code=code)


def _blocks(world: "World", call: Call, asked: Request, found: Found) -> list[list[list[str]]]:
    """The rows of each type, header first; names of one type share a block."""
    several = len({kind.plural for kind, _ in found.groups}) > 1
    merged: list[tuple[ResourceType, list[Item]]] = []
    for kind, group in found.groups:
        if merged and merged[-1][0] == kind:
            merged[-1][1].extend(group)
        else:
            merged.append((kind, list(group)))
    return [
        _rows(world, call, kind, group, several or call.on("show-kind")) for kind, group in merged if group
    ]


def _rows(
    world: "World", call: Call, kind: ResourceType, group: list[Item], with_kind: bool
) -> list[list[str]]:
    wide = call.text("output") == "wide"
    columns = call.many("label-columns")
    rows = []
    if not call.on("no-headers"):
        head = tables.header(kind.plural, wide) + [name.rpartition("/")[2].upper() for name in columns]
        if call.on("show-labels"):
            head.append("LABELS")
        if call.on("all-namespaces") and kind.namespaced:
            head.insert(0, "NAMESPACE")
        rows.append(head)
    for item in group:
        cells = list(tables.row(world, item, wide))
        if with_kind and kind.plural != "events":
            cells[0] = item.path
        cells += [item.labels.get(name, "") for name in columns]
        if call.on("show-labels"):
            pairs = ",".join(f"{key}={value}" for key, value in sorted(item.labels.items()))
            cells.append(pairs or "<none>")
        if call.on("all-namespaces") and kind.namespaced:
            cells.insert(0, item.namespace)
        rows.append(cells)
    return rows


def _formatted(world: "World", call: Call, asked: Request, found: Found) -> Reply:
    output, errors = call.text("output") or "go-template", _closing(found)
    every = found.every
    if output == "name":
        return Reply("".join(item.path + "\n" for item in every), errors[0], errors[1])
    if not every and found.errors:
        return Reply("", *errors)
    kind, _, argument = output.partition("=")
    if kind == "custom-columns":
        return Reply(_custom(world, call, every, argument), *errors)
    if kind.endswith(("-file", "file")):
        raise Refused(
            f"error: error reading {'--template' if kind == 'jsonpath-file' else 'template'} {argument[:200]}, "
            f"open {argument[:200]}: no such file or directory"
        )
    single = len(every) == 1 and len(asked.named) == 1
    root = as_object(world, every[0]) if single else list_object(world, every)
    if kind == "json":
        return Reply(json.dumps(root, indent=4, ensure_ascii=False, sort_keys=True) + "\n", *errors)
    if kind == "yaml":
        return Reply(yamltext.dump(root), *errors)
    argument = argument or call.text("template")
    if not argument:
        raise Refused("error: template format specified but no template given")
    return Reply(printing.templated(kind, argument, root), *errors)


def _custom(world: "World", call: Call, every: list[Item], spec: str) -> str:
    """-o custom-columns=NAME:.metadata.name,…"""
    if not spec:
        raise Refused("error: custom-columns format specified but no custom columns given")
    heads, paths = [], []
    for column in _columns(spec):
        name, colon, path = column.partition(":")
        if not colon:
            raise Refused(
                f"error: unexpected custom-columns spec: {column[:80]}, expected <header>:<json-path-expr>"
            )
        heads.append(name)
        try:
            paths.append(jsonpath.path_tokens(jsonpath.relaxed(path)))
        except jsonpath.PathError as error:
            shown = (
                "" if call.on("no-headers") else table([[part.partition(":")[0] for part in _columns(spec)]])
            )
            raise Refused(f"error: {error}", out=shown) from None
    rows = [] if call.on("no-headers") else [heads]
    for item in every:
        root = as_object(world, item)
        found = [jsonpath.select(tokens, [root]) for tokens in paths]
        rows.append([",".join(jsonpath.go_text(v) for v in values) or "<none>" for values in found])
    return table(rows)


def _columns(spec: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth, current = [], 0, ""
    for char in spec:
        depth += (char in "[(") - (char in "])")
        if char == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def _watch(world: "World", call: Call, asked: Request, found: Found) -> Reply:
    """-w: the table, then a line for whatever changes until the follow limit."""
    rows = [row for block in _blocks(world, call, asked, found) for row in block]
    errors, code = _closing(found)
    if found.errors:
        return Reply(table(rows) if rows else "", errors, code)
    head = [] if call.on("no-headers") else tables.header(found.groups[0][0].plural, False)
    widths = widths_of(rows or [head])
    out = "" if call.on("watch-only") or not rows else table(rows, widths)
    call.flags["no-headers"] = "true"
    seen = _fingerprints(world, call, found)
    end_s = world.now_s + world.follow_limit_s
    while world.now_s < end_s - 1e-9:
        before_s = world.now_s
        world.advance(min(WATCH_STEP_S, end_s - world.now_s))
        if world.now_s <= before_s:
            break
        now = collect(world, call, asked)
        fresh = _fingerprints(world, call, now)
        changed = [key for key in fresh if seen.get(key) != fresh[key]]
        lines = [fresh[key][1] for key in changed]
        lines += [seen[key][1] for key in seen if key not in fresh]
        out += "".join(table([cells], widths) for cells in lines)
        seen = fresh
    return Reply(out=out)


def _fingerprints(
    world: "World", call: Call, found: Found
) -> dict[tuple[str, str, str], tuple[tuple[str, ...], list[str]]]:
    """By object: the cells that count as a change (ages do not), and its line."""
    marks = {}
    several = len({kind.plural for kind, _ in found.groups}) > 1
    for kind, group in found.groups:
        moving = [
            i for i, name in enumerate(tables.header(kind.plural, False)) if name in ("AGE", "RESTARTS")
        ]
        for item in group:
            cells = _rows(world, call, kind, [item], several)[0]
            still = tuple(cell for i, cell in enumerate(tables.row(world, item, False)) if i not in moving)
            if kind.plural == "events":
                still = still[1:]
            marks[kind.plural, item.namespace, item.name] = (still, cells)
    return marks


def run_events(world: "World", call: Call) -> Reply:
    """`kubectl events`: ordered by time, kinds with a capital."""
    namespace, cluster = namespace_of(world, call), world.kubernetes
    shown = call.on("all-namespaces")
    found = visible(cluster, world.now_s) if shown or namespace == cluster.namespace else []
    wanted, kinds = call.text("for"), call.many("types")
    if any(kind.lower() not in ("normal", "warning") for kind in kinds):
        raise Refused("error: valid --types are Normal or Warning")
    if wanted and "/" not in wanted:
        raise Refused("error: --for must be in resource/name form")
    if wanted:
        asked = request([wanted], MISSING)
        pairs = [(kind.kind, name) for kind, name in asked.named]
        found = [event for event in found if (event.kind, event.name) in pairs]
    types = [name.lower() for name in call.many("types")]
    found = [event for event in found if not types or event.type.lower() in types]
    if not found:
        text = "No events found.\n" if shown else f"No events found in {namespace} namespace.\n"
        return Reply(err=text)
    rows = [] if call.on("no-headers") else [tables.header("events", False)]
    for event in sorted(found, key=lambda event: event.seen(world.now_s)[0]):
        last_s, times = event.seen(world.now_s)
        when = since(world, last_s)
        if times > 1:
            when = f"{when} (x{times} over {since(world, event.first_s)})"
        rows.append([when, event.type, event.reason, f"{event.kind}/{event.name}", event.message])
    if shown:
        rows = [
            [("NAMESPACE" if i == 0 and not call.on("no-headers") else cluster.namespace), *cells]
            for i, cells in enumerate(rows)
        ]
    return Reply(out=table(rows))
