"""Numbers the kernel and its hosts share: kinds of nodes and scopes, ways to fail, limits."""

ENTER, WORK, QUERY, CPU, CALL, FORK, SPLIT = 0, 1, 2, 3, 4, 5, 6
CLIENT, WORKER, CALLER, BRANCH = 0, 1, 2, 3
FIFO, LIFO, CODEL = 0, 1, 2
GO, REJECTED, TIMEOUT, ERROR = -1, 0, 1, 2
CLOSED, HALF_OPEN, OPEN = 0, 1, 2
TINY = 1e-12
FAR = 1 << 60
MERGE = 0.05  # less than this much of a request joins its bucket's younger neighbour in a queue
FLUSH = 1e-4  # a remainder of less than this much of one request finishes at once
SPREAD = 2.3  # in flight per pod around its group's mean under two choices: measured on the exact engine
BRISK = 3.0  # turns a step from which on a station is taken to be at rest within it
LATE_SHARE = 0.05  # of a step in the average of what came too late
EVEN = 1.8503  # deviation among many large pods under two choices: pi / sqrt(6) / log(2), of a Gumbel distribution
MAX_ATTEMPTS = 8  # attempts beyond the eighth are counted as the eighth
ATTEMPTS = MAX_ATTEMPTS + 1
STRIDE = 4  # ticks of a long step
WINDOW = 72  # pieces a breaker's sliding window is kept in
LUCK = 64  # draws ready for the verdicts of a breaker
LUCKY = 200  # half-open calls beyond which luck evens out
GRID = 512  # steps of a station's table up to NEAR servers' worth of content
NEAR = 8.0
WIDE = 256  # further steps up to REACH
REACH = 72.0
INFINITE = 1e300
FAINT, GREAT = 1e-18, 1e200  # of weights: below notice, and beyond what need be held
ALL = 1e20  # so much likelier in a queue than without one: what is left is beyond a float's last digit
