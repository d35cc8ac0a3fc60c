"""Serialisability: cycles in the graph of dependencies between transactions (Adya 1999; Elle, Kingsbury 2020).

A transaction is an `ok` record with f `txn` whose value is a tuple of (`r` or `w`, key, value); `fail` is an
aborted one. Values written to a key are unique; its versions follow one another in the order of the commits.
T1 -ww-> T2 overwrote it, T1 -wr-> T2 read it, T1 -rw-> T2 overwrote what T1 had read.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from simulator.entities.history import FAIL, OK, Op
from simulator.entities.verdicts import Verdict, Violation, blame, verdict

Graph = dict[int, dict[int, str]]  # from -> to -> kind; the strongest kind wins: ww, then wr, then rw


def _graph(transactions: list[Op]) -> Graph:
    writers: dict[tuple[Any, Any], int] = {}
    versions: dict[Any, list[Any]] = {}
    for op in transactions:
        last: dict[Any, Any] = {}
        for kind, key, value in op.value:
            if kind == "w":
                last[key] = value
        for key, value in last.items():
            writers[key, value] = op.index
            versions.setdefault(key, []).append(value)
    graph: Graph = {op.index: {} for op in transactions}

    def edge(a: int, b: int, kind: str) -> None:
        if a != b and (b not in graph[a] or "ww wr rw".index(kind) < "ww wr rw".index(graph[a][b])):
            graph[a][b] = kind

    for key, values in versions.items():
        for one, two in zip(values, values[1:], strict=False):
            edge(writers[key, one], writers[key, two], "ww")
    for op in transactions:
        own: set[Any] = set()
        for kind, key, value in op.value:
            if kind == "w":
                own.add(key)
            elif key not in own:
                values = versions.get(key, [])
                if (key, value) in writers:
                    edge(writers[key, value], op.index, "wr")
                    following = values.index(value) + 1
                else:
                    following = 0  # the value before all writes
                if following < len(values):
                    edge(op.index, writers[key, values[following]], "rw")
    return graph


def _path(graph: Graph, start: int, goal: int, kinds: tuple[str, ...]) -> list[int] | None:
    """The shortest way from `start` to `goal`, both included."""
    came: dict[int, int] = {start: start}
    queue = deque([start])
    while queue:
        at = queue.popleft()
        if at == goal:
            way = [at]
            while way[-1] != start:
                way.append(came[way[-1]])
            return way[::-1]
        for to, kind in graph[at].items():
            if kind in kinds and to not in came:
                came[to] = at
                queue.append(to)
    return None


def _cycles(graph: Graph) -> list[tuple[str, list[int]]]:
    """(name, transactions of the cycle) for each kind of anomaly, the worst kinds first; one cycle per edge."""
    found: list[tuple[str, list[int]]] = []
    reported: set[frozenset[int]] = set()
    searches = (("G0", "ww", ("ww",)), ("G1c", "wr", ("ww", "wr")), ("G-single", "rw", ("ww", "wr")))
    for name, kind, rest in (*searches, ("G2", "rw", ("ww", "wr", "rw"))):
        for a in graph:
            for b, edge in graph[a].items():
                way = _path(graph, b, a, rest) if edge == kind else None
                if way is not None and frozenset(way) not in reported:
                    reported.add(frozenset(way))
                    found.append((name, [a, *way[:-1]] if way[-1] == a else [a, *way]))
    return found


def serialisable(ops: Iterable[Op], allowed: tuple[str, ...] = ()) -> Verdict:
    """No aborted, intermediate or cyclic reads. `allowed` names anomalies that the isolation level permits.

    Blames the last transaction of the cycle to commit, and names all its members.
    """
    ops = [op for op in ops if op.f == "txn"]
    done = [op for op in ops if op.type == OK]
    by_index = {op.index: op for op in done}
    found: list[Violation] = []
    aborted = {(k, v): op for op in ops if op.type == FAIL for kind, k, v in op.value or () if kind == "w"}
    between: dict[tuple[Any, Any], Op] = {}
    for op in done:
        last: dict[Any, Any] = {}
        for kind, key, value in op.value:
            if kind == "w":
                if key in last:
                    between[key, last[key]] = op
                last[key] = value
    for op in done:
        for kind, key, value in op.value:
            for name, source in (("G1a", aborted), ("G1b", between)):
                writer = source.get((key, value)) if kind == "r" else None
                if writer is not None and writer is not op and name not in allowed:
                    found.append(blame("anomaly", op, name, f"r {key!r} = {value!r}", (writer.index,)))
    graph = _graph(done)
    for name, cycle in _cycles(graph):
        if name in allowed:
            continue
        edges = [f"{a} -{graph[a][b]}-> {b}" for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True)]
        guilty = by_index[max(cycle)]
        others = tuple(sorted(i for i in cycle if i != guilty.index))
        found.append(blame("anomaly", guilty, name, ", ".join(edges), others))
    return verdict(found)
