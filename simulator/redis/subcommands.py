"""How many words each subcommand takes, as COMMAND INFO has it (negative: at least so many), and the complaints."""

from __future__ import annotations

from simulator.redis.replies import Error

_SPEC = """
acl cat:-2 deluser:-3 dryrun:-4 genpass:-2 getuser:3 help:2 list:2 load:2 log:-2 save:2 setuser:-3 users:2 whoami:2
client caching:3 getname:2 getredir:2 help:2 id:2 info:2 kill:-3 list:-2 no-evict:3 no-touch:3 pause:-3 reply:3
client setname:3 tracking:-3 trackinginfo:2 unblock:-3 unpause:2
cluster addslots:-3 addslotsrange:-4 bumpepoch:2 count-failure-reports:3 countkeysinslot:3 delslots:-3 delslotsrange:-4
cluster failover:-2 flushslots:2 forget:3 getkeysinslot:4 help:2 info:2 keyslot:3 links:2 meet:-4 myid:2 nodes:2
cluster replicas:3 replicate:3 reset:-2 saveconfig:2 set-config-epoch:3 setslot:-4 shards:2 slaves:3 slots:2
command count:2 docs:-2 getkeys:-4 getkeysandflags:-4 help:2 info:-2 list:-2
config get:-3 help:2 resetstat:2 rewrite:2 set:-4
function delete:3 dump:2 flush:-2 help:2 kill:2 list:-2 load:-3 restore:-3 stats:2
latency doctor:2 graph:3 help:2 histogram:-2 history:3 latest:2 reset:-2
memory doctor:2 help:2 malloc-stats:2 purge:2 stats:2 usage:-3
module help:2 list:2 load:-3 loadex:-3 unload:3
object encoding:3 freq:3 help:2 idletime:3 refcount:3
pubsub channels:-2 help:2 numpat:2 numsub:-2 shardchannels:-2 shardnumsub:-2
script debug:3 exists:-3 flush:-2 help:2 kill:2 load:3
slowlog get:-2 help:2 len:2 reset:2
xgroup create:-5 createconsumer:5 delconsumer:5 destroy:4 help:2 setid:-5
xinfo consumers:4 groups:3 help:2 stream:-3
"""


def _read() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in _SPEC.strip().splitlines():
        name, *words = line.split()
        found.setdefault(name, {}).update(
            (word.partition(":")[0], int(word.partition(":")[2])) for word in words
        )
    return found


ARITIES = _read()


def wrong(argv: list[str]) -> Error | None:
    """Why a command with subcommands is refused before it runs."""
    name = argv[0].lower()
    known = ARITIES.get(name)
    if known is None or len(argv) < 2:
        return None
    arity = known.get(argv[1].lower())
    if arity is None:
        return Error(f"ERR unknown subcommand '{argv[1][:128]}'. Try {name.upper()} HELP.")
    if (arity > 0 and len(argv) != arity) or len(argv) < -arity:
        return Error(f"ERR wrong number of arguments for '{name}|{argv[1].lower()}' command")
    return None
