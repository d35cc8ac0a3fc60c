# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The cohort kernel: requests as masses per (node, start bucket), moved step by step.

One source, two backends: this file runs as it is, or compiled by Cython with the types of `kernel.pxd`,
with the same bits. So it uses floats, ints, flat arrays, exp and erfc, no
power operator, no sums in library code, and no negative operand of // or %.

- A scope is an attempt of somebody who waits: a client, a worker, a caller with a policy, a branch in
  parallel. A bucket is the set of a scope's attempts that started within its `width` ticks; its mass is
  spread over the scope's nodes, a column a bucket. After the time-out the mass goes to the last column
  of each row: nobody waits for it, the servers work on (zombies). So lost goodput and retry storms come
  out, they are not put in.
- A caller's mass waits in `comp`: by bucket of the attempt and column of the caller.
- Queues are linked lists of entries that remember their tick. Entries of one tick are served in
  proportion: serving them in node order would favour one hop and can hide a collapse.
- Slots given back during a step can be taken in that step: admission counts what the step before gave
  back, and the step after corrects the balance.
- A step is one tick, or `long_stride` ticks when nothing has stirred for a while. Whether it may be long depends
  on the state alone, never on who looks when.

Order inside a step: open and expire buckets, arrivals and retries, finish queries in service, serve the
queues, walk the nodes forward, judge the breakers. Mass is conserved: see `imbalance`.
"""

# mypy: allow-untyped-defs
from array import array
from math import erfc, exp, fsum, log, sqrt

from simulator.engine import codes

COMPILED = not __file__.endswith(".py")
compiled = COMPILED  # the same, of C
ENTER = codes.ENTER
WORK = codes.WORK
QUERY = codes.QUERY
CPU = codes.CPU
CALL = codes.CALL
FORK = codes.FORK
SPLIT = codes.SPLIT
CLIENT = codes.CLIENT
WORKER = codes.WORKER
CALLER = codes.CALLER
BRANCH = codes.BRANCH
FIFO = codes.FIFO
LIFO = codes.LIFO
CODEL = codes.CODEL
GO = codes.GO
REJECTED = codes.REJECTED
TIMEOUT = codes.TIMEOUT
ERROR = codes.ERROR
CLOSED = codes.CLOSED
HALF_OPEN = codes.HALF_OPEN
OPEN = codes.OPEN
TINY = codes.TINY
FAR = codes.FAR
MERGE = codes.MERGE
FLUSH = codes.FLUSH
SPREAD = codes.SPREAD
BRISK = codes.BRISK
FULL_ENOUGH = codes.FULL_ENOUGH
FEW = codes.FEW
FAINT_QUEUE = codes.FAINT_QUEUE
LATE_SHARE = codes.LATE_SHARE
EVEN = codes.EVEN
MAX_ATTEMPTS = codes.MAX_ATTEMPTS
ATTEMPTS = codes.ATTEMPTS
WINDOW = codes.WINDOW
LUCK = codes.LUCK
LUCKY = codes.LUCKY
GRID = codes.GRID
NEAR = codes.NEAR
WIDE = codes.WIDE
REACH = codes.REACH
INFINITE = codes.INFINITE
FAINT = codes.FAINT
GREAT = codes.GREAT
ALL = codes.ALL


def floats(n):
    """`n` zeros as the backend wants them."""
    return array("d", bytes(8 * n)) if COMPILED else [0.0] * n


def ints(n, value=0):
    """`n` equal integers as the backend wants them."""
    return array("q", [value]) * n if COMPILED else [value] * n


FLOATS = (
    "mean_s flow serving future weight clock_speed clock_rest "
    "group_limit group_queue group_hold_s group_late group_flow group_held group_before group_busy group_draining group_released group_budget group_busy_s "
    "group_came group_door group_refused group_inside group_room group_spread group_scatter group_wanted group_mixed group_asked group_expected group_lead "
    "pool_limit pool_open pool_busy pool_connect_s pool_timeout pool_opens_at_s pool_refused pool_full_s "
    "pool_expected pool_arrived pool_lost pool_inside pool_busy_s store_cores store_slots store_slow store_units store_speed "
    "sway sway_load sway_free sway_hold sway_part "
    "table queue_total q_mass q_joined service_expected service_arrived service_failing door_expected door_arrived "
    "limit_rps limit_burst limit_tokens class_rate class_came class_decline split_weight "
    "outstanding attempt_mass comp scope_backoff scope_factor scope_jitter scope_tokens "
    "scope_ratio scope_per_s scope_burst retry_attempts retry_columns retry_total "
    "fork_size fork_joined fork_failed branch_done branch_failed branch_left fork_extra_s "
    "worker_rate worker_last worker_backlog breaker_until breaker_sent breaker_good breaker_bad breaker_size "
    "breaker_rate breaker_open_s breaker_calls breaker_luck window_good window_bad "
    "offered ok declined failed entered rejected errors turned shed late drained query_count pool_timeouts "
    "scope_calls scope_failed_count scope_retries split_taken admitted group_admitted trace share wait_share"
).split()
INTS = (
    "kind next scope_of pool_of clock_of split_of service_of row serving_row ring future_at "
    "range_at weight_at weight_size release_at release held_at held branch_at branch_group branch_first "
    "fallback child_at child order flow_low flow_high serving_low serving_high future_low future_high "
    "clock_at group_pods group_order group_station group_table group_loss group_target group_interval group_empty "
    "service_of_group pool_database pool_transient pool_virtual pool_table pool_clear store_table queue_head queue_tail "
    "q_node q_bucket q_tick q_next q_prev service_at limit_of "
    "scope_kind scope_class scope_owner scope_parent scope_first scope_width scope_cols scope_ticks scope_oldest "
    "scope_now scope_row comp_at comp_low comp_high scope_attempts scope_waits scope_optional scope_drops "
    "scope_breaker scope_node_at scope_node retry_at retry_size retry_column_at scope_parks scope_worker "
    "worker_breaker breaker_state breaker_turn window_head window_count "
    "group_trace group_calm group_caller changes"
).split()
SCALARS = (
    "dt tick stride long_stride stirred quiet_ticks nodes groups pools stores stations services scopes workers "
    "clocks free_entry entries trace_width trace_used step_dt orders limits change_count classes"
).split()


class Kernel:
    """The state of a running cohort engine: flat arrays, filled by `simulator.engine.cohort`."""

    def __init__(self):
        for name in FLOATS:
            setattr(self, name, floats(0))
        for name in INTS:
            setattr(self, name, ints(0))
        for name in SCALARS:
            setattr(self, name, 0)

    def __reduce__(self):
        return restore, (freeze(self),)


def freeze(k):
    """The whole state as plain values; the same for both backends."""
    return (
        [getattr(k, name) for name in SCALARS],
        [array("d", bytes(v) if COMPILED else v) for v in [getattr(k, name) for name in FLOATS]],
        [array("q", bytes(v) if COMPILED else v) for v in [getattr(k, name) for name in INTS]],
    )


def restore(frozen):
    """A kernel from what `freeze` returned."""
    k = Kernel()
    scalars, reals, wholes = frozen
    for name, value in zip(SCALARS, scalars, strict=True):
        setattr(k, name, value)
    for name, values in zip(FLOATS, reals, strict=True):
        setattr(k, name, values if COMPILED else list(values))
    for name, values in zip(INTS, wholes, strict=True):
        setattr(k, name, values if COMPILED else list(values))
    return k


def run(k, until):
    """Advance to tick `until`; a long step that would end beyond it is left for later."""
    while k.tick < until:
        if k.tick % k.long_stride == 0 and k.tick - k.stirred >= k.quiet_ticks:
            if k.tick + k.long_stride > until:
                return
            stride = k.long_stride
        else:
            stride = 1
        if stride == 1:
            short_steps(k)
        elif k.stride == 1:
            rescale(k, stride)
        step(k)
        k.tick += stride


def short_steps(k):
    """Steps of one tick from here on."""
    if k.stride > 1:
        refine(k)
        rescale(k, 1)


def rescale(k, stride):
    """A step of another length, and what is expected in it."""
    factor = (1.0 * stride) / k.stride
    k.stride = stride
    k.step_dt = k.dt * stride
    for v in range(k.services):
        k.service_expected[v] *= factor
    for p in range(k.pools):
        k.pool_expected[p] *= factor
    for g in range(k.groups):
        k.group_released[g] *= factor
        k.group_flow[g] *= factor
        k.group_expected[g] *= factor
        k.door_expected[g] *= factor


def step(k):
    """One step of `stride` ticks."""
    for s in range(k.scopes):
        turn_scope(k, s)
    for c in range(k.clocks):
        turn_clock(k, c)
    for s in range(k.scopes):
        if k.scope_kind[s] <= WORKER:
            arrive(k, s)
    contention(k)
    open_doors(k)
    for i in range(k.nodes):
        if k.pool_of[i] >= 0:
            finish_queries(k, i)
        elif k.kind[i] == FORK and k.serving_low[i] <= k.serving_high[i]:
            finish_joined(k, i)
    for p in range(k.pools):
        if k.pool_virtual[p] == 0:
            open_connections(k, p)
            serve_pool(k, p)
    for g in range(k.groups):
        if k.group_station[g] >= 0 and k.queue_head[k.group_station[g]] >= 0:
            serve_group(k, g)
    for j in range(k.orders):
        i = k.order[j]
        if i < 0:
            join_branches(k, -i - 1)
            continue
        kind = k.kind[i]
        if kind == WORK:
            work(k, i)
        elif kind == CALL:
            if k.retry_total[k.child[k.child_at[i]]] > 0.0 or has_flow(k, i):
                call(k, i)
        elif has_flow(k, i):
            if kind == ENTER:
                enter(k, i)
            elif kind == QUERY or kind == CPU:
                query(k, i)
            elif kind == SPLIT:
                split(k, i)
            else:
                fork(k, i)
    end_of_step(k)


def has_flow(k, i):
    return k.flow_low[i] <= k.flow_high[i] or k.flow[k.row[i] + k.scope_cols[k.scope_of[i]]] > 0.0


def stir(k):
    """Something is not at rest: short steps for a while."""
    k.stirred = k.tick


# -- buckets


def turn_scope(k, s):
    """Expire the buckets whose time is over and open the present one."""
    width = k.scope_width[s]
    now = k.tick // width
    cols = k.scope_cols[s]
    while (2 * k.scope_oldest[s] + 1) * width + 2 * k.scope_ticks[s] <= 2 * k.tick:
        if k.scope_oldest[s] <= k.scope_now[s]:
            expire(k, s, k.scope_oldest[s])
        k.scope_oldest[s] += 1
    while k.scope_now[s] < now:
        k.scope_now[s] += 1
        row = k.scope_row[s] + k.scope_now[s] % cols
        k.outstanding[row] = 0.0
        for a in range(ATTEMPTS):
            k.attempt_mass[row * ATTEMPTS + a] = 0.0
        if k.scope_kind[s] == CALLER or k.scope_kind[s] == BRANCH:
            k.comp_low[row] = FAR
            k.comp_high[row] = -1
        if k.scope_kind[s] == BRANCH:
            k.branch_done[row] = 0.0
            k.branch_failed[row] = 0.0
            k.fork_size[row] = 0.0
            k.fork_joined[row] = 0.0
            k.fork_failed[row] = 0.0


def expire(k, s, gone):
    """Whoever waited for this bucket leaves; what the servers still do for it becomes zombie mass."""
    cols = k.scope_cols[s]
    old = gone % cols
    kind = k.scope_kind[s]
    if kind == BRANCH:
        expire_branch(k, s, old)
    elif kind == CALLER:
        total = composed(k, s, old)
        if total <= 0.0:
            return
        if k.scope_waits[s] == 1:
            spill(k, s, old)  # those who wait have no client any more, but they wait on
        else:
            stir(k)
            scope_result(k, s, 0.0, total)
            attempt_failed(k, s, old, total, TIMEOUT)
    else:
        mass = k.outstanding[k.scope_row[s] + old]
        if mass <= TINY:
            return
        stir(k)
        k.outstanding[k.scope_row[s] + old] = 0.0
        if kind == WORKER:
            worker_failed(k, s, mass)
        else:
            attempt_failed(k, s, old, mass, TIMEOUT)
    for j in range(k.scope_node_at[s], k.scope_node_at[s + 1]):
        bury(k, k.scope_node[j], old, cols)


def bury(k, i, old, cols):
    """A node's mass of a column joins its zombies; so do its callers that wait for others."""
    if k.serving_row[i] >= 0:
        at = k.serving_row[i]
        k.serving[at + cols] += k.serving[at + old]
        k.serving[at + old] = 0.0
    if k.kind[i] == WORK:
        for slot in range(k.ring[i]):
            at = k.future_at[i] + slot * (cols + 1)
            if k.future[at + old] > 0.0:
                k.future[at + cols] += k.future[at + old]
                k.future[at + old] = 0.0
    elif k.kind[i] == CALL or k.kind[i] == FORK:
        s = k.child[k.child_at[i]]
        for column in range(k.scope_cols[s] + 1):
            at = k.comp_at[s] + column * (cols + 1)
            k.comp[at + cols] += k.comp[at + old]
            k.comp[at + old] = 0.0
        if k.retry_total[s] > 0.0:
            for slot in range(k.retry_size[s]):
                at = k.retry_column_at[s] + slot * (cols + 1)
                k.retry_columns[at + cols] += k.retry_columns[at + old]
                k.retry_columns[at + old] = 0.0


def composed(k, s, column):
    """All who wait for a column of a caller's scope."""
    cols = k.scope_cols[k.scope_parent[s]]
    at = k.comp_at[s] + column * (cols + 1)
    total = 0.0
    for j in range(cols + 1):
        total += k.comp[at + j]
    return total


def spill(k, s, column):
    """Who still waits for a column past its time waits in the scope's last row from now on."""
    cols = k.scope_cols[k.scope_parent[s]]
    at = k.comp_at[s] + column * (cols + 1)
    last = k.comp_at[s] + k.scope_cols[s] * (cols + 1)
    for j in range(cols + 1):
        k.comp[last + cols] += k.comp[at + j]
        k.comp[at + j] = 0.0


def expire_branch(k, s, old):
    """Forks of an old bucket are kept in one sum; the first branch of a fork does it for all."""
    f = k.scope_owner[s]
    row = k.scope_row[s] + old
    left = k.fork_size[k.scope_row[k.child[k.child_at[f]]] + old] - k.branch_done[row] - k.branch_failed[row]
    k.branch_left[s] += left if left > 0.0 else 0.0
    if s == k.child[k.child_at[f]]:
        spill(k, s, old)


# -- arrivals


def turn_clock(k, c):
    """How many ticks of work pass in this step for whatever goes by this clock."""
    passed = k.stride * k.clock_speed[c] + k.clock_rest[c]
    whole = int(passed)
    k.clock_rest[c] = passed - whole
    k.clock_at[2 * c] += k.clock_at[2 * c + 1]  # what passed before
    k.clock_at[2 * c + 1] = whole


def arrive(k, s):
    """Fresh requests, retries whose back-off has passed, and what the workers send."""
    c = k.scope_class[s]
    column = k.scope_now[s] % k.scope_cols[s]
    row = k.scope_row[s] + column
    if k.scope_kind[s] == WORKER:
        w = k.scope_worker[s]
        total = worker_submit(k, w)
        if k.kind[k.scope_first[s]] == ENTER:  # who comes first must not take what is due to the worker
            k.service_expected[k.service_of[k.scope_first[s]]] += total - k.worker_last[w]
            k.door_expected[k.branch_group[k.branch_at[k.scope_first[s]]]] += total - k.worker_last[w]
        k.worker_last[w] = total
    else:
        total = k.class_rate[c] * k.step_dt
        k.attempt_mass[row * ATTEMPTS + 1] += total
        refill(k, s, total)
        if k.retry_total[s] > 0.0:
            total += due_retries(k, s, row)
        k.offered[c] += total
        k.class_came[c] += total
    if total > 0.0:
        k.scope_calls[s] += total
        k.outstanding[row] += total
        push(k, k.scope_first[s], column, k.scope_now[s], total)


def refill(k, s, fresh):
    """Tokens of a retry budget."""
    tokens = k.scope_tokens[s] + k.scope_ratio[s] * fresh + k.scope_per_s[s] * k.step_dt
    k.scope_tokens[s] = tokens if tokens < k.scope_burst[s] else k.scope_burst[s]


def due_retries(k, s, row):
    """Attempts whose wait is over, into the attempt counts of the present bucket."""
    size = k.retry_size[s]
    total = 0.0
    for t in range(k.stride):
        at = k.retry_at[s] + (k.tick + t) % size * ATTEMPTS
        for a in range(2, ATTEMPTS):
            x = k.retry_attempts[at + a]
            if x > 0.0:
                total += x
                k.attempt_mass[row * ATTEMPTS + a] += x
                k.retry_attempts[at + a] = 0.0
    if total > 0.0:
        k.retry_total[s] -= total
        if k.retry_total[s] < TINY:
            k.retry_total[s] = 0.0
        k.scope_retries[s] += total
    return total


def push(k, i, column, bucket, mass):
    """Send mass of a column to a node within this step; a bucket below 0 marks zombies."""
    k.flow[k.row[i] + column] += mass
    if bucket >= 0:
        if bucket < k.flow_low[i]:
            k.flow_low[i] = bucket
        if bucket > k.flow_high[i]:
            k.flow_high[i] = bucket


def depart(k, i, column, bucket, mass):
    """Mass finishes a node: slots that end with it are given back, and it goes on."""
    for j in range(k.release_at[i], k.release_at[i + 1]):
        give_back(k, k.release[j], mass)
    leave(k, i, column, bucket, mass)


def leave(k, i, column, bucket, mass):
    """Mass goes to the next node, or ends its scope."""
    following = k.next[i]
    if following >= 0:
        push(k, following, column, bucket, mass)
    else:
        scope_done(k, k.scope_of[i], column, mass)


def scope_done(k, s, column, mass):
    """Mass of a scope has come to its end."""
    kind = k.scope_kind[s]
    cols = k.scope_cols[s]
    if kind == CLIENT:
        if column < cols:
            c = k.scope_class[s]
            k.outstanding[k.scope_row[s] + column] -= mass
            k.ok[c] += mass * (1.0 - k.class_decline[c])
            k.declined[c] += mass * k.class_decline[c]
    elif kind == WORKER:
        if column < cols:
            w = k.scope_worker[s]
            k.outstanding[k.scope_row[s] + column] -= mass
            k.drained[w] += mass
            breaker_result(k, k.worker_breaker[w], mass, 0.0)
    elif kind == CALLER:
        if column < cols:
            scope_result(k, s, mass, 0.0)
            hand_back(k, s, column, mass, GO)
        elif k.scope_waits[s] == 1:
            hand_back(k, s, column, mass, GO)
    elif column < cols:
        k.branch_done[k.scope_row[s] + column] += mass
    else:
        k.branch_left[s] -= mass


def scope_result(k, s, good, bad):
    """Results of attempts reach the breaker of their caller."""
    k.scope_failed_count[s] += bad
    if k.scope_breaker[s] >= 0:
        breaker_result(k, k.scope_breaker[s], good, bad)


def hand_back(k, s, column, mass, kind):
    """Mass of a caller's scope returns to those who wait for it: to go on, or to fail."""
    owner = k.scope_owner[s]
    parent = k.scope_parent[s]
    cols = k.scope_cols[parent]
    at = k.comp_at[s] + column * (cols + 1)
    low = FAR
    high = -1
    if column < k.scope_cols[s]:
        low = k.comp_low[k.scope_row[s] + column]
        high = k.comp_high[k.scope_row[s] + column]
        if low < k.scope_oldest[parent]:
            low = k.scope_oldest[parent]
    total = k.comp[at + cols]
    for b in range(low, high + 1):
        total += k.comp[at + b % cols]
    if total <= 0.0:
        return
    part = mass / total
    if part > 1.0:
        part = 1.0
    for b in range(low, high + 1):
        x = k.comp[at + b % cols] * part
        if x > 0.0:
            k.comp[at + b % cols] -= x
            deliver(k, owner, b % cols, b, x, kind)
    x = k.comp[at + cols] * part
    if x > 0.0:
        k.comp[at + cols] -= x
        deliver(k, owner, cols, -1, x, kind)


def deliver(k, owner, column, bucket, mass, kind):
    """A caller goes on, or fails."""
    if kind != GO:
        fail(k, owner, column, mass, kind)
    elif k.kind[owner] == FORK and k.fork_extra_s[owner] > TINY and bucket >= 0:
        x = k.step_dt / k.fork_extra_s[owner]
        kept = mass * (1.0 - exp(-x)) / x
        k.serving[k.serving_row[owner] + column] += kept
        if bucket < k.serving_low[owner]:
            k.serving_low[owner] = bucket
        if bucket > k.serving_high[owner]:
            k.serving_high[owner] = bucket
        depart(k, owner, column, bucket, mass - kept)
    else:
        depart(k, owner, column, bucket, mass)


def finish_joined(k, i):
    """What waited for the slowest of its branches beyond their means goes on."""
    s = k.scope_of[i]
    cols = k.scope_cols[s]
    base = k.serving_row[i]
    done = 1.0 - exp(-k.step_dt / k.fork_extra_s[i])
    first = FAR
    high = k.serving_high[i]
    low = k.serving_low[i] if k.serving_low[i] > k.scope_oldest[s] else k.scope_oldest[s]
    for b in range(low, high + 1):
        x = k.serving[base + b % cols]
        if x > 0.0:
            d = x if x < FLUSH else x * done
            k.serving[base + b % cols] = x - d
            if x > d and b < first:
                first = b
            depart(k, i, b % cols, b, d)
    x = k.serving[base + cols]
    if x > 0.0:
        k.serving[base + cols] = 0.0
        depart(k, i, cols, -1, x)
    k.serving_low[i] = first
    if first == FAR:
        k.serving_high[i] = -1


# -- failures


def give_back(k, g, mass):
    """Slots of a group are free again; pods that drain give theirs to nobody."""
    busy = k.group_busy[g]
    draining = k.group_draining[g]
    total = busy + draining
    if total <= TINY:
        return
    if draining > TINY:
        part = mass * draining / total
        k.group_draining[g] = draining - part
        mass -= part
    elif draining != 0.0:
        k.group_draining[g] = 0.0
    k.group_busy[g] = busy - mass
    k.group_released[g] += mass


def fail(k, i, column, mass, kind):
    """Mass fails in a node: all slots it holds are given back and whoever waits learns of it."""
    stir(k)
    for j in range(k.held_at[i], k.held_at[i + 1]):
        give_back(k, k.held[j], mass)
    forget(k, k.scope_of[i], column, mass, kind)


def forget(k, s, column, mass, kind):
    """Whoever waits for mass of a scope learns that it has failed."""
    cols = k.scope_cols[s]
    scope = k.scope_kind[s]
    if scope == CLIENT:
        if column < cols:
            k.outstanding[k.scope_row[s] + column] -= mass
            attempt_failed(k, s, column, mass, kind)
    elif scope == WORKER:
        if column < cols:
            k.outstanding[k.scope_row[s] + column] -= mass
            worker_failed(k, s, mass)
    elif scope == CALLER:
        if column < cols:
            scope_result(k, s, 0.0, mass)
            attempt_failed(k, s, column, mass, kind)
        elif k.scope_waits[s] == 1:
            hand_back(k, s, column, mass, ERROR if kind == TIMEOUT else kind)
    elif column < cols:
        k.branch_failed[k.scope_row[s] + column] += mass
    else:
        k.branch_left[s] -= mass


def worker_failed(k, s, mass):
    """What a worker sent comes back to its durable queue."""
    w = k.scope_worker[s]
    k.worker_backlog[w] += mass
    breaker_result(k, k.worker_breaker[w], 0.0, mass)


def attempt_failed(k, s, column, mass, kind):
    """Attempts of one column have failed: another attempt after a wait, or the end."""
    c = k.scope_class[s]
    again = 0.0
    if k.scope_attempts[s] > 1:
        base = (k.scope_row[s] + column) * ATTEMPTS
        total = 0.0
        early = 0.0
        for a in range(1, ATTEMPTS):
            total += k.attempt_mass[base + a]
            if a < k.scope_attempts[s]:
                early += k.attempt_mass[base + a]
        if total > 0.0 and early > 0.0:
            again = mass * early / total
            if k.scope_burst[s] < INFINITE:
                if again > k.scope_tokens[s]:
                    again = k.scope_tokens[s] if k.scope_tokens[s] > 0.0 else 0.0
                k.scope_tokens[s] -= again
            if again > 0.0:
                k.retry_total[s] += again
                schedule_retries(k, s, column, base, again / early)
    if k.scope_kind[s] == CLIENT:
        k.failed[c * 3 + kind] += mass
        if k.scope_parks[s] >= 0:
            k.worker_backlog[k.scope_parks[s]] += mass - again
    elif mass - again > 0.0:
        inner = ERROR if kind == TIMEOUT else kind
        hand_back(k, s, column, mass - again, GO if k.scope_optional[s] == 1 else inner)


def schedule_retries(k, s, column, base, per_attempt):
    """Put retries into their slots; who waited for the failed attempts waits for the retries now."""
    size = k.retry_size[s]
    wait = k.scope_backoff[s]
    cols = 0
    at = 0
    total = 0.0
    whole = 0.0
    if k.scope_kind[s] == CALLER:
        cols = k.scope_cols[k.scope_parent[s]] + 1
        at = k.comp_at[s] + column * cols
        for j in range(cols):
            total += k.comp[at + j]
    for a in range(1, ATTEMPTS):
        if a >= k.scope_attempts[s]:
            break
        x = k.attempt_mass[base + a] * per_attempt
        if x > 0.0:
            whole += x
    for a in range(1, ATTEMPTS):
        if a >= k.scope_attempts[s]:
            break
        x = k.attempt_mass[base + a] * per_attempt
        if x > 0.0:
            first = int(wait * (1.0 - k.scope_jitter[s]) + 0.5)
            last = int(wait * (1.0 + k.scope_jitter[s]) + 0.5)
            if first < 1:
                first = 1
            if last > size - k.long_stride - 1:
                last = size - k.long_stride - 1
            if last < first:
                last = first
            each = x / (last - first + 1)
            for t in range(first, last + 1):
                slot = (k.tick + k.stride - 1 + t) % size
                k.retry_attempts[k.retry_at[s] + slot * ATTEMPTS + (a + 1 if a < MAX_ATTEMPTS else a)] += each
                if total > 0.0:
                    to = k.retry_column_at[s] + slot * cols
                    for j in range(cols):
                        k.retry_columns[to + j] += k.comp[at + j] * each / total
        wait *= k.scope_factor[s]
    if total > 0.0:
        part = whole / total if whole < total else 1.0
        for j in range(cols):
            k.comp[at + j] -= k.comp[at + j] * part


# -- stores


def contention(k):
    """How much slower than alone a query runs now: processor sharing over the store's cores.

    The mean number of busy cores at N in the system is the stationary one of the same store with N as
    its mean (pointwise stationary: Wang, Tipper and Banerjee 1996), from a table made by the host.
    """
    for d in range(k.stores):
        k.share[d] = 0.0
        k.wait_share[d] = 0.0
    for p in range(k.pools):
        d = k.pool_database[p]
        wanted = k.pool_busy[p] + k.queue_total[p]
        k.wait_share[d] += wanted
        if wanted >= k.pool_open[p]:
            wanted = k.pool_open[p] if k.pool_open[p] > k.pool_busy[p] else k.pool_busy[p]
        k.share[d] += wanted
    for d in range(k.stores):
        cores = k.store_cores[d] * k.store_units[d]
        slow = 1.0
        if k.share[d] > TINY and cores > 0.0:
            busy = cores * look_up(k, k.store_table[d], k.wait_share[d] / cores)
            slow = k.share[d] / busy if busy > TINY else 1.0
            if slow < 1.0:
                slow = 1.0
        k.store_slow[d] = slow / k.store_speed[d] if k.store_speed[d] > 1e-6 else INFINITE


def open_doors(k):
    """How many requests each group can let in within this step."""
    for g in range(k.groups):
        limit = k.group_pods[g] * k.group_limit[g]
        x = k.step_dt / k.group_hold_s[g] if k.clock_speed[g] > 0.0 else 0.0  # in a pause nothing turns over
        k.group_flow[g] += 0.2 * (k.group_released[g] - k.group_flow[g])
        # of each busy slot as much as in the last step
        now = k.group_busy[g] + k.group_draining[g]
        back = 0.0
        if now > TINY:
            back = 2.0 * k.group_released[g] * now / (k.group_before[g] + now)
        k.group_inside[g] = -1.0
        k.group_room[g] = 0.0
        k.group_calm[g] = 0
        if x <= BRISK and k.group_table[g] > 0 and limit > 0.0:
            k.group_inside[g] = within(k, g)
            limit = usable(k, g, limit)
        free = limit - k.group_busy[g]
        if x > BRISK and free > 0.0:
            # slots turn over within the step: as many starts as leave `limit` busy at its end, however few there were
            # before; but those whom chance makes wait are in the queue at its end
            free = (limit - k.group_busy[g] * exp(-x)) * x / (1.0 - exp(-x))
            if k.group_table[g] > 0 and k.group_order[g] == FIFO and k.group_limit[g] > FEW:
                free = held_back(k, g, limit, x, free)
        else:
            free = (free * turns(x, k.group_scatter[g]) if free > 0.0 else free) + back
        k.group_budget[g] = free
        k.group_held[g] = k.group_busy[g] if k.group_busy[g] > 0.0 else 0.0
        k.group_before[g] = k.group_busy[g] + k.group_draining[g]
        k.group_released[g] = 0.0


def held_back(k, g, limit, x, free):
    """Of the requests that a brisk group could start in this step, those that leave its mean queue at rest behind."""
    waiting = k.queue_total[k.group_station[g]]
    coming = expected(k, g)
    busy = k.group_flow[g] / (limit * x)
    if busy > FULL_ENOUGH:
        return free
    kept = limit * queue_at(k, k.group_table[g], busy)
    if kept < FAINT_QUEUE * limit * busy:
        return free
    most = waiting + coming - kept
    if most < 0.0:
        most = 0.0
    if waiting <= 2.0 * kept + TINY:
        k.group_calm[g] = 1
    if most >= free:
        return free
    k.group_room[g] = free - most
    return most


def shared(k, g):
    """Whether a group's service has others: versions or places."""
    v = k.service_of_group[g]
    return k.service_at[v + 1] - k.service_at[v] > 1


def expected(k, g):
    """How many are taken to come to a group in this step; of several versions each has those who asked for it."""
    if shared(k, g):
        return k.group_expected[g]
    return k.service_expected[k.service_of_group[g]]


def queue_at(k, table, busy):
    """What waits at rest, in servers' worth, where such a share of the servers is busy."""
    low = 0
    high = GRID - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if k.table[table + middle] < busy:
            low = middle
        else:
            high = middle
    gained = k.table[table + high] - k.table[table + low]
    part = (busy - k.table[table + low]) / gained if gained > 0.0 else 0.0
    waiting = (low + part) * (NEAR / GRID) - busy
    return waiting if waiting > 0.0 else 0.0


def turns(x, scatter):
    """How many requests a free slot serves within a step that is as long as `x` of them, and still is busy at its end.

    As many starts all over the step as leave one there: of exponential work, or of such as takes always as long; between
    them by its squared coefficient of variation, `scatter`.
    """
    if x < 1e-9:
        return 1.0
    chance = x / (1.0 - exp(-x))
    if scatter >= 1.0:
        return chance
    even = x if x > 1.0 else 1.0
    return even + scatter * (chance - even)


def look_up(k, table, x):
    """Busy share of a station with x times its servers in the system: linear between a table's steps."""
    if x < NEAR:
        at = x * (GRID / NEAR)
        j = int(at)
    else:
        at = GRID + (x - NEAR) * (WIDE / (REACH - NEAR))
        j = int(at)
        if j >= GRID + WIDE - 1:
            return 1.0 - (1.0 - k.table[table + GRID + WIDE - 1]) * REACH / x
    low = k.table[table + j]
    return low + (k.table[table + j + 1] - low) * (at - j)


def within(k, g):
    """What a group holds, what waits in it, and what is expected to come beyond what it gives back."""
    more = expected(k, g) - k.group_released[g]
    return k.group_busy[g] + k.queue_total[k.group_station[g]] + (more if more > 0.0 else 0.0)


def usable(k, g, limit):
    """Slots of a group that are busy in the mean with all that is within."""
    return limit * (1.0 - (1.0 - look_up(k, k.group_table[g], k.group_inside[g] / limit)) * emptied(k, g))


def foresee(k, g, wanted):
    """More may have come to a group than was expected in this step: it finds slots free, too."""
    if k.group_inside[g] < 0.0 and k.group_room[g] <= 0.0:
        return
    came = k.group_asked[g] + wanted if shared(k, g) else k.service_arrived[k.service_of_group[g]]
    more = came - expected(k, g)
    if more > wanted:
        more = wanted
    if more <= TINY:
        return
    if k.group_inside[g] < 0.0:
        if more > k.group_room[g]:
            more = k.group_room[g]
        k.group_room[g] -= more
        k.group_budget[g] += more
        return
    limit = k.group_pods[g] * k.group_limit[g]
    before = usable(k, g, limit)
    k.group_inside[g] += more
    k.group_budget[g] += (usable(k, g, limit) - before) * turns(
        k.step_dt / k.group_hold_s[g], k.group_scatter[g]
    )


def emptied(k, g):
    """How often a group's queue runs empty, as a share of how often one of its length does that is at rest.

    At rest a long queue is as uneven as it is long: exponential. One that has only just grown is that of a
    random walk, near normal around its mean: it runs empty as seldom as the tail of that says.
    """
    waiting = k.queue_total[k.group_station[g]]
    if waiting <= TINY or k.group_pods[g] == 0:
        return 1.0
    room = k.group_queue[g] * k.group_pods[g] - waiting
    spread = room * room / k.group_pods[g]  # full queues are as uneven as they have room
    if k.group_spread[g] < spread:
        spread = k.group_spread[g]
    spread = enclosed(k, g, spread)
    if spread >= waiting * waiting:
        return 1.0
    return exp(0.5 - 0.5 * waiting * waiting / spread) if spread > TINY else 0.0


def enclosed(k, g, spread):
    """The variance of what is at a group, where all who come hold slots of one other group.

    While requests wait for those slots, whoever leaves the group is back soon: only who is elsewhere with them is not.
    """
    h = k.group_caller[g]
    if h < 0 or k.group_station[h] < 0:
        return spread
    waiting = k.queue_total[k.group_station[h]]
    if waiting <= TINY:
        return spread
    elsewhere = k.group_busy[h] - k.group_busy[g] - k.queue_total[k.group_station[g]]
    if elsewhere < 0.0:
        elsewhere = 0.0
    if elsewhere >= spread:
        return spread
    pressed = waiting / (waiting + k.group_pods[h])
    return spread + (elsewhere - spread) * pressed


def finish_queries(k, i):
    """Queries in service finish exponentially at this step's speed."""
    low = k.serving_low[i]
    high = k.serving_high[i]
    s = k.scope_of[i]
    cols = k.scope_cols[s]
    base = k.serving_row[i]
    if low > high and k.serving[base + cols] <= 0.0:
        return
    p = k.pool_of[i]
    done = 1.0 - exp(-k.step_dt / (k.mean_s[i] * k.store_slow[k.pool_database[p]]))
    total = 0.0
    first = FAR
    if low < k.scope_oldest[s]:
        low = k.scope_oldest[s]
    for b in range(low, high + 1):
        x = k.serving[base + b % cols]
        if x > 0.0:
            d = x if x < FLUSH else x * done
            k.serving[base + b % cols] = x - d
            total += d
            if x > d and b < first:
                first = b
            leave(k, i, b % cols, b, d)
    x = k.serving[base + cols]
    if x > 0.0:
        d = x if x < FLUSH else x * done
        k.serving[base + cols] = x - d
        total += d
        leave(k, i, cols, -1, d)
    k.serving_low[i] = first
    if first == FAR:
        k.serving_high[i] = -1
    k.pool_busy[p] -= total
    k.query_count[p] += total
    for j in range(k.release_at[i], k.release_at[i + 1]):
        give_back(k, k.release[j], total)


def open_connections(k, p):
    """A pool with waiters logs in to the database, one connection after the other."""
    d = k.pool_database[p]
    if k.pool_transient[p] == 1:
        free = k.store_slots[d] - slots_used(k, d) + k.pool_busy[p]
        if free > k.pool_limit[p]:
            free = k.pool_limit[p]
        k.pool_open[p] = free if free > 0.0 else 0.0
        return
    waiting = k.queue_total[p] > TINY
    end_s = (k.tick + k.stride) * k.dt
    if k.pool_opens_at_s[p] < 0.0:
        if waiting and k.pool_open[p] < k.pool_limit[p] - 0.5:
            k.pool_opens_at_s[p] = k.tick * k.dt + k.pool_connect_s[p]
        else:
            return
    while 0.0 <= k.pool_opens_at_s[p] <= end_s + 1e-9:
        if slots_used(k, d) >= k.store_slots[d] - 0.5:
            k.pool_refused[p] += 1.0
        else:
            k.pool_open[p] += 1.0
        more = waiting and k.pool_open[p] < k.pool_limit[p] - 0.5
        k.pool_opens_at_s[p] = k.pool_opens_at_s[p] + k.pool_connect_s[p] if more else -1.0


def usable_open(k, p, coming):
    """Connections that are busy in the mean with what was at the pool at the end of the last step, or is with `coming`."""
    if k.pool_table[p] == 0 or k.pool_open[p] < k.pool_limit[p] - 0.5:
        return k.pool_open[p]
    inside = k.pool_busy[p] + k.queue_total[p] + coming
    if inside < k.pool_inside[p]:
        inside = k.pool_inside[p]
    return k.pool_limit[p] * look_up(k, k.pool_table[p], inside / k.pool_limit[p])


def slots_used(k, d):
    """Connection slots of a database that are taken."""
    used = 0.0
    for p in range(k.pools):
        if k.pool_database[p] == d and k.pool_virtual[p] == 0:
            used += k.pool_busy[p] if k.pool_transient[p] == 1 else k.pool_open[p]
    return used


def stay(k, i, slow):
    """Share of an arrival, uniform over the step, that is still in service at the step's end."""
    x = k.step_dt / (k.mean_s[i] * slow)
    if x < 1e-9:
        return 1.0
    return (1.0 - exp(-x)) / x


def serve_pool(k, p):
    """Serve a pool's queue in order; then entries past the acquire time-out fail with an error."""
    e = k.queue_head[p]
    if e < 0:
        k.queue_total[p] = 0.0
        k.pool_clear[p] = 1
        return
    stir(k)
    slow = k.store_slow[k.pool_database[p]]
    opened = usable_open(k, p, 0.0)
    free = opened - k.pool_busy[p]
    while e >= 0 and free > TINY:
        need = 0.0
        mark = k.q_tick[e]
        last = -1
        part = 0.0
        f = e
        while f >= 0 and k.q_tick[f] == mark:
            if k.q_node[f] != last:
                last = k.q_node[f]
                part = stay(k, last, slow)
            need += k.q_mass[f] * part
            f = k.q_next[f]
        share = 1.0 if need <= free else free / need
        while e != f:
            x = k.q_mass[e] * share
            i = k.q_node[e]
            b = k.q_bucket[e]
            if b < k.scope_oldest[k.scope_of[i]]:
                b = -1
            if b < 0 and k.scope_drops[k.scope_of[i]] == 1:
                following = k.q_next[e]
                give_up(k, p, e, k.q_mass[e], REJECTED)
                e = following
                continue
            if x > 0.0:
                k.q_mass[e] -= x
                k.queue_total[p] -= x
                take(k, p, i, b, x, slow)
            following = k.q_next[e]
            if share >= 1.0:
                unlink(k, p, e)
            e = following
        free = opened - k.pool_busy[p]
        if share < 1.0:
            break
    if k.pool_timeout[p] < INFINITE:
        run_out(k, p)
    if k.queue_head[p] < 0:
        k.queue_total[p] = 0.0
        k.pool_clear[p] = 1
    else:
        k.pool_clear[p] = 0


def run_out(k, p):
    """Entries of a pool's queue whose acquire time-out passes within this step fail.

    What was served in this step was served first: who is served and who gives up have waited as long. In
    overload the wait of those who are served is exponential from the time-out down (M/M/c+D), by one over
    the rate of those who give up in the mean; masses all wait for that mean.
    """
    patience = k.pool_timeout[p]
    lost = k.pool_lost[p]
    patience -= 1.0 / lost if lost * patience > 4.0 else lost * patience * patience / 16.0
    limit = k.tick + k.stride - patience
    given_up = 0.0
    e = k.queue_head[p]
    while e >= 0 and k.q_tick[e] < limit:
        x = k.q_mass[e]
        following = k.q_next[e]
        if k.q_tick[e] + 1 > limit:  # what joined in one tick did so all over it, and the first left first
            x -= k.q_joined[e] * (k.q_tick[e] + 1 - limit)
        if x > 0.0:
            k.pool_timeouts[p] += x
            k.admitted[p] += x
            given_up += x
            give_up(k, p, e, x, ERROR)
        e = following
    k.pool_lost[p] += 0.05 * (given_up / k.stride - lost)


def entry_column(k, e):
    """The column of a queued entry: its bucket's, or the zombies' once nobody waits for it."""
    s = k.scope_of[k.q_node[e]]
    b = k.q_bucket[e]
    return k.scope_cols[s] if b < k.scope_oldest[s] else b % k.scope_cols[s]


def give_up(k, q, e, mass, kind):
    """Mass of a queued entry, at most all of it, gives up waiting."""
    i = k.q_node[e]
    column = entry_column(k, e)
    if mass >= k.q_mass[e]:
        mass = k.q_mass[e]
        unlink(k, q, e)
    else:
        k.q_mass[e] -= mass
    if mass > 0.0:
        k.queue_total[q] -= mass
        if kind == ERROR:
            blame(k, i, mass)
        fail(k, i, column, mass, kind)


def blame(k, i, mass):
    """Mass fails in a node for what its own service ran into: it counts as that service's errors."""
    if k.held_at[i + 1] > k.held_at[i]:
        k.errors[k.held[k.held_at[i + 1] - 1]] += mass


def take(k, p, i, bucket, mass, slow):
    """Mass gets connections; part of it finishes within the step."""
    cols = k.scope_cols[k.scope_of[i]]
    column = cols
    kept = mass * stay(k, i, slow)
    done = mass - kept
    if bucket >= 0:
        column = bucket % cols
        if bucket < k.serving_low[i]:
            k.serving_low[i] = bucket
        if bucket > k.serving_high[i]:
            k.serving_high[i] = bucket
    k.serving[k.serving_row[i] + column] += kept
    k.pool_busy[p] += kept
    k.admitted[p] += mass
    k.query_count[p] += done
    depart(k, i, column, bucket, done)


def query(k, i):
    """Arrivals at a query: connections that are free now, or the end of the pool's queue."""
    p = k.pool_of[i]
    s = k.scope_of[i]
    cols = k.scope_cols[s]
    total = arrivals(k, i)
    slow = k.store_slow[k.pool_database[p]]
    share = 1.0
    if k.pool_virtual[p] == 0:
        share = 0.0
        if k.pool_clear[p] == 1:
            rest = k.pool_expected[p] - k.pool_arrived[p]
            if rest < total:
                rest = total
            kept = stay(k, i, slow)
            room = (usable_open(k, p, rest * kept) - k.pool_busy[p]) / kept
            share = 1.0 if room >= rest else (room / rest if room > 0.0 else 0.0)
        k.pool_arrived[p] += total
    base = k.row[i]
    low = k.flow_low[i]
    high = k.flow_high[i]
    k.flow_low[i] = FAR
    k.flow_high[i] = -1
    for b in range(low, high + 1):
        column = b % cols
        x = k.flow[base + column]
        if x > 0.0:
            k.flow[base + column] = 0.0
            if x < MERGE and b < high and share < 1.0 and k.scope_kind[s] <= WORKER:
                younger = (b + 1) % cols
                k.flow[base + younger] += x
                k.outstanding[k.scope_row[s] + column] -= x
                k.outstanding[k.scope_row[s] + younger] += x
            else:
                ask(k, i, p, column, b, x, share, slow)
    x = k.flow[base + cols]
    if x > 0.0:
        k.flow[base + cols] = 0.0
        if k.scope_drops[s] == 1:
            fail(k, i, cols, x, ERROR)
        else:
            ask(k, i, p, cols, -1, x, share, slow)


def ask(k, i, p, column, bucket, mass, share, slow):
    """Mass of one column asks for connections."""
    if share > 0.0:
        take(k, p, i, bucket, mass * share, slow)
    if share < 1.0:
        x = mass * (1.0 - share)
        if k.pool_transient[p] == 1:
            k.pool_refused[p] += x
            blame(k, i, x)
            fail(k, i, column, x, ERROR)
        else:
            stir(k)
            append(k, p, i, bucket, x)


# -- queues


def append(k, q, i, bucket, mass):
    """Mass joins the end of a queue at this tick."""
    k.queue_total[q] += mass
    e = k.queue_tail[q]
    if e >= 0 and k.q_tick[e] == k.tick and k.q_node[e] == i and k.q_bucket[e] == bucket:
        k.q_mass[e] += mass
        k.q_joined[e] += mass
        return
    link(k, q, e, i, bucket, k.tick, mass)


def insert_after(k, q, e, mass):
    """Mass that nobody waits for any more, right behind the entry it came from."""
    link(k, q, e, k.q_node[e], -1, k.q_tick[e], mass)


def link(k, q, before, i, bucket, tick, mass):
    """A new entry of a queue behind entry `before`; behind -1: the first of an empty queue."""
    if k.free_entry < 0:
        more_entries(k)
    n = k.free_entry
    k.free_entry = k.q_next[n]
    after = k.q_next[before] if before >= 0 else -1
    k.q_node[n] = i
    k.q_bucket[n] = bucket
    k.q_tick[n] = tick
    k.q_mass[n] = mass
    k.q_joined[n] = mass
    k.q_prev[n] = before
    k.q_next[n] = after
    if before >= 0:
        k.q_next[before] = n
    else:
        k.queue_head[q] = n
    if after >= 0:
        k.q_prev[after] = n
    else:
        k.queue_tail[q] = n


def unlink(k, q, e):
    """Take an entry out of its queue."""
    before = k.q_prev[e]
    after = k.q_next[e]
    if before >= 0:
        k.q_next[before] = after
    else:
        k.queue_head[q] = after
    if after >= 0:
        k.q_prev[after] = before
    else:
        k.queue_tail[q] = before
    k.q_next[e] = k.free_entry
    k.free_entry = e


def more_entries(k):
    """Twice as much room for queued entries."""
    size = k.entries
    grown = 2 * size if size > 0 else 64
    for name in ("q_node", "q_bucket", "q_tick", "q_next", "q_prev"):
        fresh = ints(grown)
        old = getattr(k, name)
        for j in range(size):
            fresh[j] = old[j]
        setattr(k, name, fresh)
    for name in ("q_mass", "q_joined"):
        masses = floats(grown)
        old = getattr(k, name)
        for j in range(size):
            masses[j] = old[j]
        setattr(k, name, masses)
    for j in range(size, grown):
        k.q_next[j] = j + 1 if j + 1 < grown else -1
    k.free_entry = size
    k.entries = grown


def serve_group(k, g):
    """Requests that wait inside the pods of a group get slots, in the group's order."""
    q = k.group_station[g]
    order = k.group_order[g]
    if k.group_calm[g] == 0:
        stir(k)
    limit = 0
    gone = 0.0
    if order == CODEL:
        limit = k.group_target[g] if k.tick - k.group_empty[g] > k.group_interval[g] else k.group_interval[g]
        if limit == 0:
            shed_older(k, g, q, k.tick - 1)
    while k.group_budget[g] > TINY:
        e = k.queue_tail[q] if order == LIFO else k.queue_head[q]
        if e < 0:
            break
        x = k.q_mass[e]
        i = k.q_node[e]
        b = k.q_bucket[e]
        s = k.scope_of[i]
        if b < k.scope_oldest[s]:
            b = -1
        if k.scope_drops[s] == 1 and (b < 0 or too_late(k, g, s, b)):
            gone += x
            k.late[g] += x
            give_up(k, q, e, x, REJECTED if b < 0 else TIMEOUT)
            continue
        got = x if x <= k.group_budget[g] else k.group_budget[g]
        if got > 0.0:
            k.queue_total[q] -= got
            k.q_mass[e] = x - got
            lost = leave_early(k, i, g, b, got) if k.scope_drops[s] == 1 else 0.0
            admit(k, i, g, k.scope_cols[s] if b < 0 else b % k.scope_cols[s], b, got - lost)
        if got < x:
            break
        unlink(k, q, e)
    k.group_late[g] += LATE_SHARE * (gone / k.stride - k.group_late[g])
    if k.queue_head[q] < 0:
        k.group_empty[g] = k.tick
    if limit > 0:  # those who are dropped in this step have waited as long as those who were served in it
        shed_older(k, g, q, k.tick + k.stride - 1 - limit)
    if k.queue_head[q] < 0:
        k.queue_total[q] = 0.0


def last_ticks(k, g, s):
    """How long before its time is over a request of a scope gets a slot, where too many want one, on average.

    Servers that drop whom nobody waits for take the next who is not late yet. In overload the time such a one
    has left is exponential (M/M/c+D), one over the rate of those a pod drops in the mean. Without overload: 0.
    """
    late = k.group_late[g] / k.group_pods[g] if k.group_pods[g] > 0 else 0.0
    return 1.0 / late if late * k.scope_ticks[s] > 4.0 else 0.0


def ticks_left(k, s, b):
    """Ticks until those of a bucket leave."""
    return k.scope_ticks[s] + (b + 0.5) * k.scope_width[s] - k.tick


def too_late(k, g, s, b):
    """Whether a bucket is nearer to its end than those who get slots are on average."""
    return ticks_left(k, s, b) < last_ticks(k, g, s) - 0.5 * k.scope_width[s]


def leave_early(k, i, g, b, mass):
    """Part of what gets slots now has less time left than its bucket says: its clients leave at once.

    As many as make the chance to be done in time that of an exponential rest, for work of about exponential
    length. The work is done all the same. Returns the mass that nobody waits for any more.
    """
    s = k.scope_of[i]
    mean = last_ticks(k, g, s)
    if b < 0 or mean <= 0.0 or k.scope_waits[s] == 1:
        return 0.0
    left = ticks_left(k, s, b)
    if left > mean + 1.5 * k.scope_width[s]:
        return 0.0
    hold = k.group_hold_s[g] / k.dt
    left = left - 0.5 if left > 1.0 else 0.5 * left  # they get in all over this tick
    part = mean / (mean + hold) / (1.0 - exp(-left / hold))
    if part >= 1.0:
        return 0.0
    lost = mass * (1.0 - part)
    admit(k, i, g, k.scope_cols[s], -1, lost)
    forget(k, s, b % k.scope_cols[s], lost, TIMEOUT)
    return lost


def shed_older(k, g, q, tick):
    """CoDel drops what joined a queue in `tick` or before."""
    e = k.queue_head[q]
    while e >= 0 and k.q_tick[e] <= tick:
        shed_mass(k, g, q, e, k.q_mass[e])
        e = k.queue_head[q]


def shed_mass(k, g, q, e, mass):
    """Mass of a queued entry, at most all of it, is dropped by its service."""
    if mass > k.q_mass[e]:
        mass = k.q_mass[e]
    k.shed[g] += mass
    k.rejected[g] += mass
    k.group_admitted[g] += mass
    give_up(k, q, e, mass, REJECTED)


# -- nodes


def admit(k, i, g, column, bucket, mass):
    """Mass gets slots of a group and goes on to the branch of that version."""
    k.group_budget[g] -= mass
    k.group_busy[g] += mass
    k.entered[g] += mass
    k.group_admitted[g] += mass
    for j in range(k.branch_at[i], k.branch_at[i + 1]):
        if k.branch_group[j] == g:
            push(k, k.branch_first[j], column, bucket, mass)


def work(k, i):
    """Time on the spot: arrivals are spread over the coming ticks by the node's own distribution."""
    s = k.scope_of[i]
    cols = k.scope_cols[s]
    ring = k.ring[i]
    c = k.clock_of[i]
    at = k.clock_at[2 * c]
    passed = k.clock_at[2 * c + 1]
    oldest = k.scope_oldest[s]
    total = 0.0
    for t in range(passed):
        slot = (at + t) % ring
        base = k.future_at[i] + slot * (cols + 1)
        low = k.future_low[k.range_at[i] + slot]
        high = k.future_high[k.range_at[i] + slot]
        if low <= high:
            if low < oldest:
                low = oldest
            for b in range(low, high + 1):
                x = k.future[base + b % cols]
                if x > 0.0:
                    k.future[base + b % cols] = 0.0
                    total += x
                    leave(k, i, b % cols, b, x)
            k.future_low[k.range_at[i] + slot] = FAR
            k.future_high[k.range_at[i] + slot] = -1
        x = k.future[base + cols]
        if x > 0.0:
            k.future[base + cols] = 0.0
            total += x
            leave(k, i, cols, -1, x)
    low = k.flow_low[i]
    high = k.flow_high[i]
    base = k.row[i]
    if low <= high or k.flow[base + cols] > 0.0:
        k.flow_low[i] = FAR
        k.flow_high[i] = -1
        for b in range(low, high + 1):
            x = k.flow[base + b % cols]
            if x > 0.0:
                k.flow[base + b % cols] = 0.0
                total += spread(k, i, b % cols, b, x, at + passed, cols)
        x = k.flow[base + cols]
        if x > 0.0:
            k.flow[base + cols] = 0.0
            total += spread(k, i, cols, -1, x, at + passed, cols)
    if total > 0.0:
        for j in range(k.release_at[i], k.release_at[i + 1]):
            give_back(k, k.release[j], total)


def spread(k, i, column, bucket, mass, at, cols):
    """Put an arrival into the slots in which it will be done; what is done at once leaves. Returns that."""
    which = 2 * i + (0 if k.stride == 1 else 1)
    first = k.weight_at[which]
    ring = k.ring[i]
    now = mass * k.weight[first]
    later = 0.0
    speed = k.clock_speed[k.clock_of[i]]
    if speed < 1.0:
        later = now * (1.0 - speed)
        now -= later
    for j in range(1, k.weight_size[which]):
        slot = (at + (j - 1) * k.stride) % ring
        k.future[k.future_at[i] + slot * (cols + 1) + column] += mass * k.weight[first + j] + later
        later = 0.0
        if bucket >= 0:
            r = k.range_at[i] + slot
            if bucket < k.future_low[r]:
                k.future_low[r] = bucket
            if bucket > k.future_high[r]:
                k.future_high[r] = bucket
    now += later
    if now > 0.0:
        leave(k, i, column, bucket, now)
    return now


def refine(k):
    """From long steps to short ones: what was to be done in one long step is spread over its ticks.

    Work under way is due as its own time says, most of a brief one in the first tick: of steady arrivals as much is
    due in a tick as lies behind it in the weights of a short step.
    """
    stride = k.long_stride
    for i in range(k.nodes):
        if k.kind[i] != WORK:
            continue
        cols = k.scope_cols[k.scope_of[i]]
        at = k.clock_at[2 * k.clock_of[i]] + k.clock_at[2 * k.clock_of[i] + 1]
        ring = k.ring[i]
        behind = 1.0
        for j in range(ring // stride):
            first = (at + j * stride) % ring
            r = k.range_at[i] + first
            base = k.future_at[i] + first * (cols + 1)
            whole = 0.0
            rest = behind
            for t in range(stride):
                rest = weight_behind(k, i, j * stride + t, rest)
                whole += rest
            if k.future_low[r] > k.future_high[r] and k.future[base + cols] <= 0.0:
                behind = rest
                continue
            share = 1.0
            for t in range(stride):
                behind = weight_behind(k, i, j * stride + t, behind)
                x = behind / whole if whole > 0.0 else 1.0 / stride
                if t == 0:
                    share = x
                    continue
                if x <= 0.0:
                    continue
                slot = (at + j * stride + t) % ring
                to = k.future_at[i] + slot * (cols + 1)
                for column in range(cols + 1):
                    k.future[to + column] += k.future[base + column] * x
                q = k.range_at[i] + slot
                if k.future_low[r] < k.future_low[q]:
                    k.future_low[q] = k.future_low[r]
                if k.future_high[r] > k.future_high[q]:
                    k.future_high[q] = k.future_high[r]
            for column in range(cols + 1):
                k.future[base + column] *= share


def weight_behind(k, i, j, behind):
    """Of the weights of a short step those after the `j`-th; `behind` are those from it on."""
    if j >= k.weight_size[2 * i]:
        return 0.0
    rest = behind - k.weight[k.weight_at[2 * i] + j]
    return rest if rest > 0.0 else 0.0


def arrivals(k, i):
    """All mass that reached a node in this step."""
    cols = k.scope_cols[k.scope_of[i]]
    base = k.row[i]
    total = k.flow[base + cols]
    for b in range(k.flow_low[i], k.flow_high[i] + 1):
        total += k.flow[base + b % cols]
    return total


def split(k, i):
    """Arrivals part by the present weights of a choice."""
    s = k.scope_of[i]
    cols = k.scope_cols[s]
    base = k.row[i]
    low = k.flow_low[i]
    high = k.flow_high[i]
    k.flow_low[i] = FAR
    k.flow_high[i] = -1
    w = k.split_of[i]
    for b in range(low, high + 1):
        x = k.flow[base + b % cols]
        if x > 0.0:
            k.flow[base + b % cols] = 0.0
            part_ways(k, i, w, b % cols, b, x)
    x = k.flow[base + cols]
    if x > 0.0:
        k.flow[base + cols] = 0.0
        part_ways(k, i, w, cols, -1, x)


def part_ways(k, i, w, column, bucket, mass):
    """Each way takes its share."""
    for j in range(k.branch_at[i], k.branch_at[i + 1]):
        x = mass * k.split_weight[w + k.branch_group[j]]
        if x > 0.0:
            k.split_taken[w + k.branch_group[j]] += x
            push(k, k.branch_first[j], column, bucket, x)


def enter(k, i):
    """Arrivals at a service: spread over its versions, admitted, queued in the pod, or refused."""
    v = k.service_of[i]
    s = k.scope_of[i]
    cols = k.scope_cols[s]
    base = k.row[i]
    if k.scope_drops[s] == 1 and k.flow[base + cols] > 0.0:
        x = k.flow[base + cols]
        k.flow[base + cols] = 0.0
        fail(k, i, cols, x, ERROR)
    total = arrivals(k, i)
    low = k.flow_low[i]
    high = k.flow_high[i]
    k.flow_low[i] = FAR
    k.flow_high[i] = -1
    first = k.branch_at[i]
    last = k.branch_at[i + 1]
    pods = 0
    for j in range(first, last):
        pods += k.group_pods[k.branch_group[j]]
    if pods == 0 and k.fallback[i] >= 0:
        for b in range(low, high + 1):
            if k.flow[base + b % cols] > 0.0:
                push(k, k.fallback[i], b % cols, b, k.flow[base + b % cols])
                k.flow[base + b % cols] = 0.0
        if k.flow[base + cols] > 0.0:
            push(k, k.fallback[i], cols, -1, k.flow[base + cols])
            k.flow[base + cols] = 0.0
        return
    rest = k.service_expected[v] - k.service_arrived[v]
    if rest < total:
        rest = total
    k.service_arrived[v] += total
    limited = 0.0
    n = k.limit_of[v]
    if n >= 0 and total > 0.0:
        allowed = k.limit_tokens[n] * total / rest
        if allowed < total:
            limited = 1.0 - allowed / total
            stir(k)
        k.limit_tokens[n] -= total * (1.0 - limited)
    failing = k.service_failing[v] * (1.0 - limited)
    alive = 1.0 - limited - failing
    d = k.branch_group[first]  # the pods of one place: what comes elsewhere asks nothing of them
    rest = k.door_expected[d] - k.door_arrived[d]
    if rest < total:
        rest = total
    whole = (k.door_arrived[d] + rest) / rest if rest > 0.0 else 1.0
    k.door_arrived[d] += total
    balance(k, i, total * alive, rest * alive, whole, pods)
    for b in range(low, high + 1):
        x = k.flow[base + b % cols]
        if x > 0.0:
            k.flow[base + b % cols] = 0.0
            receive(k, i, first, last, pods, b % cols, b, x, limited, failing)
    x = k.flow[base + cols]
    if x > 0.0:
        k.flow[base + cols] = 0.0
        receive(k, i, first, last, pods, cols, -1, x, limited, failing)
    for j in range(first, last):
        g = k.branch_group[j]
        if k.group_order[g] == LIFO and k.group_station[g] >= 0:
            q = k.group_station[g]
            room = k.group_queue[g] * k.group_pods[g]
            while k.queue_total[q] > room + 1e-9 and k.queue_head[q] >= 0:
                shed_mass(k, g, q, k.queue_head[q], k.queue_total[q] - room)  # a full LIFO drops its oldest


def receive(k, i, first, last, pods, column, bucket, mass, limited, failing):
    """Mass of one column at a service's door: refused, failed, admitted, queued."""
    left = mass
    if limited > 0.0:
        k.rejected[k.branch_group[last - 1]] += mass * limited
        fail(k, i, column, mass * limited, REJECTED)
        left -= mass * limited
    if failing > 0.0:
        for j in range(first, last):  # nobody asked which pod it was: it is any of them
            g = k.branch_group[j]
            if pods > 0:
                k.turned[g] += mass * failing * k.group_pods[g] / pods
        if pods == 0:
            k.turned[k.branch_group[last - 1]] += mass * failing
        fail(k, i, column, mass * failing, ERROR)
        left -= mass * failing
    alive = left
    for j in range(first, last):
        g = k.branch_group[j]
        x = alive * k.share[j - first]
        if x > 0.0:
            k.group_came[g] += x
            admit(k, i, g, column, bucket, x)
            left -= x
        x = alive * k.wait_share[j - first]
        if x > 0.0:
            k.group_came[g] += x
            if k.group_calm[g] == 0:
                stir(k)
            append(k, k.group_station[g], i, bucket, x)
            left -= x
    if left > 1e-9 * mass:
        for j in range(first, last):
            g = k.branch_group[j]
            x = left * k.group_pods[g] / pods if pods > 0 else left / (last - first)
            k.rejected[g] += x
            k.group_came[g] += x
            k.group_refused[g] += x
        fail(k, i, column, left, REJECTED)


def balance(k, i, total, rest, whole, pods):
    """Power of two choices over pods, in the mean: `share` admitted and `wait_share` queued by branch.

    Of what pods have room for, arrivals get their part of the `rest` of this step; `whole` steps are a rest.
    Two pods are drawn with replacement and the one with less in flight is taken; a request is refused
    only if both are full. Pods of a group spread around its mean, so some are full before all are.
    """
    first = k.branch_at[i]
    last = k.branch_at[i + 1]
    for j in range(first, last):
        k.share[j - first] = 0.0
        k.wait_share[j - first] = 0.0
    if total <= 0.0 or pods == 0:
        return
    scale = total / rest if rest > 0.0 else 1.0
    left = total
    live = 0
    for j in range(first, last):
        g = k.branch_group[j]
        if k.group_pods[g] > 0:
            k.sway_load[live] = k.group_held[g] / k.group_pods[g]
            k.sway_free[live] = k.group_limit[g] - k.sway_load[live]
            k.sway_hold[live] = k.group_hold_s[g]
            k.sway_part[live] = 1.0 * k.group_pods[g] / pods
            live += 1
    if live > 1:
        sways(k.sway, k.sway_load, k.sway_free, k.sway_hold, k.sway_part, live, pods)
    own = -1
    for j in range(first, last):
        g = k.branch_group[j]
        if k.group_pods[g] == 0:
            continue
        own += 1
        full = full_share(k, g)
        p = 1.0 * k.group_pods[g] / pods  # a float: C would divide whole numbers
        wanted = total * p * p * (1.0 - full * full)
        if pods == 1:
            wanted = total * (1.0 - full)  # there is nothing to choose from
        mixed = 0.0
        other = -1
        for m in range(first, last):
            h = k.branch_group[m]
            if k.group_pods[h] > 0:
                other += 1
            if m != j and k.group_pods[h] > 0:
                pairs = total * 2.0 * p * k.group_pods[h] / pods
                lead = leading(k, g, h, own, other, pairs / scale)
                # a mixed pair prefers g with chance `lead`, and falls back on it when the other is full
                mixed += pairs * (1.0 - full) * (lead + (1.0 - lead) * full_share(k, h))
                k.group_lead[g] = lead if live == 2 else -1.0
        wanted += mixed
        foresee(k, g, wanted)
        room = k.group_budget[g] * scale
        got = wanted if wanted <= room else (room if room > 0.0 else 0.0)
        k.share[j - first] = got / total
        k.group_asked[g] += wanted
        k.group_wanted[g] = wanted - got
        left -= got
    if left <= 0.0:
        return
    for j in range(first, last):
        g = k.branch_group[j]
        if k.group_pods[g] > 0 and k.group_station[g] >= 0:
            queued = k.group_wanted[g]
            room = k.group_queue[g] * k.group_pods[g] - k.queue_total[k.group_station[g]]
            if k.group_order[g] != LIFO:
                queued = scale * fitting(k, g, queued / scale, whole * queued / scale, room)
            k.wait_share[j - first] = queued / total


def leading(k, g, h, own, other, pairs):
    """The chance that a pod of group `g` has less in flight than one of group `h`.

    Within a step loads follow who gets the pairs: a long step would swing to and fro between the versions, so
    the chance is that of the loads at its end, as far as the one before brought about those at its beginning.
    """
    lead = emptier(k.sway, k.sway_load, k.sway_free, own, other)
    apart = sqrt(k.sway[own] * k.sway[own] + k.sway[other] * k.sway[other])
    if k.group_lead[g] >= 0.0 and apart > TINY:
        gain = lasting(k, g) / k.group_pods[g] + lasting(k, h) / k.group_pods[h]
        gain *= pairs * 0.3989422804014327 / apart
        lead = (lead + gain * k.group_lead[g]) / (1.0 + gain)
    return lead


def emptier(sway, loads, free, j, m):
    """The chance that a pod of kind `j` has less in flight than one of kind `m`; half of it where they have as much.

    Both are near normal. Where both are nearly always full, their free slots are geometric.
    """
    apart = sqrt(sway[j] * sway[j] + sway[m] * sway[m])
    lead = 0.5
    if apart > TINY:
        lead = 0.5 * erfc((loads[j] - loads[m]) / apart / 1.4142135623730951)
    if narrow(sway, free, j) and narrow(sway, free, m):
        mine = free[j] / (1.0 + free[j]) if free[j] > 0.0 else 0.0
        theirs = free[m] / (1.0 + free[m]) if free[m] > 0.0 else 0.0
        lead = 0.5 * (1.0 - theirs) * (1.0 + mine) / (1.0 - mine * theirs)
    return lead


def narrow(sway, free, j):
    """Whether pods of a kind vary no more than their few free slots let them."""
    return sway[j] * sway[j] >= free[j] * (1.0 + free[j]) * 0.999999


def sways(into, loads, free, holds, parts, kinds, pods):
    """How unevenly busy pods of each of several kinds are under two choices: `into` gets the deviation of what one holds.

    A pod is taken by those who draw one with more in flight beside it. Of many large pods the share that is below a
    count doubles with each more, and the deviation is EVEN; in small ones it is that of the arrivals alone, and
    between them they pull one another by how many of the others are near. What comes to a full pod waits.
    `parts` are their shares of all pods; `holds`, how long they hold a request, are changed.
    """
    for j in range(kinds):
        into[j] = settled(loads[j], (1.0 - 1.0 / pods) * loads[j])
    coming = 0.0
    for j in range(kinds):
        load = loads[j]
        coming += parts[j] * load / holds[j]
    for j in range(kinds):
        near = parts[j] - 1.0 / pods
        for m in range(kinds):
            if m != j:
                ahead = loads[m] - loads[j]
                apart = into[j] * into[j] + into[m] * into[m]
                near += parts[m] * exp(-0.5 * ahead * ahead / apart) if apart > TINY else parts[m]
        holds[j] = near * coming * holds[j]  # of what it would hold if all kinds were asked alike
    for j in range(kinds):
        into[j] = settled(loads[j], holds[j])
        room = sqrt(free[j] * (1.0 + free[j])) if free[j] > 0.0 else 0.0
        if into[j] > room:
            into[j] = room


def settled(load, pull):
    """The deviation of what a pod holds, with such a mean, when so strong a choice evens it out."""
    pull = pull / EVEN
    return 0.5 * (sqrt(pull * pull + 4.0 * load) - pull)


def lasting(k, g):
    """Share of what a group lets in during a step that is still there at its end."""
    x = k.step_dt / k.group_hold_s[g]
    return (1.0 - exp(-x)) / x


def fitting(k, g, mass, coming, room):
    """How much of a mass finds room in the queues of a group's pods.

    Full pods are drawn without a look at their queues, so one queue is full while another has room. Under
    steady overload the free places of a queue are geometric (M/M/c/K from its full end): with `gap` of them
    in the mean, one queue in 1 + gap is full; the gap at rest is 1 / (load - 1). The gap at the step's end is
    the root of an equation in itself: else steps would overshoot. While the queues fill up, they are random
    walks that drift apart: those that have reached the end are as at rest, the others near normal before it.
    """
    if room <= 0.0:
        return 0.0
    h = k.group_caller[g]
    if (
        h >= 0
        and k.group_pods[g] == 1
        and k.group_pods[h] * k.group_limit[h] <= k.group_limit[g] + k.group_queue[g]
    ):
        return mass if mass <= room else room  # there are no more callers than it has room for
    served = k.group_pods[g] * k.group_limit[g] * k.step_dt / k.group_hold_s[g]
    if served < k.group_flow[g]:
        served = k.group_flow[g]
    if coming > served > TINY:
        each = mass / k.group_pods[g]
        before = room / k.group_pods[g]
        base = before - each
        even = 0.5 * (1.0 + k.group_scatter[g])  # steadier work leaves less room
        gap = 0.5 * (base - even + sqrt((even - base) * (even - base) + 4.0 * even * (base + each)))
        rest = even * served / (coming - served)
        refused = (each - before + gap) * k.group_pods[g]
        apart = k.group_queue[g] - before  # of pods from each other at most: none has less than nothing
        apart *= apart
        if k.group_spread[g] * (k.group_pods[g] - 1) < apart * k.group_pods[g] * k.group_pods[g]:
            apart = k.group_spread[g] * (k.group_pods[g] - 1) / (1.0 * k.group_pods[g] * k.group_pods[g])
        apart = sqrt(apart + k.group_spread[g] / (1.0 * k.group_pods[g] * k.group_pods[g]))
        if gap > rest:
            refused = 0.0
            if apart * 8.0 > gap - rest:
                z = short_of(k, (gap - rest) / apart)
                refused = 0.5 * erfc(z / 1.4142135623730951) * each / (1.0 + rest / even)
                luck = each * (1.0 + k.group_scatter[g] * served / coming)
                refused += 0.19947114020071635 * exp(-0.5 * z * z) * luck / apart
                refused *= k.group_pods[g]
        if refused > 0.0:
            mass -= refused
    return mass if mass <= room else room


def short_of(k, missing):
    """How far a normal mean is below a bound, in deviations, if what is cut off there misses the bound by so much."""
    low = -8.0
    high = missing
    for _ in range(30):
        z = 0.5 * (low + high)
        if 0.3989422804014327 * exp(-0.5 * z * z) + z * (1.0 - 0.5 * erfc(z / 1.4142135623730951)) < missing:
            low = z
        else:
            high = z
    return 0.5 * (low + high)


def full_share(k, g):
    """Share of a group's pods that are full: a normal tail of SPREAD around the mean load.

    Where requests may wait, the group's table says who waits; a single pod has a table of its own losses.
    """
    if k.group_station[g] >= 0:
        return 0.0
    if k.group_loss[g] > 0:
        return look_up(k, k.group_loss[g], k.group_busy[g] / k.group_limit[g])
    z = (k.group_limit[g] - 0.5 - k.group_busy[g] / k.group_pods[g]) / SPREAD
    if z > 6.0:
        return 0.0
    return 0.5 * erfc(z / 1.4142135623730951)


# -- calls and branches


def call(k, i):
    """Callers open attempts, as far as their breaker lets them; retries whose wait is over go first."""
    s = k.child[k.child_at[i]]
    parent = k.scope_of[i]
    cols = k.scope_cols[parent]
    column = k.scope_now[s] % k.scope_cols[s]
    row = k.scope_row[s] + column
    total = arrivals(k, i)
    refill(k, s, total)
    due = due_retries(k, s, row) if k.retry_total[s] > 0.0 else 0.0
    permitted = 1.0
    if k.scope_breaker[s] >= 0:
        permitted = permit(k, k.scope_breaker[s], total + due)
    if due > 0.0:
        call_again(k, i, s, row, column, permitted)
    base = k.row[i]
    low = k.flow_low[i]
    high = k.flow_high[i]
    k.flow_low[i] = FAR
    k.flow_high[i] = -1
    for b in range(low, high + 1):
        x = k.flow[base + b % cols]
        if x > 0.0:
            k.flow[base + b % cols] = 0.0
            open_call(k, i, s, row, column, b % cols, b, x, permitted, 1)
    x = k.flow[base + cols]
    if x > 0.0:
        k.flow[base + cols] = 0.0
        if k.scope_drops[parent] == 1:
            fail(k, i, cols, x, ERROR)
        else:
            open_call(k, i, s, row, column, cols, -1, x, permitted, 1)


def call_again(k, i, s, row, column, permitted):
    """Callers whose wait for a retry is over."""
    parent = k.scope_of[i]
    cols = k.scope_cols[parent]
    for t in range(k.stride):
        at = k.retry_column_at[s] + (k.tick + t) % k.retry_size[s] * (cols + 1)
        for b in range(k.scope_oldest[parent], k.scope_now[parent] + 1):
            x = k.retry_columns[at + b % cols]
            if x > 0.0:
                k.retry_columns[at + b % cols] = 0.0
                open_call(k, i, s, row, column, b % cols, b, x, permitted, 0)
        x = k.retry_columns[at + cols]
        if x > 0.0:
            k.retry_columns[at + cols] = 0.0
            open_call(k, i, s, row, column, cols, -1, x, permitted, 0)


def open_call(k, i, s, row, column, mine, bucket, mass, permitted, fresh):
    """Mass of one of the caller's columns starts attempts; what the breaker refuses fails at once."""
    x = mass * permitted
    if x < mass:
        stir(k)
        deliver(k, i, mine, bucket, mass - x, GO if k.scope_optional[s] == 1 else ERROR)
    if x <= 0.0:
        return
    if fresh == 1:
        k.attempt_mass[row * ATTEMPTS + 1] += x
    k.scope_calls[s] += x
    k.comp[k.comp_at[s] + column * (k.scope_cols[k.scope_of[i]] + 1) + mine] += x
    if bucket >= 0:
        if bucket < k.comp_low[row]:
            k.comp_low[row] = bucket
        if bucket > k.comp_high[row]:
            k.comp_high[row] = bucket
    push(k, k.scope_first[s], column, k.scope_now[s], x)


def fork(k, i):
    """Arrivals go down all branches at once."""
    s = k.child[k.child_at[i]]
    cols = k.scope_cols[k.scope_of[i]]
    column = k.scope_now[s] % k.scope_cols[s]
    row = k.scope_row[s] + column
    base = k.row[i]
    low = k.flow_low[i]
    high = k.flow_high[i]
    k.flow_low[i] = FAR
    k.flow_high[i] = -1
    total = 0.0
    at = k.comp_at[s] + column * (cols + 1)
    for b in range(low, high + 1):
        x = k.flow[base + b % cols]
        if x > 0.0:
            k.flow[base + b % cols] = 0.0
            k.comp[at + b % cols] += x
            total += x
            if b < k.comp_low[row]:
                k.comp_low[row] = b
            if b > k.comp_high[row]:
                k.comp_high[row] = b
    x = k.flow[base + cols]
    if x > 0.0:
        k.flow[base + cols] = 0.0
        k.comp[at + cols] += x
        total += x
    k.fork_size[row] += total
    for j in range(k.child_at[i], k.child_at[i + 1]):
        k.scope_calls[k.child[j]] += total
        push(k, k.scope_first[k.child[j]], column, k.scope_now[s], total)


def join_branches(k, i):
    """Requests all of whose branches are done go on; those with a failed branch fail.

    Branches are taken to finish in the order of the fork, and to fail independently; what their own
    spread adds to the wait is a last exponential stage of `fork_extra_s`.
    """
    first = k.child_at[i]
    last = k.child_at[i + 1]
    s = k.child[first]
    cols = k.scope_cols[s]
    parent = k.scope_of[i]
    for b in range(k.scope_oldest[s], k.scope_now[s] + 1):
        row = k.scope_row[s] + b % cols
        size = k.fork_size[row]
        if size - k.fork_joined[row] - k.fork_failed[row] <= TINY:
            continue
        done = size
        sound = 1.0
        kept = 1.0
        for j in range(first, last):
            r = k.scope_row[k.child[j]] + b % cols
            x = k.branch_done[r] + k.branch_failed[r]
            if x < done:
                done = x
            sound *= 1.0 - k.branch_failed[r] / size
            if x > 0.0:
                kept *= k.branch_done[r] / x
        lost = size * (1.0 - sound) - k.fork_failed[row]
        if lost > TINY:
            k.fork_failed[row] += lost
            hand_back(k, s, b % cols, lost, ERROR)
        joined = done * kept - k.fork_joined[row]
        if done > size - TINY or joined > size - k.fork_failed[row] - k.fork_joined[row]:
            joined = size - k.fork_failed[row] - k.fork_joined[row]
        if joined > TINY:
            k.fork_joined[row] += joined
            hand_back(k, s, b % cols, joined, GO)
    left = 0.0
    for j in range(first, last):
        if k.branch_left[k.child[j]] > left:
            left = k.branch_left[k.child[j]]
    zombies = k.comp[k.comp_at[s] + cols * (k.scope_cols[parent] + 1) + k.scope_cols[parent]]
    if zombies > left:
        hand_back(k, s, cols, zombies - left, GO)


# -- workers, breakers, the end of a step


def worker_submit(k, w):
    """What a worker sends in this step, as its rate and its breaker allow."""
    mass = k.worker_backlog[w]
    if mass > k.worker_rate[w] * k.step_dt:
        mass = k.worker_rate[w] * k.step_dt
    if k.worker_backlog[w] <= TINY or mass <= TINY:
        return 0.0
    mass *= permit(k, k.worker_breaker[w], mass)
    if mass <= TINY:
        return 0.0
    k.worker_backlog[w] -= mass
    return mass


def permit(k, n, wanted):
    """The share of wanted calls that a breaker lets through now."""
    now_s = k.tick * k.dt
    if k.breaker_state[n] == OPEN and wanted > TINY and now_s >= k.breaker_until[n] - 1e-9:
        breaker_move(k, n, HALF_OPEN, now_s)
    if k.breaker_state[n] == OPEN:
        return 0.0
    if k.breaker_state[n] == CLOSED:
        return 1.0
    free = k.breaker_calls[n] - k.breaker_sent[n]
    if free <= 0.0:
        return 0.0
    part = 1.0 if free >= wanted else free / wanted
    k.breaker_sent[n] += wanted * part
    return part


def breaker_result(k, n, good, bad):
    k.breaker_good[n] += good
    k.breaker_bad[n] += bad


def breaker_judge(k, n, idle, now_s):
    """Move a breaker on by the results so far: a sliding window of the last calls."""
    good = k.breaker_good[n]
    bad = k.breaker_bad[n]
    if k.breaker_state[n] == HALF_OPEN:
        enough = k.breaker_sent[n] if idle else k.breaker_calls[n]
        if good + bad >= enough - late_one(k, enough) and good + bad > TINY:
            breaker_move(k, n, OPEN if unlucky(k, n, enough, bad / (good + bad)) else CLOSED, now_s)
        return
    k.breaker_good[n] = 0.0
    k.breaker_bad[n] = 0.0
    if k.breaker_state[n] == OPEN or good + bad <= TINY:
        return  # late results of an open breaker count for nothing
    size = k.breaker_size[n]
    head = k.window_head[n]
    at = n * WINDOW + head
    if k.window_count[n] == 0 or k.window_good[at] + k.window_bad[at] >= size / (WINDOW - 8):
        head = (head + 1) % WINDOW
        k.window_head[n] = head
        at = n * WINDOW + head
        if k.window_count[n] < WINDOW:
            k.window_count[n] += 1
        k.window_good[at] = 0.0
        k.window_bad[at] = 0.0
    k.window_good[at] += good
    k.window_bad[at] += bad
    total = 0.0
    broken = 0.0
    kept = 0
    while kept < k.window_count[n] and total < size:
        at = n * WINDOW + (head - kept + WINDOW) % WINDOW
        total += k.window_good[at] + k.window_bad[at]
        broken += k.window_bad[at]
        kept += 1
    k.window_count[n] = kept
    if total >= size and broken >= k.breaker_rate[n] * total:
        breaker_move(k, n, OPEN, now_s)


def late_one(k, calls):
    """The mass that is still out in the mean when the last of so many calls comes back.

    The slowest of n exponential times takes 1 + 1/2 + … + 1/n of their mean.
    """
    left = calls if calls < 1.0 else 1.0
    slowest = 0.0
    for j in range(1, int(calls + 0.5) + 1):
        slowest += 1.0 / j
    if calls > 1.0:
        left = calls * exp(-slowest)
    return left if left > 1e-6 else 1e-6


def unlucky(k, n, calls, share):
    """Whether the half-open calls of a breaker fail as often as opens it, when a share of all fails.

    So few calls are a matter of luck: the count is binomial, and the draw belongs to the number of the verdict.
    """
    whole = int(calls + 0.5)
    if share <= 0.0 or share >= 1.0 or whole < 1 or whole > LUCKY:
        return share >= k.breaker_rate[n] - 1e-9
    mark = k.breaker_luck[n * LUCK + k.breaker_turn[n] % LUCK]
    k.breaker_turn[n] += 1
    exactly = 1.0  # that so many fail
    for _ in range(whole):
        exactly *= 1.0 - share
    fewer = 0.0
    failed = 0
    while failed < k.breaker_rate[n] * whole - 1e-9:
        fewer += exactly
        exactly *= share / (1.0 - share) * (whole - failed) / (failed + 1)
        failed += 1
    return mark >= fewer


def breaker_move(k, n, state, now_s):
    stir(k)
    k.breaker_state[n] = state
    k.breaker_until[n] = now_s + k.breaker_open_s[n]
    k.breaker_sent[n] = 0.0
    k.breaker_good[n] = 0.0
    k.breaker_bad[n] = 0.0
    k.window_count[n] = 0
    if 3 * k.change_count + 3 <= len(k.changes):
        k.changes[3 * k.change_count] = int(now_s / k.dt + 0.5)
        k.changes[3 * k.change_count + 1] = n
        k.changes[3 * k.change_count + 2] = state
        k.change_count += 1


def end_of_step(k):
    """Expectations for the next step, integrals, breakers, the trace."""
    end_s = (k.tick + k.stride) * k.dt
    for p in range(k.pools):
        k.pool_expected[p] = k.pool_arrived[p]
        k.pool_arrived[p] = 0.0
        k.pool_inside[p] = k.pool_busy[p] + k.queue_total[p]
        k.pool_busy_s[p] += k.pool_busy[p] * k.step_dt
        if k.pool_virtual[p] == 0:
            full = k.queue_total[p] > 0.5 and k.pool_busy[p] >= k.pool_limit[p] - 0.5
            if full and k.pool_full_s[p] < 0.0:
                k.pool_full_s[p] = end_s
            elif not full and k.pool_busy[p] < 0.9 * k.pool_limit[p]:
                k.pool_full_s[p] = -1.0
    for v in range(k.services):
        k.service_expected[v] = k.service_arrived[v]
        k.service_arrived[v] = 0.0
    for n in range(k.limits):
        tokens = k.limit_tokens[n] + k.limit_rps[n] * k.step_dt
        k.limit_tokens[n] = tokens if tokens < k.limit_burst[n] else k.limit_burst[n]
    for g in range(k.groups):
        k.door_expected[g] = k.door_arrived[g]
        k.door_arrived[g] = 0.0
        k.group_expected[g] = k.group_asked[g]
        k.group_asked[g] = 0.0
        busy = k.group_busy[g] + k.group_draining[g]
        k.group_busy_s[g] += busy * k.step_dt
        k.group_door[g] += k.group_came[g]
        if k.group_station[g] >= 0:
            scatter(k, g)
        k.group_came[g] = 0.0
        if k.group_released[g] > TINY and k.clock_speed[g] > 0.0:  # a pause says nothing of later
            hold = 0.5 * (k.group_before[g] + busy) * k.step_dt / k.group_released[g]
            hold = 1e-5 if hold < 1e-5 else (100.0 if hold > 100.0 else hold)
            k.group_hold_s[g] += 0.3 * (hold - k.group_hold_s[g])
    for w in range(k.workers):
        breaker_judge(k, k.worker_breaker[w], k.worker_backlog[w] <= TINY, end_s)
    for s in range(k.scopes):
        if k.scope_kind[s] == CALLER and k.scope_breaker[s] >= 0:
            breaker_judge(k, k.scope_breaker[s], False, end_s)
    at = k.trace_used * k.trace_width
    if at + k.trace_width > len(k.trace):
        return
    k.trace[at] = k.tick
    at += 1
    for p in range(k.pools):
        k.trace[at] = k.admitted[p]
        k.trace[at + 1] = k.queue_total[p]
        at += 2
    for d in range(k.stores):
        k.trace[at] = k.store_slow[d]
        at += 1
    for g in range(k.groups):
        if k.group_trace[g] >= 0:
            k.trace[at] = k.group_admitted[g]
            k.trace[at + 1] = 0.0 if k.group_station[g] < 0 else k.queue_total[k.group_station[g]]
            k.trace[at + 2] = k.group_hold_s[g] if k.group_table[g] > 0 else 0.0
            k.trace[at + 3] = 1.0 if k.group_station[g] < 0 else emptied(k, g)
            k.trace[at + 4] = k.group_door[g]
            k.trace[at + 5] = k.group_refused[g]
            at += 6
    for c in range(k.classes):
        k.trace[at] = k.class_came[c] / k.stride
        k.class_came[c] = 0.0
        at += 1
    k.trace_used += 1


def scatter(k, g):
    """How far chance has driven a group's queue apart: by who comes and who leaves, since it was last empty.

    Its variance is that of a random walk, at most that of an exponential queue of the same mean.
    """
    waiting = k.queue_total[k.group_station[g]]
    spread = k.group_spread[g] + k.group_came[g] + k.group_scatter[g] * k.group_released[g]
    k.group_spread[g] = spread if spread < waiting * waiting else waiting * waiting


def descend(tail, exactly, load, again):
    """From `tail[-1]`, the share of pods that are full, the shares with at least so many busy (see `stations`).

    Fills `tail` from its end. Above 2 the share of full pods was far too much: the rest is 2. Of no kernel: here since
    it may be compiled.
    """
    apart = 1.0 - again
    square = again * again
    servers = len(tail) - 1
    share = tail[servers]
    above = share - exactly
    for n in range(servers, 0, -1):
        both = share * (apart * share + again) + n * (share - above) / load
        above = share
        share = (sqrt(square + 4.0 * apart * (both if both > 0.0 else 0.0)) - again) / (2.0 * apart)
        if share > 2.0:
            for m in range(n):
                tail[m] = 2.0
            return
        tail[n - 1] = share


def queued(into, ratio, most):
    """Fill `into` with 1, ratio, ratio squared …; how many, where the rest is below notice. 0 beyond `most`.

    Without a `most`: up to a factor. A long queue in overload outgrows a float, and only the proportions count.
    """
    x = 1.0
    into[0] = x
    for n in range(1, len(into)):
        x = x * ratio
        into[n] = x
        if x < FAINT:
            return n + 1
        if x > most:
            return 0
        if x > GREAT:
            for m in range(n + 1):
                into[m] = into[m] / GREAT
            x = into[n]
    return len(into)


def total(values, count):
    """The sum of the first `count` of `values`, none below zero, with one rounding: `fsum`, bit for bit.

    Compiled, the errors of a plain sum are summed beside it. That sum of errors is off by less than count squared
    roundings of roundings: where so little could turn the last bit, and uncompiled, fsum itself is asked.
    """
    if not compiled:
        return exact(values, count)
    high = 0.0
    low = 0.0
    for n in range(count):
        x = values[n]
        both = high + x
        back = both - high
        low = low + ((high - (both - back)) + (x - back))
        high = both
    both = high + low
    low = low - (both - high)
    unsure = 8.0 * (count + 1.0) * (count + 1.0) * 1.3e-32 * both
    if both + (low + unsure) == both + (low - unsure):
        return both + low
    return exact(values, count)


def exact(values, count):
    """Their sum by `fsum`."""
    return fsum(values[:count])


def share_out(tail, waiting, full, load, again):
    """Fill `tail` with the shares of pods with at least so many busy, a share `full` of them full (see `stations`).

    Returns how much rarer one more waits in a full one.
    """
    servers = len(tail) - 1
    ratio = load * ((1.0 - again) * full + again) / servers
    count = queued(waiting, ratio, ALL)
    tail[servers] = full
    descend(tail, full * waiting[0] / total(waiting, count) if count else 0.0, load, again)
    return ratio


def fullest(tail, waiting, load, again, low, high):
    """By 60 halvings of `low` to `high`: the logarithm of the share of full pods at which all have at least none busy."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        share_out(tail, waiting, exp(middle), load, again)
        if tail[0] >= 1.0:
            high = middle
        else:
            low = middle
    return high


def weighed(values, count, most):
    """The sum of `values`, each times its index or, beyond it, `most`; they are changed to these products."""
    for n in range(count):
        values[n] = values[n] * (n if n < most else most)
    return total(values, count)


def crowded(weights, servers, load):
    """Fill `weights` with how often 0, 1, … are in M/M/c/room, up to a factor: the most frequent weighs 1."""
    x = 0.0
    top = 0.0
    weights[0] = x
    for n in range(1, len(weights)):
        x = x + log(load / (n if n < servers else servers))
        weights[n] = x
        if x > top:
            top = x
    for n in range(len(weights)):
        weights[n] = exp(weights[n] - top)


def erlang_b(servers, load):
    """Erlang's B: the share that M/M/c/c turns away at offered load `load`."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def lapse(gone, rest, filled, part):
    """Of what was `filled` at one time a `part` is `gone` now, and the `rest` is not."""
    for i in range(len(gone)):
        gone[i] = gone[i] + filled[i] * part
        rest[i] = filled[i] * (1.0 - part)


def fill_cache(held, filled, gone, share, keys, per_s, seconds, life):
    """Let `seconds` pass in a cache (`keys.CacheFill`): changes `held`, tells `filled`. Returns the mean share of hits."""
    hits = 0.0
    for i in range(len(held)):
        before = held[i]
        left = before if before < gone[i] else gone[i]
        read = per_s * share[i] / keys[i]
        rate = read + 1.0 / life
        if rate * seconds < 1e-12:
            after = before - left
            if not after > 0.0:
                after = 0.0
            mean = after
        else:
            steady = (read - left / seconds) / rate
            part = exp(-rate * seconds)
            over = (1.0 - part) / (rate * seconds)
            after = steady + (before - steady) * part
            after = (after if after < 1.0 else 1.0) if after > 0.0 else 0.0
            mean = steady + (before - steady) * over
            mean = (mean if mean < 1.0 else 1.0) if mean > 0.0 else 0.0
        came = after - before + left
        filled[i] = came if came > 0.0 else 0.0
        held[i] = after
        hits = hits + share[i] * mean
    return hits


def asked_for(into, share, keys, per_s, seconds):
    """How many keys were read within `seconds`, in the mean; `into` gets them by bin."""
    for i in range(len(into)):
        into[i] = keys[i] * (1.0 - exp(-per_s * share[i] / keys[i] * seconds))
    return total(into, len(into))


def characteristic_s(into, share, keys, per_s, capacity):
    """Within how long `capacity` keys are asked for, in the mean."""
    low = 0.0
    high = 1.0
    while high < 1e12 and asked_for(into, share, keys, per_s, high) < capacity:
        high = high * 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if asked_for(into, share, keys, per_s, middle) < capacity:
            low = middle
        else:
            high = middle
    return high


def imbalance(k):
    """The largest difference, over scopes, between who waits and the mass held for them."""
    worst = 0.0
    held = [0.0] * k.scopes
    for i in range(k.nodes):
        s = k.scope_of[i]
        cols = k.scope_cols[s]
        for b in range(cols):
            held[s] += k.flow[k.row[i] + b]
            if k.serving_row[i] >= 0:
                held[s] += k.serving[k.serving_row[i] + b]
            if k.kind[i] == WORK:
                for slot in range(k.ring[i]):
                    held[s] += k.future[k.future_at[i] + slot * (cols + 1) + b]
            elif k.kind[i] == CALL or k.kind[i] == FORK:
                child = k.child[k.child_at[i]]
                for column in range(k.scope_cols[child] + 1):
                    held[s] += k.comp[k.comp_at[child] + column * (cols + 1) + b]
                if k.kind[i] == CALL:
                    for slot in range(k.retry_size[child]):
                        held[s] += k.retry_columns[k.retry_column_at[child] + slot * (cols + 1) + b]
    for q in range(k.stations):
        e = k.queue_head[q]
        while e >= 0:
            s = k.scope_of[k.q_node[e]]
            if k.q_bucket[e] >= k.scope_oldest[s]:
                held[s] += k.q_mass[e]
            e = k.q_next[e]
    for s in range(k.scopes):
        total = 0.0
        for b in range(k.scope_cols[s]):
            if k.scope_kind[s] <= WORKER:
                total += k.outstanding[k.scope_row[s] + b]
            elif k.scope_kind[s] == CALLER:
                total += composed(k, s, b)
            elif any(c % k.scope_cols[s] == b for c in range(k.scope_oldest[s], k.scope_now[s] + 1)):
                row = k.scope_row[s] + b
                first = k.scope_row[k.child[k.child_at[k.scope_owner[s]]]] + b
                total += k.fork_size[first] - k.branch_done[row] - k.branch_failed[row]
        worst = max(worst, abs(total - held[s]))
    return worst
