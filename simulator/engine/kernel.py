"""The cohort kernel: requests as masses per (node, start bucket), moved tick by tick.

Rules of this file
- Floats, ints and lists only, and no imports beyond `math`, so that the same text may be compiled.
- A bucket is the set of requests that started in the same `ticks_per_bucket` ticks; its mass is spread
  over the nodes. Ages matter: a client leaves after its time-out and the server works on (zombie mass,
  kept in the last column of every row), so lost goodput and retry storms come out, they are not put in.
- Queues are FIFO and remember the tick in which an entry joined. Entries of one tick are served in
  proportion: serving them in node order would favour one hop and can hide a collapse.
- Slots given back during a tick can be taken in that tick: admission counts what the tick before gave
  back, and the tick after corrects the balance.

Order inside a tick: expire the oldest bucket, arrivals and retries, finish queries in service, serve the
queues, walk the nodes forward, judge the breakers. Mass is conserved: see `imbalance`.
"""

# mypy: allow-untyped-defs
import math

ENTER, WORK, QUERY = 0, 1, 2
REJECTED, TIMEOUT, ERROR = 0, 1, 2
CLOSED, HALF_OPEN, OPEN = 0, 1, 2
TINY = 1e-12
MERGE = 0.05  # less than this much of a request joins its bucket's younger neighbour in a queue
FLUSH = 1e-4  # a remainder of less than this much of one request finishes at once
SPREAD = 2.3  # in flight per pod around its group's mean under two choices: measured on the exact engine
LEAD = 3.0  # a group this much less loaded per pod wins nearly every mixed pair
MAX_ATTEMPTS = 8  # attempts beyond the eighth are counted as the eighth
COMPACT = 4096  # served queue entries kept before the list is cut


class Kernel:
    """The state of a running cohort engine: plain lists, so that a fork is a copy.

    Stations (FIFO queues) are numbered pools first, then groups. Rows have `buckets` live columns and
    one for zombies; column of bucket b is b % buckets.
    """

    def __init__(self, dt_s, ticks_per_bucket, timeout_buckets, ring, n):
        nodes, groups, pools, databases, services, classes, workers = n
        self.dt = dt_s
        self.tick = 0
        self.oldest = 0  # the oldest bucket whose clients still wait
        self.ticks_per_bucket = ticks_per_bucket
        self.timeout_buckets = timeout_buckets
        self.buckets = timeout_buckets + 2
        self.ring = ring
        rows = self.buckets + 1
        self.kind = [0] * nodes
        self.next = [-1] * nodes
        self.order = []
        self.queries = []
        self.release = [[] for _ in range(nodes)]
        self.held = [[] for _ in range(nodes)]
        self.branches = [[] for _ in range(nodes)]  # ENTER: [(group, first node)]
        self.pool_of = [-1] * nodes
        self.class_of = [0] * nodes
        self.service_of = [0] * nodes
        self.mean_s = [0.0] * nodes
        self.weights = [[] for _ in range(nodes)]  # WORK: share that leaves 0, 1, 2, … ticks later
        self.flow = [0.0] * (nodes * rows)
        self.flow_low = [1 << 60] * nodes
        self.flow_high = [-1] * nodes
        self.serving = [0.0] * (nodes * rows)
        self.serving_low = [1 << 60] * nodes
        self.serving_high = [-1] * nodes
        self.future = [0.0] * (nodes * ring * rows)
        self.future_low = [1 << 60] * (nodes * ring)
        self.future_high = [-1] * (nodes * ring)
        self.group_limit = [0.0] * groups
        self.group_queue = [0.0] * groups
        self.group_pods = [0] * groups
        self.group_busy = [0.0] * groups
        self.group_draining = [0.0] * groups
        self.group_released = [0.0] * groups
        self.group_budget = [0.0] * groups
        self.pool_limit = [0.0] * pools
        self.pool_open = [0.0] * pools
        self.pool_busy = [0.0] * pools
        self.pool_database = [0] * pools
        self.pool_connect_s = [0.0] * pools
        self.pool_timeout_s = [math.inf] * pools
        self.pool_opens_at_s = [-1.0] * pools  # when the login under way is done; -1: none
        self.pool_refused = [0.0] * pools
        self.pool_full_s = [-1.0] * pools  # since when every connection is busy and somebody waits
        self.pool_transient = [False] * pools  # a connection a query: no queue, refused without a slot
        self.pool_expected = [0.0] * pools
        self.pool_arrived = [0.0] * pools
        self.pool_clear = [True] * pools  # no queue was left when this tick's arrivals came
        self.stations = pools + groups
        self.queue_node = [[] for _ in range(self.stations)]
        self.queue_bucket = [[] for _ in range(self.stations)]  # -1: zombie
        self.queue_tick = [[] for _ in range(self.stations)]
        self.queue_mass = [[] for _ in range(self.stations)]
        self.queue_head = [0] * self.stations
        self.queue_total = [0.0] * self.stations
        self.service_groups = [[] for _ in range(services)]
        self.service_expected = [0.0] * services
        self.service_arrived = [0.0] * services
        self.service_failing = [0.0] * services
        self.database_cores = [0.0] * databases
        self.database_slots = [0.0] * databases
        self.database_slow = [1.0] * databases
        self.class_rate = [0.0] * classes
        self.class_first = [0] * classes
        self.class_decline = [0.0] * classes
        self.class_attempts = [1] * classes
        self.class_backoff_ticks = [1] * classes
        self.class_parks = [-1] * classes
        self.class_worker = [-1] * classes
        self.outstanding = [0.0] * (classes * self.buckets)
        self.attempt_mass = [0.0] * (classes * self.buckets * (MAX_ATTEMPTS + 1))
        self.retry_ring = [[] for _ in range(classes)]
        self.worker_class = [0] * workers
        self.worker_rate = [0.0] * workers
        self.worker_backlog = [0.0] * workers
        self.worker_state = [CLOSED] * workers
        self.worker_until_s = [0.0] * workers
        self.worker_sent = [0.0] * workers
        self.worker_good = [0.0] * workers
        self.worker_bad = [0.0] * workers
        self.worker_window = [[] for _ in range(workers)]
        self.worker_window_size = [100.0] * workers
        self.worker_failure_rate = [0.5] * workers
        self.worker_open_s = [60.0] * workers
        self.worker_half_open = [10.0] * workers
        self.worker_changes = []  # (time_s, worker, state), for whoever reads the run
        # counts since the reader last cleared them
        self.offered = [0.0] * classes
        self.ok = [0.0] * classes
        self.declined = [0.0] * classes
        self.failed = [0.0] * (classes * 3)
        self.entered = [0.0] * groups
        self.rejected = [0.0] * groups
        self.errors = [0.0] * groups
        self.drained = [0.0] * workers
        self.query_count = [0.0] * pools
        self.pool_timeouts = [0.0] * pools
        # per tick, for tracers: cumulated admissions, queue, slow-down, admitted share by group
        self.trace_admitted = [[] for _ in range(pools)]
        self.trace_queue = [[] for _ in range(pools)]
        self.trace_slow = [[] for _ in range(databases)]
        self.trace_entered = [[] for _ in range(groups)]
        self.admitted = [0.0] * pools
        self.entered_total = [0.0] * groups


def run_ticks(k, ticks):
    """Advance the kernel by a number of ticks."""
    for _ in range(ticks):
        bucket = k.tick // k.ticks_per_bucket
        into = k.tick % k.ticks_per_bucket
        if into == 0:
            open_bucket(k, bucket)
        if into == k.ticks_per_bucket // 2:
            expire(k, bucket - k.timeout_buckets)  # in the middle: then its mean age is the time-out
        arrive(k, bucket)
        contention(k)
        finish_queries(k)
        for p in range(len(k.pool_limit)):
            open_connections(k, p)
            serve_pool(k, p)
        for g in range(len(k.group_limit)):
            if k.queue_total[len(k.pool_limit) + g] > TINY:
                serve_group(k, g)
        for i in k.order:
            kind = k.kind[i]
            if kind == WORK:
                work(k, i)
            elif k.flow_low[i] <= k.flow_high[i] or k.flow[i * (k.buckets + 1) + k.buckets] > 0.0:
                if kind == QUERY:
                    query(k, i)
                else:
                    enter(k, i)
        end_of_tick(k)
        k.tick += 1


def open_bucket(k, bucket):
    """A new bucket takes the column of one that is long gone."""
    column = bucket % k.buckets
    for c in range(len(k.class_first)):
        k.outstanding[c * k.buckets + column] = 0.0
        base = (c * k.buckets + column) * (MAX_ATTEMPTS + 1)
        for a in range(MAX_ATTEMPTS + 1):
            k.attempt_mass[base + a] = 0.0


def expire(k, gone):
    """Clients whose time-out has passed leave; what the servers still do for them becomes zombie mass."""
    if gone < 0:
        return
    k.oldest = gone + 1
    old = gone % k.buckets
    rows = k.buckets + 1
    live = 0.0
    for c in range(len(k.class_first)):
        mass = k.outstanding[c * k.buckets + old]
        if mass > TINY:
            live += mass
            if k.class_worker[c] >= 0:
                k.outstanding[c * k.buckets + old] = 0.0
                worker_result(k, k.class_worker[c], 0.0, mass)
            else:
                client_failure(k, c, old, mass, TIMEOUT)
    if live <= TINY:
        return
    for i in range(len(k.kind)):
        base = i * rows
        if k.serving[base + old] > 0.0:
            k.serving[base + k.buckets] += k.serving[base + old]
            k.serving[base + old] = 0.0
        for slot in range(k.ring):
            at = (i * k.ring + slot) * rows
            if k.future[at + old] > 0.0:
                k.future[at + k.buckets] += k.future[at + old]
                k.future[at + old] = 0.0


def arrive(k, bucket):
    """Fresh requests, retries whose back-off has passed, and what the workers send."""
    dt = k.dt
    now_s = k.tick * dt
    column = bucket % k.buckets
    for c in range(len(k.class_first)):
        base = (c * k.buckets + column) * (MAX_ATTEMPTS + 1)
        if k.class_worker[c] >= 0:
            total = worker_submit(k, k.class_worker[c], now_s)
        else:
            total = k.class_rate[c] * dt
            k.offered[c] += total
            k.attempt_mass[base + 1] += total
            if k.class_attempts[c] > 1:
                due = k.retry_ring[c][k.tick % len(k.retry_ring[c])]
                for a in range(2, MAX_ATTEMPTS + 1):
                    if due[a] > 0.0:
                        total += due[a]
                        k.offered[c] += due[a]
                        k.attempt_mass[base + a] += due[a]
                        due[a] = 0.0
        if total > 0.0:
            k.outstanding[c * k.buckets + column] += total
            push(k, k.class_first[c], column, bucket, total)


def push(k, i, column, bucket, mass):
    """Send mass of a column to a node within this tick."""
    k.flow[i * (k.buckets + 1) + column] += mass
    if column < k.buckets:
        if bucket < k.flow_low[i]:
            k.flow_low[i] = bucket
        if bucket > k.flow_high[i]:
            k.flow_high[i] = bucket


def contention(k):
    """How much slower than alone a query runs now: processor sharing over the database's cores."""
    pools = len(k.pool_limit)
    for d in range(len(k.database_cores)):
        active = 0.0
        for p in range(pools):
            if k.pool_database[p] == d:
                wanted = k.pool_busy[p] + k.queue_total[p]
                active += wanted if wanted < k.pool_open[p] else max(k.pool_open[p], k.pool_busy[p])
        slow = active / k.database_cores[d]
        k.database_slow[d] = slow if slow > 1.0 else 1.0
        k.trace_slow[d].append(k.database_slow[d])
    for g in range(len(k.group_limit)):
        k.group_budget[g] = k.group_pods[g] * k.group_limit[g] - k.group_busy[g] + k.group_released[g]
        k.group_released[g] = 0.0


def finish_queries(k):
    """Queries in service finish exponentially at this tick's speed."""
    rows = k.buckets + 1
    serving = k.serving
    oldest = k.oldest
    for i in k.queries:
        low = k.serving_low[i]
        high = k.serving_high[i]
        base = i * rows
        if low > high and serving[base + k.buckets] <= 0.0:
            continue
        p = k.pool_of[i]
        done = 1.0 - math.exp(-k.dt / (k.mean_s[i] * k.database_slow[k.pool_database[p]]))
        total = 0.0
        first = 1 << 60
        low = min(max(low, oldest), high + 1)
        for b in range(low, high + 2):
            column = b % k.buckets if b <= high else k.buckets
            x = serving[base + column]
            if x <= 0.0:
                continue
            d = x if x < FLUSH else x * done
            serving[base + column] = x - d
            total += d
            if x > d and b <= high and b < first:
                first = b
            leave(k, i, column, b, d)
        k.serving_low[i] = first
        if first > high:
            k.serving_high[i] = -1
        k.pool_busy[p] -= total
        k.query_count[p] += total
        for g in k.release[i]:
            give_back(k, g, total)


def leave(k, i, column, bucket, mass):
    """Mass leaves a node: to the next one, or out of the system."""
    following = k.next[i]
    if following >= 0:
        push(k, following, column, bucket, mass)
        return
    c = k.class_of[i]
    if column == k.buckets:
        return  # nobody waits for it any more
    k.outstanding[c * k.buckets + column] -= mass
    if k.class_worker[c] >= 0:
        w = k.class_worker[c]
        k.drained[w] += mass
        worker_result(k, w, mass, 0.0)
    else:
        k.ok[c] += mass * (1.0 - k.class_decline[c])
        k.declined[c] += mass * k.class_decline[c]


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
    """Mass at a node fails: it gives back what it holds, and its client or worker learns of it."""
    for g in k.held[i]:
        give_back(k, g, mass)
    if column == k.buckets:
        return
    c = k.class_of[i]
    if k.class_worker[c] >= 0:
        k.outstanding[c * k.buckets + column] -= mass
        worker_result(k, k.class_worker[c], 0.0, mass)
    else:
        client_failure(k, c, column, mass, kind)


def client_failure(k, c, column, mass, kind):
    """A client learns of a failure: it retries after its back-off, or gives up and may be parked.

    Every attempt is a request of its own at the edge: a failed one counts, whatever the next one brings.
    """
    k.outstanding[c * k.buckets + column] -= mass
    final = mass
    if k.class_attempts[c] > 1:
        final = 0.0
        base = (c * k.buckets + column) * (MAX_ATTEMPTS + 1)
        total = 0.0
        for a in range(1, MAX_ATTEMPTS + 1):
            total += k.attempt_mass[base + a]
        slots = k.retry_ring[c]
        due = slots[(k.tick + k.class_backoff_ticks[c]) % len(slots)]
        for a in range(1, MAX_ATTEMPTS + 1):
            part = mass * k.attempt_mass[base + a] / total if total > 0.0 else 0.0
            if part <= 0.0:
                continue
            if a < k.class_attempts[c]:
                due[a + 1 if a < MAX_ATTEMPTS else MAX_ATTEMPTS] += part
            else:
                final += part
    k.failed[c * 3 + kind] += mass
    if k.class_parks[c] >= 0:
        k.worker_backlog[k.class_parks[c]] += final


def open_connections(k, p):
    """A pool with waiters logs in to the database, one connection after the other."""
    if k.pool_transient[p]:
        d = k.pool_database[p]
        free = k.database_slots[d] - slots_used(k, d) + k.pool_busy[p]
        k.pool_open[p] = max(0.0, min(k.pool_limit[p], free))
        return
    waiting = k.queue_total[p] > TINY
    end_s = (k.tick + 1) * k.dt
    if k.pool_opens_at_s[p] < 0.0:
        if waiting and k.pool_open[p] < k.pool_limit[p] - 0.5:
            k.pool_opens_at_s[p] = k.tick * k.dt + k.pool_connect_s[p]
        else:
            return
    while 0.0 <= k.pool_opens_at_s[p] <= end_s + 1e-9:
        d = k.pool_database[p]
        if slots_used(k, d) >= k.database_slots[d] - 0.5:
            k.pool_refused[p] += 1.0
        else:
            k.pool_open[p] += 1.0
        more = waiting and k.pool_open[p] < k.pool_limit[p] - 0.5
        k.pool_opens_at_s[p] = k.pool_opens_at_s[p] + k.pool_connect_s[p] if more else -1.0


def slots_used(k, d):
    """Connection slots of a database that are taken."""
    used = 0.0
    for p in range(len(k.pool_limit)):
        if k.pool_database[p] == d:
            used += k.pool_busy[p] if k.pool_transient[p] else k.pool_open[p]
    return used


def serve_pool(k, p):
    """Serve a pool's queue in order; entries past the acquire time-out fail with an error first."""
    head = k.queue_head[p]
    nodes = k.queue_node[p]
    masses = k.queue_mass[p]
    joined = k.queue_tick[p]
    size = len(masses)
    if k.pool_timeout_s[p] < math.inf:
        limit = k.tick - k.pool_timeout_s[p] / k.dt
        while head < size and joined[head] <= limit:
            drop(k, p, head)
            k.pool_timeouts[p] += masses[head]
            k.admitted[p] += masses[head]
            head += 1
    slow = k.database_slow[k.pool_database[p]]
    free = k.pool_open[p] - k.pool_busy[p]
    while head < size and free > TINY:
        end = head
        need = 0.0
        mark = joined[head]
        last = -1
        part = 0.0
        while end < size and joined[end] == mark:
            if nodes[end] != last:
                last = nodes[end]
                part = stay(k, last, slow)
            need += masses[end] * part
            end += 1
        share = 1.0 if need <= free else free / need
        serve_entries(k, p, head, end, share, slow)
        free = k.pool_open[p] - k.pool_busy[p]
        if share < 1.0:
            break
        head = end
    if head >= size:
        k.queue_total[p] = 0.0
    k.pool_clear[p] = head >= size
    compact(k, p, head)


def serve_entries(k, p, head, end, share, slow):
    """Give connections to a share of the entries head … end - 1 (the hottest loop: `take`, unrolled)."""
    rows = k.buckets + 1
    buckets = k.buckets
    nodes = k.queue_node[p]
    masses = k.queue_mass[p]
    born = k.queue_bucket[p]
    serving = k.serving
    flow = k.flow
    oldest = k.oldest
    taken = 0.0
    kept_all = 0.0
    last = -1
    part = 0.0
    following = -1
    for j in range(head, end):
        g = masses[j] * share
        if g <= 0.0:
            continue
        masses[j] -= g
        taken += g
        i = nodes[j]
        if i != last:
            last = i
            part = stay(k, i, slow)
            following = k.next[i]
        kept = g * part
        kept_all += kept
        done = g - kept
        b = born[j]
        if b < oldest:
            serving[i * rows + buckets] += kept
            if following >= 0:
                flow[following * rows + buckets] += done
        else:
            column = b % buckets
            serving[i * rows + column] += kept
            if b < k.serving_low[i]:
                k.serving_low[i] = b
            if b > k.serving_high[i]:
                k.serving_high[i] = b
            if following >= 0:
                flow[following * rows + column] += done
                if b < k.flow_low[following]:
                    k.flow_low[following] = b
                if b > k.flow_high[following]:
                    k.flow_high[following] = b
            else:
                leave(k, i, column, b, done)
        for h in k.release[i]:
            give_back(k, h, done)
    k.queue_total[p] -= taken
    k.pool_busy[p] += kept_all
    k.admitted[p] += taken
    k.query_count[p] += taken - kept_all


def stay(k, i, slow):
    """Share of an arrival, uniform over the tick, that is still in service at the tick's end."""
    x = k.dt / (k.mean_s[i] * slow)
    return (1.0 - math.exp(-x)) / x


def take(k, p, i, column, bucket, mass, slow):
    """Mass gets connections: part of it finishes within the tick. Returns the connections kept."""
    kept = mass * stay(k, i, slow)
    done = mass - kept
    k.serving[i * (k.buckets + 1) + column] += kept
    if column < k.buckets:
        if bucket < k.serving_low[i]:
            k.serving_low[i] = bucket
        if bucket > k.serving_high[i]:
            k.serving_high[i] = bucket
    k.pool_busy[p] += kept
    k.admitted[p] += mass
    k.query_count[p] += done
    leave(k, i, column, bucket, done)
    for g in k.release[i]:
        give_back(k, g, done)
    return kept


def queue_column(k, station, j):
    """The column of a queued entry: its bucket's, or the zombies' once its client has left."""
    b = k.queue_bucket[station][j]
    if b < k.oldest:
        return k.buckets
    return b % k.buckets


def drop(k, station, j):
    """A queued entry gives up waiting."""
    mass = k.queue_mass[station][j]
    if mass > 0.0:
        k.queue_total[station] -= mass
        i = k.queue_node[station][j]
        for g in k.held[i][-1:]:
            k.errors[g] += mass
        fail(k, i, queue_column(k, station, j), mass, ERROR)


def compact(k, station, head):
    """Move the head; cut the list now and then."""
    if head > COMPACT:
        del k.queue_node[station][:head]
        del k.queue_bucket[station][:head]
        del k.queue_tick[station][:head]
        del k.queue_mass[station][:head]
        head = 0
    k.queue_head[station] = head


def join(k, station, i, column, bucket, mass):
    """Mass joins a queue at this tick."""
    k.queue_node[station].append(i)
    k.queue_bucket[station].append(bucket if column < k.buckets else -1)
    k.queue_tick[station].append(k.tick)
    k.queue_mass[station].append(mass)
    k.queue_total[station] += mass


def serve_group(k, g):
    """Requests that wait inside the pods of a group get slots."""
    station = len(k.pool_limit) + g
    head = k.queue_head[station]
    masses = k.queue_mass[station]
    size = len(masses)
    while head < size and k.group_budget[g] > TINY:
        x = masses[head]
        got = x if x <= k.group_budget[g] else k.group_budget[g]
        if got > 0.0:
            i = k.queue_node[station][head]
            admit(k, i, g, queue_column(k, station, head), k.queue_bucket[station][head], got)
            k.queue_total[station] -= got
            masses[head] = x - got
        if got < x:
            break
        head += 1
    if head >= size:
        k.queue_total[station] = 0.0
    compact(k, station, head)


def admit(k, i, g, column, bucket, mass):
    """Mass gets slots of a group and goes on to the branch of that version."""
    k.group_budget[g] -= mass
    k.group_busy[g] += mass
    k.entered[g] += mass
    k.entered_total[g] += mass
    for group, first in k.branches[i]:
        if group == g:
            push(k, first, column, bucket, mass)


def work(k, i):
    """Time on the spot: arrivals are spread over the coming ticks by the node's own distribution."""
    rows = k.buckets + 1
    ring = k.ring
    slot = k.tick % ring
    at = (i * ring + slot) * rows
    future = k.future
    total = 0.0
    oldest = k.oldest
    low = k.future_low[i * ring + slot]
    high = k.future_high[i * ring + slot]
    if low <= high:
        low = max(low, oldest)
        for b in range(low, high + 1):
            column = b % k.buckets
            x = future[at + column]
            if x > 0.0:
                future[at + column] = 0.0
                total += x
                leave(k, i, column, b, x)
        k.future_low[i * ring + slot] = 1 << 60
        k.future_high[i * ring + slot] = -1
    x = future[at + k.buckets]
    if x > 0.0:
        future[at + k.buckets] = 0.0
        total += x
        leave(k, i, k.buckets, -1, x)
    low = k.flow_low[i]
    high = k.flow_high[i]
    base = i * rows
    if low <= high or k.flow[base + k.buckets] > 0.0:
        weights = k.weights[i]
        ahead = len(weights)
        for b in range(min(low, high + 1), high + 2):
            column = b % k.buckets if b <= high else k.buckets
            x = k.flow[base + column]
            if x <= 0.0:
                continue
            k.flow[base + column] = 0.0
            for j in range(1, ahead):
                row = i * ring + (slot + j) % ring
                future[row * rows + column] += x * weights[j]
                if b <= high:
                    if b < k.future_low[row]:
                        k.future_low[row] = b
                    if b > k.future_high[row]:
                        k.future_high[row] = b
            total += x * weights[0]
            leave(k, i, column, b, x * weights[0])
        k.flow_low[i] = 1 << 60
        k.flow_high[i] = -1
    if total > 0.0:
        for g in k.release[i]:
            give_back(k, g, total)


def arrivals(k, i):
    """All mass that reached a node in this tick."""
    base = i * (k.buckets + 1)
    total = k.flow[base + k.buckets]
    for b in range(k.flow_low[i], k.flow_high[i] + 1):
        total += k.flow[base + b % k.buckets]
    return total


def query(k, i):
    """Arrivals at a query: connections that are free now, or the end of the pool's queue."""
    p = k.pool_of[i]
    total = arrivals(k, i)
    slow = k.database_slow[k.pool_database[p]]
    share = 0.0
    if k.pool_clear[p]:
        rest = k.pool_expected[p] - k.pool_arrived[p]
        rest = total if rest < total else rest
        room = (k.pool_open[p] - k.pool_busy[p]) / stay(k, i, slow)
        share = 1.0 if room >= rest else (room / rest if room > 0.0 else 0.0)
    k.pool_arrived[p] += total
    base = i * (k.buckets + 1)
    high = k.flow_high[i]
    c = k.class_of[i]
    for b in range(min(k.flow_low[i], high + 1), high + 2):
        column = b % k.buckets if b <= high else k.buckets
        x = k.flow[base + column]
        if x <= 0.0:
            continue
        k.flow[base + column] = 0.0
        if x < MERGE and b < high and share < 1.0:
            younger = (b + 1) % k.buckets
            k.flow[base + younger] += x
            k.outstanding[c * k.buckets + column] -= x
            k.outstanding[c * k.buckets + younger] += x
            continue
        if share > 0.0:
            take(k, p, i, column, b, x * share, slow)
        if share < 1.0 and k.pool_transient[p]:
            refuse(k, p, i, column, x * (1.0 - share))
        elif share < 1.0:
            join(k, p, i, column, b, x * (1.0 - share))
    k.flow_low[i] = 1 << 60
    k.flow_high[i] = -1


def refuse(k, p, i, column, mass):
    """No connection slot is left in the database: the query fails at once."""
    k.pool_refused[p] += mass
    for g in k.held[i][-1:]:
        k.errors[g] += mass
    fail(k, i, column, mass, ERROR)


def enter(k, i):
    """Arrivals at a service: spread over its versions, admitted, queued in the pod, or refused."""
    s = k.service_of[i]
    total = arrivals(k, i)
    rest = k.service_expected[s] - k.service_arrived[s]
    rest = total if rest < total else rest
    k.service_arrived[s] += total
    failing = k.service_failing[s]
    shares = balance(k, i, total * (1.0 - failing), rest * (1.0 - failing))
    base = i * (k.buckets + 1)
    high = k.flow_high[i]
    branches = k.branches[i]
    pools = len(k.pool_limit)
    for b in range(min(k.flow_low[i], high + 1), high + 2):
        column = b % k.buckets if b <= high else k.buckets
        x = k.flow[base + column]
        if x <= 0.0:
            continue
        k.flow[base + column] = 0.0
        left = x
        if failing > 0.0:
            lost = x * failing
            for g, _ in branches[-1:]:
                k.errors[g] += lost
            fail(k, i, column, lost, ERROR)
            left -= lost
        alive = left
        for g, in_share, wait_share in shares:
            if in_share > 0.0:
                admit(k, i, g, column, b, alive * in_share)
                left -= alive * in_share
            if wait_share > 0.0:
                join(k, pools + g, i, column, b, alive * wait_share)
                left -= alive * wait_share
        if left > 1e-9 * x:
            fail(k, i, column, left, REJECTED)
            for g, _ in branches:
                k.rejected[g] += left * refused_share(k, i, g)
    k.flow_low[i] = 1 << 60
    k.flow_high[i] = -1


def refused_share(k, i, g):
    """Whose pods refuse: in proportion to pods."""
    pods = 0
    for other, _ in k.branches[i]:
        pods += k.group_pods[other]
    if pods == 0:
        return 1.0 / len(k.branches[i])
    return k.group_pods[g] / pods


def balance(k, i, total, rest):
    """Power of two choices over pods, in the mean: [(group, admitted share, queued share)].

    Two pods are drawn with replacement and the one with less in flight is taken; a request is refused
    only if both are full. Pods of a group spread around its mean, so some are full before all are.
    """
    active = [g for g, _ in k.branches[i] if k.group_pods[g] > 0]
    if total <= 0.0 or not active:
        return []
    pods = 0
    for g in active:
        pods += k.group_pods[g]
    scale = total / rest if rest > 0.0 else 1.0
    full = [full_share(k, g) for g in active]
    wanted = [0.0] * len(active)
    for a in range(len(active)):
        g = active[a]
        p = k.group_pods[g] / pods
        wanted[a] += total * p * p * (1.0 - full[a] * full[a])
        load = k.group_busy[g] / k.group_pods[g]
        for b in range(len(active)):
            if b == a:
                continue
            h = active[b]
            lead = 0.5 + (k.group_busy[h] / k.group_pods[h] - load) / LEAD
            lead = 0.0 if lead < 0.0 else (1.0 if lead > 1.0 else lead)
            pairs = total * 2.0 * p * k.group_pods[h] / pods * lead  # a mixed pair that prefers g
            wanted[a] += pairs * (1.0 - full[a])
            wanted[b] += pairs * full[a] * (1.0 - full[b])
    left = total
    inside = []
    for a in range(len(active)):
        room = max(0.0, k.group_budget[active[a]]) * scale
        got = wanted[a] if wanted[a] <= room else room
        inside.append(got)
        left -= got
    result = []
    for a in range(len(active)):
        g = active[a]
        queued = left * k.group_pods[g] / pods if left > 0.0 else 0.0
        result.append((g, inside[a] / total, waiting_share(k, g, queued, total)))
    return result


def full_share(k, g):
    """Share of a group's pods that are full: a normal tail of SPREAD around the mean load."""
    z = (k.group_limit[g] - 0.5 - k.group_busy[g] / k.group_pods[g]) / SPREAD
    if z > 6.0:
        return 0.0
    return 0.5 * math.erfc(z / 1.4142135623730951)


def waiting_share(k, g, excess, total):
    """What of an excess may wait inside the pods of a group."""
    room = k.group_queue[g] * k.group_pods[g] - k.queue_total[len(k.pool_limit) + g]
    if excess <= 0.0 or room <= 0.0:
        return 0.0
    return (excess if excess <= room else room) / total


def end_of_tick(k):
    """Expectations for the next tick, traces, breakers."""
    for p in range(len(k.pool_limit)):
        k.pool_expected[p] = k.pool_arrived[p]
        k.pool_arrived[p] = 0.0
        k.trace_admitted[p].append(k.admitted[p])
        k.trace_queue[p].append(k.queue_total[p])
        full = k.queue_total[p] > 0.5 and k.pool_busy[p] >= k.pool_limit[p] - 0.5
        if full and k.pool_full_s[p] < 0.0:
            k.pool_full_s[p] = (k.tick + 1) * k.dt
        elif not full and k.pool_busy[p] < 0.9 * k.pool_limit[p]:
            k.pool_full_s[p] = -1.0
    for s in range(len(k.service_expected)):
        k.service_expected[s] = k.service_arrived[s]
        k.service_arrived[s] = 0.0
        groups = k.service_groups[s]
        if len(groups) > 1:
            for g in groups:
                k.trace_entered[g].append(k.entered_total[g])
    now_s = (k.tick + 1) * k.dt
    for w in range(len(k.worker_class)):
        worker_judge(k, w, now_s)


def worker_result(k, w, good, bad):
    """Results of a worker's calls reach its breaker; what failed returns to the durable queue."""
    k.worker_good[w] += good
    k.worker_bad[w] += bad
    k.worker_backlog[w] += bad


def worker_submit(k, w, now_s):
    """What a worker sends in this tick, as its rate and its breaker allow."""
    if k.worker_state[w] == OPEN and k.worker_backlog[w] > TINY and now_s >= k.worker_until_s[w] - 1e-9:
        breaker_move(k, w, HALF_OPEN, now_s)
    if k.worker_state[w] == OPEN:
        return 0.0
    mass = min(k.worker_backlog[w], k.worker_rate[w] * k.dt)
    if k.worker_state[w] == HALF_OPEN:
        mass = min(mass, k.worker_half_open[w] - k.worker_sent[w])
    if mass <= TINY:
        return 0.0
    k.worker_sent[w] += mass
    k.worker_backlog[w] -= mass
    return mass


def worker_judge(k, w, now_s):
    """Move a breaker on by the results so far: a sliding window of the last calls."""
    good = k.worker_good[w]
    bad = k.worker_bad[w]
    if k.worker_state[w] == HALF_OPEN:
        enough = k.worker_half_open[w] if k.worker_backlog[w] > TINY else k.worker_sent[w]
        if good + bad >= enough - 1e-6 and good + bad > TINY:
            failed = bad >= k.worker_failure_rate[w] * (good + bad) - 1e-9
            breaker_move(k, w, OPEN if failed else CLOSED, now_s)
        return
    window = k.worker_window[w]
    k.worker_good[w] = 0.0
    k.worker_bad[w] = 0.0
    if k.worker_state[w] == OPEN or good + bad <= TINY:
        return  # late results of an open breaker count for nothing
    window.append((good, bad))
    total = 0.0
    failures = 0.0
    keep = 0
    while keep < len(window) and total < k.worker_window_size[w]:
        keep += 1
        total += window[-keep][0] + window[-keep][1]
        failures += window[-keep][1]
    del window[: len(window) - keep]
    if total >= k.worker_window_size[w] and failures >= k.worker_failure_rate[w] * total:
        breaker_move(k, w, OPEN, now_s)


def breaker_move(k, w, state, now_s):
    k.worker_state[w] = state
    k.worker_until_s[w] = now_s + k.worker_open_s[w]
    k.worker_sent[w] = 0.0
    k.worker_good[w] = 0.0
    k.worker_bad[w] = 0.0
    k.worker_window[w].clear()
    k.worker_changes.append((now_s, w, state))


def imbalance(k):
    """The largest difference, over classes, between outstanding clients and the mass held for them."""
    rows = k.buckets + 1
    held = [0.0] * len(k.class_first)
    for i in range(len(k.kind)):
        c = k.class_of[i]
        for b in range(k.buckets):
            held[c] += k.serving[i * rows + b] + k.flow[i * rows + b]
            for slot in range(k.ring):
                held[c] += k.future[(i * k.ring + slot) * rows + b]
    for q in range(k.stations):
        for j in range(k.queue_head[q], len(k.queue_mass[q])):
            if queue_column(k, q, j) < k.buckets:
                held[k.class_of[k.queue_node[q][j]]] += k.queue_mass[q][j]
    worst = 0.0
    for c in range(len(held)):
        total = 0.0
        for b in range(k.buckets):
            total += k.outstanding[c * k.buckets + b]
        worst = max(worst, abs(total - held[c]))
    return worst
