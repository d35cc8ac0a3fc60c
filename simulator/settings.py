"""Settings: what versions, flags and environment variables of services change in the running world.

A scenario names a setting by a path (`retries.pay`, `group.shipping.commit`, `flow.order.reserve.mode`); a version, a
flag or a variable gives it a value. Precedence: environment over flags over versions. A flow follows the pods that
run it: while two versions of its host serve, each new entity goes by one of them by its own luck. Everything else
follows the version most ready pods have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulator.scenario import Knob, ScenarioError, Service

if TYPE_CHECKING:
    from simulator.bridge import Reach
    from simulator.entities.engine import Entities
    from simulator.entities.spec import Flow
    from simulator.world import World

Overrides = dict[str, Any]


@dataclass
class Settings:
    """`flags`: the state of each flag. `base`: what each touched path was at first; `live`: what it is now."""

    flags: dict[str, str] = field(default_factory=dict)
    base: Overrides = field(default_factory=dict)
    live: Overrides = field(default_factory=dict)
    variants: dict[str, Any] = field(default_factory=dict)  # flow -> what its variants were made from
    ways: dict[str, list[tuple[float, Overrides]]] = field(default_factory=dict)  # flow -> (share, overrides)
    forced: Overrides = field(default_factory=dict)  # by faults: over everything else


# -- one path


def _entities(world: World) -> Entities:
    if world.entities is None:
        raise KeyError("entities")
    return world.entities


def _spec_of(kind: str) -> Callable[[World, str], Any]:
    def find(world: World, name: str) -> Any:
        domain = _entities(world).domain
        owners: dict[str, dict[str, Any]] = {
            "group": {**domain.groups},
            "topic": {**domain.topics},
            "store": {**domain.stores},
            "quorum": {**domain.quorums},
            "system": {**domain.systems},
        }
        return owners[kind][name]

    return find


def _read_spec(kind: str, world: World, rest: str) -> Any:
    name, _, what = rest.rpartition(".")
    return getattr(_spec_of(kind)(world, name).spec, what)


def _write_spec(kind: str, world: World, rest: str, value: Any) -> None:
    name, _, what = rest.rpartition(".")
    owner = _spec_of(kind)(world, name)
    owner.spec = replace(owner.spec, **{what: value})
    for part in getattr(owner, "partitions", []):
        part.spec = owner.spec


def _read_retries(world: World, caller: str) -> int:
    return max(s.retries for s in world.plane.network.scopes if s.name == caller)


def _read_limit(world: World, service: str) -> float:
    return next(x.rps for x in world.plane.network.limits if x.service == service)


def _read_bulkhead(world: World, service: str) -> int:
    return next(g.limit_per_pod for g in world.plane.network.groups if g.service == service)


def _read_ttl(world: World, cache: str) -> float:
    from simulator.scenario import Cache

    found: Cache = world.scenario.component(cache, Cache)
    return found.ttl_s


def _read_pool(world: World, pool: str) -> int:
    names = [p.family or p.name for p in world.plane.network.pools]
    return world.reach.standing.usual.get(pool, world.plane.pool_limits[names.index(pool)])


def _read_drive(world: World, flow: str) -> float:
    """How often a second a flow starts by itself."""
    business = world.scenario.entities
    if business is None:
        raise KeyError(flow)
    return business.drive[flow].per_s


def _write_drive(world: World, flow: str, value: Any) -> None:
    reach: Reach = world.reach
    reach.rates[flow] = float(value)


def _read_redis(world: World, rest: str) -> Any:
    from simulator.redis.load import read_setting

    return read_setting(world, rest)


def _write_redis(world: World, rest: str, value: Any) -> None:
    from simulator.redis.load import write_setting

    write_setting(world, rest, value)


def _read_shards(world: World, what: str) -> Any:
    return getattr(world.rooms["shards"].map.now, what)


def _write_shards(world: World, what: str, value: Any) -> None:
    from simulator.shards.state import change

    if what != "function":
        raise KeyError(what)
    change(world, function=str(value))


def _read_route(world: World, route: str) -> float:
    return next(s.weights[1] for s in world.plane.network.splits if s.kind == "route" and s.name == route)


def _pooled(world: World, database: str) -> Any:
    return next(d for d in world.kubernetes.deployments.values() if d.pooled and d.pooled[0] == database)


def _read_per_pod(world: World, database: str) -> int:
    """Connections that each pod of a service keeps to a database."""
    return int(_pooled(world, database).pooled[1])


def _write_per_pod(world: World, database: str, value: Any) -> None:
    deployment = _pooled(world, database)
    deployment.pooled = (database, max(1, int(value)), deployment.pooled[2])


def _read_column(world: World, rest: str) -> str:
    component, _, table = rest.rpartition(".")
    bound = world.scenario.databases()[component].tables[table]
    reads: dict[str, str] = world.rooms["postgres"].reads
    return reads.get(rest, bound.reads)


def _read_replicas(world: World, rest: str) -> float:
    component, _, service = rest.rpartition(".")
    storage = world.scenario.databases()[component].storage
    usual = storage.readers[service].share if storage is not None else 0.0
    shares: dict[str, float] = world.rooms["postgres"].shares
    return shares.get(rest, usual)


Reader = Callable[["World", str], Any]
Writer = Callable[["World", str, Any], None]
KINDS: dict[str, tuple[Reader, Writer]] = {
    "retries": (_read_retries, lambda w, n, v: w.plane.set_retries(n, int(v))),
    "rate_limit": (_read_limit, lambda w, n, v: w.plane.set_rate_limit(n, float(v))),
    "bulkhead": (_read_bulkhead, lambda w, n, v: w.plane.set_bulkhead(n, int(v))),
    "cache_ttl": (_read_ttl, lambda w, n, v: w.plane.set_cache_ttl(n, float(v))),
    "pool": (_read_pool, lambda w, n, v: w.plane.set_pool_limit("", n, int(v))),
    "route": (_read_route, lambda w, n, v: w.plane.set_route(n, float(v))),
    "per_pod": (_read_per_pod, _write_per_pod),
    "fail": (lambda w, n: 0.0, lambda w, n, v: w.plane.set_failing(n, float(v), "settings")),
    "drive": (_read_drive, _write_drive),
    "redis": (_read_redis, _write_redis),
    "shards": (_read_shards, _write_shards),
    "group": (lambda w, n: _read_spec("group", w, n), lambda w, n, v: _write_spec("group", w, n, v)),
    "system": (lambda w, n: _read_spec("system", w, n), lambda w, n, v: _write_spec("system", w, n, v)),
    "topic": (lambda w, n: _read_spec("topic", w, n), lambda w, n, v: _write_spec("topic", w, n, v)),
    "replica_reads": (_read_replicas, lambda w, n, v: w.rooms["postgres"].shares.update({n: float(v)})),
    "reads": (_read_column, lambda w, n, v: w.rooms["postgres"].reads.update({n: str(v)})),
    "quorum": (lambda w, n: _read_spec("quorum", w, n), lambda w, n, v: _write_spec("quorum", w, n, v)),
    "store": (lambda w, n: _read_spec("store", w, n), lambda w, n, v: _write_spec("store", w, n, v)),
}


def read(world: World, path: str) -> Any:
    """What a setting is now. Raises ScenarioError for a path that leads nowhere."""
    kind, _, rest = path.partition(".")
    try:
        if kind == "flow":
            return _flow_field(world, rest)
        return KINDS[kind][0](world, rest)
    except (KeyError, StopIteration, AttributeError, ValueError, IndexError) as error:
        raise ScenarioError(f"scenario {world.scenario.id}: no setting {path!r} ({error})") from None


def _flow_field(world: World, rest: str) -> Any:
    flow = next(f for f in _entities(world).spec.flows if rest.startswith(f.name + "."))
    where = rest.removeprefix(flow.name + ".")
    step_name, _, what = where.rpartition(".")
    if not step_name:
        return getattr(flow, what)
    steps = [s for step in flow.steps for s in (step, step.undo) if s is not None]
    return getattr(next(s for s in steps if s.name == step_name), what)


# -- what is declared


def declared(world: World) -> list[str]:
    """Every path that anything in the scenario sets."""
    scenario = world.scenario
    found: list[str] = []
    for service in scenario.services().values():
        for version in service.versions.values():
            found += version.set
        found += [knob.path for knob in service.knobs.values()]
    for flag in scenario.flags.values():
        for values in flag.states.values():
            found += values
    return list(dict.fromkeys(found))


def check(world: World) -> None:
    """Every declared path exists. Raises ScenarioError."""
    for path in declared(world):
        read(world, path)


def knob_value(knob: Knob, text: str) -> Any:
    """The value an environment variable's text gives; None: it gives none."""
    if knob.values:
        return knob.values.get(text)
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return None


# -- what holds now


def flag_overrides(world: World) -> Overrides:
    found: Overrides = {}
    for name, flag in world.scenario.flags.items():
        found.update(flag.states.get(world.settings.flags.get(name, flag.default), {}))
    return found


def _env_overrides(service: Service, env: tuple[tuple[str, str], ...]) -> Overrides:
    found: Overrides = {}
    for name, text in env:
        knob = service.knobs.get(name)
        value = knob_value(knob, text) if knob is not None else None
        if knob is not None and value is not None:
            found[knob.path] = value
    return found


Template = tuple[str, tuple[tuple[str, str], ...]]  # version, environment


def serving(world: World, name: str) -> dict[Template, int]:
    """Ready pods of a service by what they run, in a fixed order."""
    found: dict[Template, int] = {}
    for pod in world.kubernetes.pods.values():
        if pod.app == name and pod.active and pod.ready:
            key = (pod.version, pod.template.env)
            found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items()))


def each_second(world: World) -> None:
    """Let settings follow flags and pods."""
    state = world.settings
    flags = flag_overrides(world)
    by_version: Overrides = {}
    by_variable: Overrides = {}
    templates: dict[str, dict[Template, int]] = {}
    for name, service in world.scenario.services().items():
        if service.knobs or any(v.set for v in service.versions.values()):
            templates[name] = running = serving(world, name)
            if running:
                version, env = max(running, key=running.__getitem__)
                spec = service.versions.get(version)
                by_version.update(spec.set if spec is not None else {})
                by_variable.update(_env_overrides(service, env))
    wanted = {**by_version, **flags, **by_variable, **state.forced}
    plain = {path: value for path, value in wanted.items() if not path.startswith("flow.")}
    for path in [*plain, *(p for p in state.live if p not in plain)]:
        _set(world, path, plain.get(path, state.base.get(path)))
    if world.entities is not None:
        _flows(world, templates, flags)


def _set(world: World, path: str, value: Any) -> None:
    state = world.settings
    if path not in state.base:
        state.base[path] = read(world, path)
    if state.live.get(path, state.base[path]) == value:
        return
    kind, _, rest = path.partition(".")
    KINDS[kind][1](world, rest, value)
    state.live[path] = value


def _flows(world: World, templates: dict[str, dict[Template, int]], flags: Overrides) -> None:
    """Each flow's variants, one a template of its host, with their shares."""
    entities = _entities(world)
    for flow in entities.spec.flows:
        service = world.scenario.components.get(flow.host)
        running = templates.get(flow.host) or {("", ()): 1}
        made: list[tuple[float, Flow]] = []
        total = sum(running.values())
        for (version, env), pods in running.items():
            own, variables = {}, {}
            if isinstance(service, Service):
                own = service.versions[version].set if version in service.versions else {}
                variables = _env_overrides(service, env)
            for share, way in world.settings.ways.get(flow.name, [(1.0, {})]):
                if share > 0:
                    made.append(
                        (
                            pods / total * share,
                            varied(flow, {**own, **flags, **variables, **way, **world.settings.forced}),
                        )
                    )
        if world.settings.variants.get(flow.name, [(1.0, flow)]) != made:
            world.settings.variants[flow.name] = made
            entities.set_variants(flow.name, made)


def varied(flow: Flow, overrides: Overrides) -> Flow:
    """A flow with the settings that concern it."""
    changes: Overrides = {}
    steps = {step.name: step for step in flow.steps}
    undoes = {step.undo.name: step.name for step in flow.steps if step.undo is not None}
    for path, value in overrides.items():
        head = f"flow.{flow.name}."
        if not path.startswith(head):
            continue
        name, _, what = path.removeprefix(head).rpartition(".")
        if name in undoes:
            done = steps[undoes[name]]
            assert done.undo is not None
            steps[done.name] = replace(done, undo=replace(done.undo, **{what: value}))
        elif name:
            steps[name] = replace(steps[name], **{what: value})
        else:
            changes[what] = value
    return replace(flow, steps=tuple(steps.values()), **changes)
