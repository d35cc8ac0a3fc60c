"""The registry of rooms: one line each. Order is that of building and of each second."""

from simulator.backups.room import ROOM as BACKUPS
from simulator.codebase.room import ROOM as CODEBASE
from simulator.dns.room import ROOM as DNS
from simulator.facade.room import ROOM as FACADE
from simulator.faults.room import ROOM as FAULTS
from simulator.flags.room import ROOM as FLAGS
from simulator.histories.room import ROOM as HISTORIES
from simulator.kafka.room import ROOM as KAFKA
from simulator.kubernetes.room import ROOM as KUBERNETES
from simulator.patroni.room import ROOM as PATRONI
from simulator.planning.room import ROOM as PLANNING
from simulator.postgres.room import ROOM as POSTGRES
from simulator.quorum.room import ROOM as QUORUM
from simulator.redis.room import ROOM as REDIS
from simulator.room import Room
from simulator.sagas.room import ROOM as SAGAS
from simulator.shards.room import ROOM as SHARDS
from simulator.standby.room import ROOM as STANDBY
from simulator.traffic.room import ROOM as TRAFFIC

ROOMS: tuple[Room, ...] = (
    FLAGS,
    TRAFFIC,
    KUBERNETES,
    DNS,
    STANDBY,
    PATRONI,
    QUORUM,
    POSTGRES,
    PLANNING,
    CODEBASE,
    FACADE,
    SHARDS,
    REDIS,
    HISTORIES,
    KAFKA,
    SAGAS,
    BACKUPS,
    FAULTS,
)
