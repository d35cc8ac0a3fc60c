"""One file a technology, or two that belong together; each holds `FAULTS`. `ALL` is their order in the catalogue."""

from simulator.faults.fault import Fault
from simulator.faults.kinds.business import FAULTS as BUSINESS
from simulator.faults.kinds.caches import FAULTS as CACHES
from simulator.faults.kinds.kafka import FAULTS as KAFKA
from simulator.faults.kinds.kubernetes import FAULTS as KUBERNETES
from simulator.faults.kinds.network import FAULTS as NETWORK
from simulator.faults.kinds.postgres import FAULTS as POSTGRES
from simulator.faults.kinds.services import FAULTS as SERVICES
from simulator.faults.kinds.shards import FAULTS as SHARDS
from simulator.faults.kinds.traffic import FAULTS as TRAFFIC

ALL: tuple[Fault, ...] = (
    *SERVICES,
    *KUBERNETES,
    *NETWORK,
    *KAFKA,
    *POSTGRES,
    *CACHES,
    *SHARDS,
    *BUSINESS,
    *TRAFFIC,
)
