"""C types of `kernel.py` for its optional compilation: the same source, the same arithmetic."""

cimport cython

cdef extern from "math.h":
    cpdef double exp(double x)
    cpdef double erfc(double x)
    cpdef double sqrt(double x)
    cpdef double log(double x)

cdef double TINY, MERGE, FLUSH, SPREAD, BRISK, FULL_ENOUGH, FEW, FAINT_QUEUE, LATE_SHARE, EVEN, NEAR, REACH, INFINITE
cdef double FAINT, GREAT, ALL
cdef bint compiled
cdef long long ENTER, WORK, QUERY, CPU, CALL, FORK, SPLIT, CLIENT, WORKER
cdef long long CALLER, BRANCH, FIFO, LIFO, CODEL, GO, REJECTED, TIMEOUT, ERROR, CLOSED
cdef long long HALF_OPEN, OPEN, FAR, MAX_ATTEMPTS, ATTEMPTS, WINDOW, LUCK, LUCKY, GRID, WIDE


cdef class Kernel:
    cdef public double[::1] mean_s
    cdef public double[::1] flow
    cdef public double[::1] serving
    cdef public double[::1] future
    cdef public double[::1] weight
    cdef public double[::1] clock_speed
    cdef public double[::1] clock_rest
    cdef public double[::1] group_limit
    cdef public double[::1] group_queue
    cdef public double[::1] group_hold_s
    cdef public double[::1] group_flow
    cdef public double[::1] group_late
    cdef public double[::1] group_came
    cdef public double[::1] group_spread
    cdef public double[::1] group_scatter
    cdef public double[::1] group_wanted
    cdef public double[::1] group_mixed
    cdef public double[::1] group_asked
    cdef public double[::1] group_expected
    cdef public double[::1] group_lead
    cdef public double[::1] sway
    cdef public double[::1] sway_load
    cdef public double[::1] sway_free
    cdef public double[::1] sway_hold
    cdef public double[::1] sway_part
    cdef public double[::1] group_held
    cdef public double[::1] group_before
    cdef public double[::1] group_door
    cdef public double[::1] group_refused
    cdef public double[::1] group_inside
    cdef public double[::1] group_room
    cdef public long long[::1] group_calm
    cdef public long long[::1] group_caller
    cdef public double[::1] group_busy
    cdef public double[::1] group_draining
    cdef public double[::1] group_released
    cdef public double[::1] group_budget
    cdef public double[::1] group_busy_s
    cdef public double[::1] pool_limit
    cdef public double[::1] pool_open
    cdef public double[::1] pool_busy
    cdef public double[::1] pool_connect_s
    cdef public double[::1] pool_timeout
    cdef public double[::1] pool_opens_at_s
    cdef public double[::1] pool_refused
    cdef public double[::1] pool_full_s
    cdef public double[::1] pool_expected
    cdef public double[::1] pool_arrived
    cdef public double[::1] pool_lost
    cdef public double[::1] pool_inside
    cdef public double[::1] pool_busy_s
    cdef public double[::1] store_cores
    cdef public double[::1] store_slots
    cdef public double[::1] store_slow
    cdef public double[::1] store_units
    cdef public double[::1] store_speed
    cdef public double[::1] table
    cdef public double[::1] queue_total
    cdef public double[::1] q_mass
    cdef public double[::1] q_joined
    cdef public double[::1] service_expected
    cdef public double[::1] service_arrived
    cdef public double[::1] door_expected
    cdef public double[::1] door_arrived
    cdef public double[::1] service_failing
    cdef public double[::1] limit_rps
    cdef public double[::1] limit_burst
    cdef public double[::1] limit_tokens
    cdef public double[::1] class_rate
    cdef public double[::1] class_came
    cdef public double[::1] class_decline
    cdef public double[::1] split_weight
    cdef public double[::1] outstanding
    cdef public double[::1] attempt_mass
    cdef public double[::1] comp
    cdef public double[::1] scope_backoff
    cdef public double[::1] scope_factor
    cdef public double[::1] scope_jitter
    cdef public double[::1] scope_tokens
    cdef public double[::1] scope_ratio
    cdef public double[::1] scope_per_s
    cdef public double[::1] scope_burst
    cdef public double[::1] retry_attempts
    cdef public double[::1] retry_columns
    cdef public double[::1] retry_total
    cdef public double[::1] fork_size
    cdef public double[::1] fork_joined
    cdef public double[::1] fork_failed
    cdef public double[::1] branch_done
    cdef public double[::1] branch_failed
    cdef public double[::1] branch_left
    cdef public double[::1] fork_extra_s
    cdef public double[::1] worker_rate
    cdef public double[::1] worker_last
    cdef public double[::1] worker_backlog
    cdef public double[::1] breaker_until
    cdef public double[::1] breaker_sent
    cdef public double[::1] breaker_good
    cdef public double[::1] breaker_bad
    cdef public double[::1] breaker_size
    cdef public double[::1] breaker_rate
    cdef public double[::1] breaker_open_s
    cdef public double[::1] breaker_calls
    cdef public double[::1] breaker_luck
    cdef public double[::1] window_good
    cdef public double[::1] window_bad
    cdef public double[::1] offered
    cdef public double[::1] ok
    cdef public double[::1] declined
    cdef public double[::1] failed
    cdef public double[::1] entered
    cdef public double[::1] rejected
    cdef public double[::1] errors
    cdef public double[::1] turned
    cdef public double[::1] shed
    cdef public double[::1] late
    cdef public double[::1] drained
    cdef public double[::1] query_count
    cdef public double[::1] pool_timeouts
    cdef public double[::1] scope_calls
    cdef public double[::1] scope_failed_count
    cdef public double[::1] scope_retries
    cdef public double[::1] split_taken
    cdef public double[::1] admitted
    cdef public double[::1] group_admitted
    cdef public double[::1] trace
    cdef public double[::1] share
    cdef public double[::1] wait_share
    cdef public long long[::1] kind
    cdef public long long[::1] next
    cdef public long long[::1] scope_of
    cdef public long long[::1] pool_of
    cdef public long long[::1] clock_of
    cdef public long long[::1] split_of
    cdef public long long[::1] service_of
    cdef public long long[::1] row
    cdef public long long[::1] serving_row
    cdef public long long[::1] ring
    cdef public long long[::1] future_at
    cdef public long long[::1] range_at
    cdef public long long[::1] weight_at
    cdef public long long[::1] weight_size
    cdef public long long[::1] release_at
    cdef public long long[::1] release
    cdef public long long[::1] held_at
    cdef public long long[::1] held
    cdef public long long[::1] branch_at
    cdef public long long[::1] branch_group
    cdef public long long[::1] branch_first
    cdef public long long[::1] fallback
    cdef public long long[::1] child_at
    cdef public long long[::1] child
    cdef public long long[::1] order
    cdef public long long[::1] flow_low
    cdef public long long[::1] flow_high
    cdef public long long[::1] serving_low
    cdef public long long[::1] serving_high
    cdef public long long[::1] future_low
    cdef public long long[::1] future_high
    cdef public long long[::1] clock_at
    cdef public long long[::1] group_pods
    cdef public long long[::1] group_order
    cdef public long long[::1] group_station
    cdef public long long[::1] group_table
    cdef public long long[::1] group_loss
    cdef public long long[::1] group_target
    cdef public long long[::1] group_interval
    cdef public long long[::1] group_empty
    cdef public long long[::1] service_of_group
    cdef public long long[::1] pool_database
    cdef public long long[::1] pool_transient
    cdef public long long[::1] pool_virtual
    cdef public long long[::1] pool_table
    cdef public long long[::1] pool_clear
    cdef public long long[::1] store_table
    cdef public long long[::1] queue_head
    cdef public long long[::1] queue_tail
    cdef public long long[::1] q_node
    cdef public long long[::1] q_bucket
    cdef public long long[::1] q_tick
    cdef public long long[::1] q_next
    cdef public long long[::1] q_prev
    cdef public long long[::1] service_at
    cdef public long long[::1] limit_of
    cdef public long long[::1] scope_kind
    cdef public long long[::1] scope_class
    cdef public long long[::1] scope_owner
    cdef public long long[::1] scope_parent
    cdef public long long[::1] scope_first
    cdef public long long[::1] scope_width
    cdef public long long[::1] scope_cols
    cdef public long long[::1] scope_ticks
    cdef public long long[::1] scope_oldest
    cdef public long long[::1] scope_now
    cdef public long long[::1] scope_row
    cdef public long long[::1] comp_at
    cdef public long long[::1] comp_low
    cdef public long long[::1] comp_high
    cdef public long long[::1] scope_attempts
    cdef public long long[::1] scope_waits
    cdef public long long[::1] scope_optional
    cdef public long long[::1] scope_drops
    cdef public long long[::1] scope_breaker
    cdef public long long[::1] scope_node_at
    cdef public long long[::1] scope_node
    cdef public long long[::1] retry_at
    cdef public long long[::1] retry_size
    cdef public long long[::1] retry_column_at
    cdef public long long[::1] scope_parks
    cdef public long long[::1] scope_worker
    cdef public long long[::1] worker_breaker
    cdef public long long[::1] breaker_state
    cdef public long long[::1] breaker_turn
    cdef public long long[::1] window_head
    cdef public long long[::1] window_count
    cdef public long long[::1] group_trace
    cdef public long long[::1] changes
    cdef public double dt
    cdef public double step_dt
    cdef public long long tick
    cdef public long long stride
    cdef public long long long_stride
    cdef public long long stirred
    cdef public long long quiet_ticks
    cdef public long long nodes
    cdef public long long groups
    cdef public long long pools
    cdef public long long stores
    cdef public long long stations
    cdef public long long services
    cdef public long long scopes
    cdef public long long workers
    cdef public long long clocks
    cdef public long long free_entry
    cdef public long long entries
    cdef public long long trace_width
    cdef public long long trace_used
    cdef public long long orders
    cdef public long long limits
    cdef public long long change_count
    cdef public long long classes


@cython.locals(stride=cython.longlong)
cpdef void run(Kernel k, long long until) noexcept

cpdef void short_steps(Kernel k) noexcept

@cython.locals(factor=cython.double, v=cython.longlong, p=cython.longlong, g=cython.longlong)
cdef void rescale(Kernel k, long long stride) noexcept

@cython.locals(
    s=cython.longlong, c=cython.longlong, i=cython.longlong, p=cython.longlong, g=cython.longlong,
    j=cython.longlong, kind=cython.longlong
)
cdef void step(Kernel k) noexcept

cdef bint has_flow(Kernel k, long long i) noexcept

cdef void stir(Kernel k) noexcept

@cython.locals(
    width=cython.longlong, now=cython.longlong, cols=cython.longlong, row=cython.longlong,
    a=cython.longlong
)
cdef void turn_scope(Kernel k, long long s) noexcept

@cython.locals(
    cols=cython.longlong, old=cython.longlong, kind=cython.longlong, j=cython.longlong,
    total=cython.double, mass=cython.double
)
cdef void expire(Kernel k, long long s, long long gone) noexcept

@cython.locals(at=cython.longlong, slot=cython.longlong, s=cython.longlong, column=cython.longlong)
cdef void bury(Kernel k, long long i, long long old, long long cols) noexcept

@cython.locals(cols=cython.longlong, at=cython.longlong, total=cython.double, j=cython.longlong)
cdef double composed(Kernel k, long long s, long long column) noexcept

@cython.locals(cols=cython.longlong, at=cython.longlong, last=cython.longlong, j=cython.longlong)
cdef void spill(Kernel k, long long s, long long column) noexcept

@cython.locals(f=cython.longlong, row=cython.longlong, left=cython.double)
cdef void expire_branch(Kernel k, long long s, long long old) noexcept

@cython.locals(passed=cython.double, whole=cython.longlong)
cdef void turn_clock(Kernel k, long long c) noexcept

@cython.locals(
    c=cython.longlong, column=cython.longlong, row=cython.longlong, w=cython.longlong,
    total=cython.double
)
cdef void arrive(Kernel k, long long s) noexcept

@cython.locals(tokens=cython.double)
cdef void refill(Kernel k, long long s, double fresh) noexcept

@cython.locals(
    size=cython.longlong, total=cython.double, t=cython.longlong, at=cython.longlong,
    a=cython.longlong, x=cython.double
)
cdef double due_retries(Kernel k, long long s, long long row) noexcept

cdef void push(Kernel k, long long i, long long column, long long bucket, double mass) noexcept

@cython.locals(j=cython.longlong)
cdef void depart(Kernel k, long long i, long long column, long long bucket, double mass) noexcept

@cython.locals(following=cython.longlong)
cdef void leave(Kernel k, long long i, long long column, long long bucket, double mass) noexcept

@cython.locals(kind=cython.longlong, cols=cython.longlong, c=cython.longlong, w=cython.longlong)
cdef void scope_done(Kernel k, long long s, long long column, double mass) noexcept

cdef void scope_result(Kernel k, long long s, double good, double bad) noexcept

@cython.locals(
    owner=cython.longlong, parent=cython.longlong, cols=cython.longlong, at=cython.longlong,
    low=cython.longlong, high=cython.longlong, total=cython.double, b=cython.longlong,
    part=cython.double, x=cython.double
)
cdef void hand_back(Kernel k, long long s, long long column, double mass, long long kind) noexcept

@cython.locals(x=cython.double, kept=cython.double)
cdef void deliver(Kernel k, long long owner, long long column, long long bucket, double mass, long long kind) noexcept

@cython.locals(
    s=cython.longlong, cols=cython.longlong, base=cython.longlong, done=cython.double,
    first=cython.longlong, high=cython.longlong, low=cython.longlong, b=cython.longlong,
    x=cython.double, d=cython.double
)
cdef void finish_joined(Kernel k, long long i) noexcept

@cython.locals(busy=cython.double, draining=cython.double, total=cython.double, part=cython.double)
cdef void give_back(Kernel k, long long g, double mass) noexcept

@cython.locals(j=cython.longlong)
cpdef void fail(Kernel k, long long i, long long column, double mass, long long kind) noexcept

@cython.locals(cols=cython.longlong, scope=cython.longlong)
cdef void forget(Kernel k, long long s, long long column, double mass, long long kind) noexcept

@cython.locals(w=cython.longlong)
cdef void worker_failed(Kernel k, long long s, double mass) noexcept

@cython.locals(
    c=cython.longlong, again=cython.double, base=cython.longlong, total=cython.double,
    early=cython.double, a=cython.longlong, inner=cython.longlong
)
cdef void attempt_failed(Kernel k, long long s, long long column, double mass, long long kind) noexcept

@cython.locals(
    size=cython.longlong, wait=cython.double, cols=cython.longlong, at=cython.longlong,
    total=cython.double, whole=cython.double, a=cython.longlong, j=cython.longlong, x=cython.double,
    part=cython.double, first=cython.longlong, last=cython.longlong, each=cython.double,
    t=cython.longlong, slot=cython.longlong, to=cython.longlong
)
cdef void schedule_retries(Kernel k, long long s, long long column, long long base, double per_attempt) noexcept

@cython.locals(
    d=cython.longlong, p=cython.longlong, wanted=cython.double, cores=cython.double,
    slow=cython.double, busy=cython.double
)
cdef void contention(Kernel k) noexcept

@cython.locals(
    g=cython.longlong, limit=cython.double, x=cython.double, back=cython.double, free=cython.double,
    now=cython.double
)
cdef void open_doors(Kernel k) noexcept

@cython.locals(waiting=cython.double, coming=cython.double, kept=cython.double, most=cython.double, busy=cython.double)
cdef double held_back(Kernel k, long long g, double limit, double x, double free) noexcept

@cython.locals(v=cython.longlong)
cdef bint shared(Kernel k, long long g) noexcept
cdef double expected(Kernel k, long long g) noexcept

@cython.locals(
    low=cython.longlong, high=cython.longlong, middle=cython.longlong,
    gained=cython.double, part=cython.double, waiting=cython.double
)
cdef double queue_at(Kernel k, long long table, double busy) noexcept

@cython.locals(chance=cython.double, even=cython.double)
cdef double turns(double x, double scatter) noexcept

@cython.locals(low=cython.double, at=cython.double, j=cython.longlong)
cdef double look_up(Kernel k, long long table, double x) noexcept

@cython.locals(waiting=cython.double, room=cython.double, spread=cython.double)
cdef double emptied(Kernel k, long long g) noexcept

@cython.locals(h=cython.longlong, waiting=cython.double, elsewhere=cython.double, pressed=cython.double)
cdef double enclosed(Kernel k, long long g, double spread) noexcept

@cython.locals(more=cython.double)
cdef double within(Kernel k, long long g) noexcept

@cython.locals(came=cython.double, more=cython.double, limit=cython.double, before=cython.double)
cdef void foresee(Kernel k, long long g, double wanted) noexcept
cdef double usable(Kernel k, long long g, double limit) noexcept

@cython.locals(
    low=cython.longlong, high=cython.longlong, s=cython.longlong, cols=cython.longlong,
    base=cython.longlong, p=cython.longlong, done=cython.double, total=cython.double,
    first=cython.longlong, b=cython.longlong, x=cython.double, j=cython.longlong, d=cython.double
)
cdef void finish_queries(Kernel k, long long i) noexcept

@cython.locals(
    d=cython.longlong, waiting=cython.bint, end_s=cython.double, free=cython.double,
    more=cython.bint
)
cdef void open_connections(Kernel k, long long p) noexcept

@cython.locals(inside=cython.double)
cdef double usable_open(Kernel k, long long p, double coming) noexcept

@cython.locals(used=cython.double, p=cython.longlong)
cdef double slots_used(Kernel k, long long d) noexcept

@cython.locals(x=cython.double)
cdef double stay(Kernel k, long long i, double slow) noexcept

@cython.locals(
    e=cython.longlong, slow=cython.double, opened=cython.double, free=cython.double,
    limit=cython.double, need=cython.double, mark=cython.longlong, last=cython.longlong,
    part=cython.double, f=cython.longlong, share=cython.double, x=cython.double,
    following=cython.longlong, i=cython.longlong, b=cython.longlong
)
cdef void serve_pool(Kernel k, long long p) noexcept

@cython.locals(
    patience=cython.double, lost=cython.double, limit=cython.double, given_up=cython.double,
    e=cython.longlong, x=cython.double, following=cython.longlong
)
cdef void run_out(Kernel k, long long p) noexcept

@cython.locals(s=cython.longlong, b=cython.longlong)
cpdef long long entry_column(Kernel k, long long e) noexcept

@cython.locals(i=cython.longlong, column=cython.longlong)
cdef void give_up(Kernel k, long long q, long long e, double mass, long long kind) noexcept

cdef void blame(Kernel k, long long i, double mass) noexcept

@cython.locals(cols=cython.longlong, column=cython.longlong, kept=cython.double, done=cython.double)
cdef void take(Kernel k, long long p, long long i, long long bucket, double mass, double slow) noexcept

@cython.locals(
    p=cython.longlong, s=cython.longlong, cols=cython.longlong, total=cython.double,
    slow=cython.double, share=cython.double, base=cython.longlong, low=cython.longlong,
    high=cython.longlong, b=cython.longlong, x=cython.double, column=cython.longlong,
    rest=cython.double, room=cython.double, kept=cython.double, younger=cython.longlong
)
cdef void query(Kernel k, long long i) noexcept

@cython.locals(x=cython.double)
cdef void ask(Kernel k, long long i, long long p, long long column, long long bucket, double mass, double share, double slow) noexcept

@cython.locals(e=cython.longlong)
cdef void append(Kernel k, long long q, long long i, long long bucket, double mass) noexcept

cpdef void insert_after(Kernel k, long long q, long long e, double mass) noexcept

@cython.locals(n=cython.longlong, after=cython.longlong)
cdef void link(Kernel k, long long q, long long before, long long i, long long bucket, long long tick, double mass) noexcept

@cython.locals(before=cython.longlong, after=cython.longlong)
cdef void unlink(Kernel k, long long q, long long e) noexcept

@cython.locals(e=cython.longlong)
cdef void shed_older(Kernel k, long long g, long long q, long long tick) noexcept

@cython.locals(
    q=cython.longlong, order=cython.longlong, limit=cython.longlong, e=cython.longlong,
    x=cython.double, i=cython.longlong, b=cython.longlong, s=cython.longlong, got=cython.double, gone=cython.double,
    lost=cython.double
)
cdef void serve_group(Kernel k, long long g) noexcept

@cython.locals(late=cython.double)
cdef double last_ticks(Kernel k, long long g, long long s) noexcept

cdef double ticks_left(Kernel k, long long s, long long b) noexcept

cdef bint too_late(Kernel k, long long g, long long s, long long b) noexcept

@cython.locals(
    s=cython.longlong, mean=cython.double, left=cython.double, hold=cython.double, part=cython.double,
    lost=cython.double
)
cdef double leave_early(Kernel k, long long i, long long g, long long b, double mass) noexcept

cdef void shed_mass(Kernel k, long long g, long long q, long long e, double mass) noexcept

@cython.locals(j=cython.longlong)
cdef void admit(Kernel k, long long i, long long g, long long column, long long bucket, double mass) noexcept

@cython.locals(
    s=cython.longlong, cols=cython.longlong, ring=cython.longlong, c=cython.longlong,
    at=cython.longlong, passed=cython.longlong, oldest=cython.longlong, total=cython.double,
    t=cython.longlong, low=cython.longlong, high=cython.longlong, base=cython.longlong,
    slot=cython.longlong, x=cython.double, b=cython.longlong, j=cython.longlong
)
cdef void work(Kernel k, long long i) noexcept

@cython.locals(
    which=cython.longlong, first=cython.longlong, ring=cython.longlong, now=cython.double,
    later=cython.double, speed=cython.double, j=cython.longlong, slot=cython.longlong,
    r=cython.longlong
)
cdef double spread(Kernel k, long long i, long long column, long long bucket, double mass, long long at, long long cols) noexcept

@cython.locals(
    i=cython.longlong, cols=cython.longlong, at=cython.longlong, ring=cython.longlong,
    j=cython.longlong, first=cython.longlong, r=cython.longlong, base=cython.longlong,
    t=cython.longlong, column=cython.longlong, slot=cython.longlong, to=cython.longlong,
    q=cython.longlong, stride=cython.longlong, behind=cython.double,
    whole=cython.double, rest=cython.double, share=cython.double, x=cython.double
)
cdef void refine(Kernel k) noexcept

@cython.locals(rest=cython.double)
cdef double weight_behind(Kernel k, long long i, long long j, double behind) noexcept

@cython.locals(cols=cython.longlong, base=cython.longlong, total=cython.double, b=cython.longlong)
cdef double arrivals(Kernel k, long long i) noexcept

@cython.locals(
    s=cython.longlong, cols=cython.longlong, base=cython.longlong, low=cython.longlong,
    high=cython.longlong, w=cython.longlong, b=cython.longlong, x=cython.double
)
cdef void split(Kernel k, long long i) noexcept

@cython.locals(j=cython.longlong, x=cython.double)
cdef void part_ways(Kernel k, long long i, long long w, long long column, long long bucket, double mass) noexcept

@cython.locals(
    whole=cython.double, v=cython.longlong, s=cython.longlong, cols=cython.longlong, base=cython.longlong,
    total=cython.double, low=cython.longlong, high=cython.longlong, first=cython.longlong,
    last=cython.longlong, pods=cython.longlong, j=cython.longlong, rest=cython.double,
    limited=cython.double, n=cython.longlong, failing=cython.double, alive=cython.double,
    b=cython.longlong, x=cython.double, allowed=cython.double, g=cython.longlong, q=cython.longlong,
    room=cython.double, d=cython.longlong
)
cdef void enter(Kernel k, long long i) noexcept

@cython.locals(left=cython.double, alive=cython.double, j=cython.longlong, g=cython.longlong, x=cython.double)
cdef void receive(Kernel k, long long i, long long first, long long last, long long pods, long long column, long long bucket, double mass, double limited, double failing) noexcept

@cython.locals(
    first=cython.longlong, last=cython.longlong, j=cython.longlong, scale=cython.double,
    left=cython.double, g=cython.longlong, full=cython.double, p=cython.double,
    wanted=cython.double, own=cython.longlong, other=cython.longlong, m=cython.longlong, room=cython.double,
    got=cython.double, h=cython.longlong, queued=cython.double, lead=cython.double,
    pairs=cython.double, mixed=cython.double, either=cython.double, live=cython.longlong
)
cdef void balance(Kernel k, long long i, double total, double rest, double whole, long long pods) noexcept

@cython.locals(
    served=cython.double, each=cython.double, before=cython.double, base=cython.double, gap=cython.double,
    rest=cython.double, refused=cython.double, apart=cython.double, z=cython.double,
    even=cython.double, luck=cython.double, h=cython.longlong
)
cdef double fitting(Kernel k, long long g, double mass, double coming, double room) noexcept

@cython.locals(low=cython.double, high=cython.double, z=cython.double, _=cython.longlong)
cdef double short_of(Kernel k, double missing) noexcept

@cython.locals(lead=cython.double, gain=cython.double, apart=cython.double)
cdef double leading(Kernel k, long long g, long long h, long long own, long long other, double pairs) noexcept

@cython.locals(apart=cython.double, lead=cython.double, mine=cython.double, theirs=cython.double)
cpdef double emptier(double[::1] sway, double[::1] loads, double[::1] free, long long j, long long m) noexcept

cdef bint narrow(double[::1] sway, double[::1] free, long long j) noexcept

@cython.locals(
    j=cython.longlong, m=cython.longlong, load=cython.double, coming=cython.double, ahead=cython.double,
    apart=cython.double, near=cython.double, room=cython.double
)
cpdef void sways(
    double[::1] into, double[::1] loads, double[::1] free, double[::1] holds, double[::1] parts, long long kinds, long long pods
) noexcept

cdef double settled(double load, double pull) noexcept

@cython.locals(x=cython.double)
cdef double lasting(Kernel k, long long g) noexcept

@cython.locals(waiting=cython.double, spread=cython.double)
cdef void scatter(Kernel k, long long g) noexcept

@cython.locals(z=cython.double)
cdef double full_share(Kernel k, long long g) noexcept

@cython.locals(
    s=cython.longlong, parent=cython.longlong, cols=cython.longlong, column=cython.longlong,
    row=cython.longlong, total=cython.double, due=cython.double, permitted=cython.double,
    base=cython.longlong, low=cython.longlong, high=cython.longlong, b=cython.longlong,
    x=cython.double
)
cdef void call(Kernel k, long long i) noexcept

@cython.locals(
    parent=cython.longlong, cols=cython.longlong, t=cython.longlong, at=cython.longlong,
    b=cython.longlong, x=cython.double
)
cdef void call_again(Kernel k, long long i, long long s, long long row, long long column, double permitted) noexcept

@cython.locals(x=cython.double)
cdef void open_call(Kernel k, long long i, long long s, long long row, long long column, long long mine, long long bucket, double mass, double permitted, long long fresh) noexcept

@cython.locals(
    s=cython.longlong, cols=cython.longlong, column=cython.longlong, row=cython.longlong,
    base=cython.longlong, low=cython.longlong, high=cython.longlong, total=cython.double,
    at=cython.longlong, b=cython.longlong, x=cython.double, j=cython.longlong
)
cdef void fork(Kernel k, long long i) noexcept

@cython.locals(
    first=cython.longlong, last=cython.longlong, s=cython.longlong, cols=cython.longlong,
    parent=cython.longlong, b=cython.longlong, left=cython.double, j=cython.longlong,
    zombies=cython.double, row=cython.longlong, size=cython.double, done=cython.double,
    sound=cython.double, kept=cython.double, lost=cython.double, joined=cython.double,
    r=cython.longlong, x=cython.double
)
cdef void join_branches(Kernel k, long long i) noexcept

@cython.locals(mass=cython.double)
cdef double worker_submit(Kernel k, long long w) noexcept

@cython.locals(now_s=cython.double, free=cython.double, part=cython.double)
cdef double permit(Kernel k, long long n, double wanted) noexcept

cdef void breaker_result(Kernel k, long long n, double good, double bad) noexcept

@cython.locals(
    good=cython.double, bad=cython.double, size=cython.double, head=cython.longlong,
    at=cython.longlong, total=cython.double, broken=cython.double, kept=cython.longlong,
    enough=cython.double
)
cdef void breaker_judge(Kernel k, long long n, bint idle, double now_s) noexcept

@cython.locals(left=cython.double, slowest=cython.double, j=cython.longlong)
cdef double late_one(Kernel k, double calls) noexcept

@cython.locals(
    whole=cython.longlong, mark=cython.double, exactly=cython.double, fewer=cython.double,
    failed=cython.longlong, _=cython.longlong
)
cdef bint unlucky(Kernel k, long long n, double calls, double share) noexcept

cdef void breaker_move(Kernel k, long long n, long long state, double now_s) noexcept

@cython.locals(
    end_s=cython.double, p=cython.longlong, v=cython.longlong, n=cython.longlong, g=cython.longlong,
    w=cython.longlong, s=cython.longlong, at=cython.longlong, d=cython.longlong,
    tokens=cython.double, busy=cython.double, full=cython.bint, hold=cython.double, c=cython.longlong
)
cdef void end_of_step(Kernel k) noexcept

@cython.locals(
    apart=cython.double, square=cython.double, servers=cython.longlong, share=cython.double, above=cython.double,
    n=cython.longlong, m=cython.longlong, both=cython.double
)
cpdef void descend(double[::1] tail, double exactly, double load, double again) noexcept

@cython.locals(x=cython.double, n=cython.longlong, m=cython.longlong)
cpdef long long queued(double[::1] into, double ratio, double most) noexcept

@cython.locals(
    high=cython.double, low=cython.double, x=cython.double, both=cython.double, back=cython.double,
    unsure=cython.double, n=cython.longlong
)
cpdef double total(double[::1] values, long long count) noexcept

cpdef double exact(double[::1] values, long long count) noexcept

@cython.locals(servers=cython.longlong, count=cython.longlong, ratio=cython.double)
cpdef double share_out(double[::1] tail, double[::1] waiting, double full, double load, double again) noexcept

@cython.locals(middle=cython.double, _=cython.longlong)
cpdef double fullest(
    double[::1] tail, double[::1] waiting, double load, double again, double low, double high
) noexcept

@cython.locals(n=cython.longlong)
cpdef double weighed(double[::1] values, long long count, long long most) noexcept

@cython.locals(x=cython.double, top=cython.double, n=cython.longlong)
cpdef void crowded(double[::1] weights, long long servers, double load) noexcept

@cython.locals(blocked=cython.double, n=cython.longlong)
cpdef double erlang_b(long long servers, double load) noexcept

@cython.locals(i=cython.longlong)
cpdef void lapse(double[::1] gone, double[::1] rest, double[::1] filled, double part) noexcept

@cython.locals(
    hits=cython.double, i=cython.longlong, before=cython.double, left=cython.double, read=cython.double,
    rate=cython.double, after=cython.double, mean=cython.double, steady=cython.double, part=cython.double,
    over=cython.double, came=cython.double
)
cpdef double fill_cache(
    double[::1] held, double[::1] filled, double[::1] gone, double[::1] share, double[::1] keys, double per_s,
    double seconds, double life
) noexcept

@cython.locals(i=cython.longlong)
cpdef double asked_for(
    double[::1] into, double[::1] share, double[::1] keys, double per_s, double seconds
) noexcept

@cython.locals(low=cython.double, high=cython.double, middle=cython.double, _=cython.longlong)
cpdef double characteristic_s(
    double[::1] into, double[::1] share, double[::1] keys, double per_s, double capacity
) noexcept
