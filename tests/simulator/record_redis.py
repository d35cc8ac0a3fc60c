"""Record what a real redis-server answers: `python tests/simulator/record_redis.py REDIS-CLI PORT`.

Writes fixtures/redis/replies.json: lines as redis-cli reads them, with its replies as a terminal shows them.
Plain test runs need neither a server nor this script. The server must be an empty one of version 7.0.
"""

import json
import subprocess
import sys
from pathlib import Path

LINES = """
SET a 1|GET a|GET nothing|INCR a|INCRBY a 10|DECR a|INCRBYFLOAT a 0.1|INCR a|APPEND a x|STRLEN a|GETRANGE a 0 1|SETRANGE s 3 xy
GET s|SETEX t 100 v|TTL t|PERSIST t|TTL t|TTL nothing|SET n 1 NX|SET n 2 NX|SET n 3 XX|SET n 4 GET|SET n 5 EX 0|SET n 5 FOO
MSET k1 a k2 b|MGET k1 k2 k3|MSETNX k1 z k9 z|GETDEL k2|GETSET k1 c|EXISTS k1 k1 nothing|TYPE k1|TYPE nothing|DEL k1 nothing
LPUSH l a b c|RPUSH l d|LRANGE l 0 -1|LRANGE l 5 9|LINDEX l 0|LINDEX l 9|LSET l 0 z|LSET l 9 z|LSET nothing 0 z|LREM l 1 a
LINSERT l BEFORE b q|LINSERT l AROUND b q|LPOP l|LPOP l 2|RPOP nothing|LTRIM l 0 0|LLEN l|LPOP l -1|RPOPLPUSH l m|LRANGE m 0 -1
HSET h f 1 g 2|HSET h f 3|HGET h f|HGET h z|HGETALL h|HMGET h f z|HKEYS h|HVALS h|HLEN h|HEXISTS h f|HINCRBY h f 5|HINCRBY h x y
HINCRBYFLOAT h g 0.5|HDEL h f z|HSETNX h g 1|HSET h f|HGETALL nothing|HSTRLEN h g|SADD s2 3 1 2|SMEMBERS s2|SADD s2 1|SCARD s2
SISMEMBER s2 1|SREM s2 1 9|SMISMEMBER s2 2 9|SADD s3 2 7|SINTER s2 s3|SUNION s2 s3|SDIFF s2 s3|SUNIONSTORE s4 s2 s3|SMOVE s2 s3 3
ZADD z 1 a 2 b 3 c|ZADD z 5 a|ZADD z NX 9 a|ZADD z CH 6 a|ZADD z x a|ZSCORE z a|ZSCORE z q|ZRANGE z 0 -1 WITHSCORES
ZREVRANGE z 0 0|ZRANGEBYSCORE z (2 +inf|ZRANGEBYSCORE z x 2|ZCOUNT z -inf +inf|ZRANK z c|ZREVRANK z c|ZINCRBY z 0.1 b|ZREM z a q
ZPOPMIN z|ZCARD z|ZADD z NX XX 1 a|ZRANGE z 0 -1 LIMIT 0 1|ZADD y 0.1 a 1e20 b|ZRANGE y 0 -1 WITHSCORES|ZRANGE y 0 1 REV
GET l|LPUSH a x|HGET a b|ZADD a 1 x|SADD a 1|XADD x 1-1 f v|XADD x 1-1 f v|XADD x 0-0 f v|XADD x 2-* f v|XLEN x|XRANGE x - +
XRANGE x 2 +|XREVRANGE x + - COUNT 1|XADD x abc f v|XDEL x 1-1|XADD x 3-1 f|XREAD STREAMS x 0|XREAD COUNT 1 STREAMS x|GET
FOO|FOO bar baz|SET a|EXPIRE a x|EXPIRE a 100 NX|EXPIRE a 10 GT|EXPIRE a 10 FOO|EXPIRE nothing 10|RENAME nothing b|RENAME n n2
GET n2|MULTI|SET tx 1|INCR tx|GET tx|EXEC|EXEC|DISCARD|MULTI|SET|EXEC|MULTI|INCR m|EXEC|MULTI|MULTI|DISCARD|WATCH a
CONFIG GET maxmemory-policy|CONFIG SET maxmemory-policy foo|CONFIG SET nothing 1|CONFIG SET maxmemory 100mb|CONFIG GET maxmemory
CONFIG SET maxmemory x|CONFIG SET port 1|CONFIG FOO|OBJECT ENCODING a|OBJECT ENCODING h|OBJECT ENCODING s2|OBJECT ENCODING nothing
OBJECT ENCODING l|OBJECT FREQ a|SELECT 1|DBSIZE|SELECT 99|SELECT x|SELECT 0|PING|PING hi|ECHO "a b"|SET q "a\\nb \\x01"|GET q
CLUSTER INFO|DEBUG SLEEP 1|AUTH x|SCAN x|SCAN 0 MATCH q*|SCAN 0 COUNT 0|SLOWLOG LEN|SLOWLOG FOO|GETRANGE a x 1|SETRANGE a -1 x
PEXPIRE a 100000|DECRBY c 9223372036854775807|INCRBY c -2|DECRBY c 5|INCRBY c x|SETNX a 1|EXPIRETIME nothing|UNLINK a nothing
"""


def lines() -> list[str]:
    return [line for row in LINES.strip().splitlines() for line in row.split("|")]


def main() -> None:
    cli, port = sys.argv[1], sys.argv[2]
    found = []
    text = "\n".join(lines()) + "\n"
    for line, reply in zip(lines(), _replies(cli, port, text), strict=True):
        found.append([line, reply])
    path = Path(__file__).parent / "fixtures" / "redis" / "replies.json"
    path.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def _replies(cli: str, port: str, text: str) -> list[str]:
    """One connection for all lines, so that MULTI and SELECT last; an ECHO marks each reply's end."""
    mark = "---end---"
    asked = "".join(f"{line}\n" for line in text.splitlines())
    found: list[str] = []
    # an ECHO inside MULTI would be queued: the reply is then QUEUED, which is the mark as well
    process = subprocess.Popen(
        [cli, "-p", port, "--no-raw"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    out, _ = process.communicate(asked)
    # replies are told apart by their shape: an array goes on while its lines are numbered or indented
    for row in out.split("\n")[:-1]:
        goes_on = found and (
            row[:1] == " " or (row.lstrip()[:1].isdigit() and not row.lstrip().startswith("1)"))
        )
        if goes_on and mark not in row:
            found[-1] += row + "\n"
        else:
            found.append(row + "\n")
    return found


if __name__ == "__main__":
    main()
