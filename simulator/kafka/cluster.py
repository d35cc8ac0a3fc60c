"""Kafka's tools about the cluster itself: API versions, log directories, the quorum, reassignments, ACLs, features."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.engine.streams import bits, key_of
from simulator.kafka import admin
from simulator.kafka.options import Usage, Words, parse, unreachable
from simulator.kafka.state import PORT, broker_id, first_up, kafka_of, topics_of, up
from simulator.reply import Reply, failure
from simulator.scenario import Text
from simulator.shell import files
from simulator.tool import Tool

if TYPE_CHECKING:
    from simulator.world import World

RECORD_BYTES = 112  # a record with its share of the batch's header
VALUED = (
    "bootstrap-server", "bootstrap-controller", "broker-list", "command-config", "topic", "topic-list", "topics-to-move-json-file",
    "reassignment-json-file", "offset-json-file", "files", "throttle", "timeout", "producer-id", "transactional-id", "max-read-size",
    "principal", "operation", "allow-principal", "deny-principal", "group", "consumer", "producer", "topic-white-list", "time", "fetch-size",
    "num-records", "record-size", "throughput", "producer-props", "producer.config", "messages", "consumer.config", "threads", "broker",
    "partitions", "topic-partitions", "report-interval-ms", "max-wait-ms", "feature", "upgrade", "downgrade", "allow-host", "deny-host",
)  # fmt: skip
FLAGS = (
    "describe", "list", "verify", "execute", "generate", "cancel", "add", "remove", "print-data-log", "deep-iteration", "version", "status",
    "replication", "human-readable", "additional", "preserve-throttles", "cluster", "verify-index-only", "index-sanity-check", "force",
    "show-detailed-stats", "hide-header", "print-metrics",
)  # fmt: skip
ACCESS = Text(
    ru="# у роли oncall нет прав менять кластер; смотреть можно: kafka-topics --describe, kafka-log-dirs --describe",
    en="# the on-call role may not change the cluster; it may look: kafka-topics --describe, kafka-log-dirs --describe",
)
PERF = Text(
    ru="# нагрузку здесь даёт трафик сценария; скорость и задержки покажут promql и kafka-get-offsets",
    en="# the scenario's traffic is the load here; rates and delays are in promql and kafka-get-offsets",
)


def cluster_id(world: World) -> str:
    key = key_of(world.seed, "kafka", "cluster")
    return (
        base64.urlsafe_b64encode(bits(key, 1).to_bytes(8, "big") + bits(key, 2).to_bytes(8, "big"))
        .decode()
        .rstrip("=")
    )


Do = Callable[["World", Words, str], Reply]


def _tool(do: Do) -> Callable[[World, list[str], str], Reply]:
    def run(world: World, argv: list[str], stdin: str) -> Reply:
        try:
            words = parse([argv[0], *_properties(argv[1:])], VALUED, FLAGS)
        except Usage as usage:
            return failure(str(usage), 1)
        return unreachable() if first_up(world) is None else do(world, words, argv[0].removesuffix(".sh"))

    return run


def _properties(words: list[str]) -> list[str]:
    """`--producer-props a=b c=d`: what follows the first pair is dropped, the options stay."""
    return [
        word
        for at, word in enumerate(words)
        if word.startswith("--") or "=" not in word or words[at - 1].startswith("--")
    ]


def denied(world: World, why: str) -> Reply:
    head = f"[{world.at(world.now_s):%Y-%m-%d %H:%M:%S},000]"
    return failure(
        f"Error while executing {why} : Authorization failed.\n{head} ERROR org.apache.kafka.common.errors.ClusterAuthorizationException: "
        f"Authorization failed.\n{ACCESS.of(world.language)}", 1
    )  # fmt: skip


def _api_versions(world: World, _words: Words, _name: str) -> Reply:
    out = ""
    for name in (n for n in kafka_of(world).brokers if up(world, n)):
        out += f"{name}:{PORT} (id: {broker_id(world, name)} rack: null) -> (\n\tProduce(0): 0 to 10 [usable: 10],\n\tFetch(1): 0 to 16 [usable: 16],\n"
        out += "\tListOffsets(2): 0 to 8 [usable: 8],\n\tMetadata(3): 0 to 12 [usable: 12],\n\tApiVersions(18): 0 to 3 [usable: 3]\n)\n"
    return Reply(out)


def _log_dirs(world: World, words: Words, _name: str) -> Reply:
    if not words.has("describe"):
        return failure('Missing required argument "[describe]"', 1)
    topics = [t for t in words.get("topic-list").split(",") if t]
    brokers = [b for b in words.get("broker-list").split(",") if b]
    chosen = [
        n
        for n in kafka_of(world).brokers
        if up(world, n) and (not brokers or str(broker_id(world, n)) in brokers)
    ]
    found = []
    for name in chosen:
        parts = [
            {"partition": part.name, "size": part.watermark * RECORD_BYTES, "offsetLag": 0, "isFuture": False}
            for topic, made in topics_of(world).items()
            if not topics or topic in topics
            for part in made.partitions
            if any(copy.name == name for copy in part.copies)
        ]
        found.append(
            {
                "broker": broker_id(world, name),
                "logDirs": [{"partitions": parts, "error": None, "logDir": "/var/lib/kafka/data"}],
            }
        )
    listed = ",".join(str(broker_id(world, n)) for n in chosen)
    return Reply(
        f"Querying brokers for log directories information\nReceived log directory information from brokers {listed}\n"
        + json.dumps({"version": 1, "brokers": found}, separators=(",", ":")) + "\n"
    )  # fmt: skip


def _quorum(world: World, words: Words, _name: str) -> Reply:
    running = [n for n in kafka_of(world).brokers if up(world, n)]
    leader = broker_id(world, running[0])
    voters = [broker_id(world, n) for n in kafka_of(world).brokers]
    end = 84_210 + int(world.now_s) * 2
    if words.rest[:1] != ["describe"]:
        return failure(
            "usage: kafka-metadata-quorum [-h] [--bootstrap-server BOOTSTRAP_SERVER] {describe} ...\nkafka-metadata-quorum: error: too few arguments",
            1,
        )
    if words.has("replication"):
        rows = "".join(
            f"{v}\t{end}\t0\t0\t0\t{'Leader' if v == leader else 'Follower'}  \t\n" for v in voters
        )
        return Reply(
            "NodeId\tLogEndOffset\tLag\tLastFetchTimestamp\tLastCaughtUpTimestamp\tStatus  \t\n" + rows
        )
    if not words.has("status"):
        return failure("One of --status or --replication must be specified with describe sub-command", 1)
    return Reply(
        f"ClusterId:              {cluster_id(world)}\nLeaderId:               {leader}\nLeaderEpoch:            7\nHighWatermark:          {end}\n"
        f"MaxFollowerLag:         0\nMaxFollowerLagTimeMs:   0\nCurrentVoters:          {voters}\nCurrentObservers:       []\n"
    )


def _reassign(world: World, words: Words, _name: str) -> Reply:
    actions = [a for a in ("generate", "execute", "verify", "list", "cancel") if words.has(a)]
    if len(actions) != 1:
        return failure(
            "Command must include exactly one action: --generate, --execute, --verify, --cancel, --list", 1
        )
    if actions[0] == "list":
        return Reply("No partition reassignments found.\n")
    name = words.get("topics-to-move-json-file" if actions[0] == "generate" else "reassignment-json-file")
    if not name:
        return failure(
            f'Missing required argument "[{"topics-to-move-json-file" if actions[0] == "generate" else "reassignment-json-file"}]"',
            1,
        )
    if not files.exists(world, name):
        return failure(
            f"Error: {name} (No such file or directory)\njava.io.FileNotFoundException: {name} (No such file or directory)",
            1,
        )
    if actions[0] == "verify":
        return Reply(
            "Status of partition reassignment:\n\nClearing broker-level throttles on brokers "
            + ",".join(str(broker_id(world, n)) for n in kafka_of(world).brokers)
            + "\n"
        )
    return denied(world, "partition reassignment")


def _acls(world: World, words: Words, _name: str) -> Reply:
    if words.has("add") or words.has("remove"):
        return denied(world, "ACL command")
    if not words.has("list"):
        return failure("Command must include exactly one action: --list, --add, --remove.", 1)
    out = ""
    for name in topics_of(world):
        out += f"Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name={name}, patternType=LITERAL)`: \n"
        out += " \t(principal=User:oncall, host=*, operation=DESCRIBE, permissionType=ALLOW)\n\t(principal=User:oncall, host=*, operation=READ, permissionType=ALLOW)\n\n"
    return Reply(out)


def _verification(world: World, words: Words, _name: str) -> Reply:
    now = world.at(world.now_s)
    count = sum(len(t.partitions) for t in topics_of(world).values())
    return Reply(
        f"{now:%Y-%m-%d %H:%M:%S},000: verification process is started.\n{now:%Y-%m-%d %H:%M:%S},000: max lag is 0 for partition {next(iter(topics_of(world)))}-0 at offset 0 among {count} partitions\n"
    )


def _perf(world: World, _words: Words, name: str) -> Reply:
    if name == "kafka-producer-perf-test":
        return Reply(
            "0 records sent, 0.000000 records/sec (0.00 MB/sec), 0.00 ms avg latency, 0.00 ms max latency.\n",
            PERF.of(world.language) + "\n",
        )
    return Reply(
        "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n",
        PERF.of(world.language) + "\n",
    )


def _dump_log(world: World, words: Words, _name: str) -> Reply:
    """Segments lie on the brokers' disks, not here; what they hold is read by the consumer."""
    name = words.get("files")
    if not name:
        return failure('Missing required argument "[files]"', 1)
    return failure(
        f"Dumping {name.split(',')[0]}\nException in thread \"main\" java.nio.file.NoSuchFileException: {name.split(',')[0]}\n# kcat -C -t T -o beginning -f '%p %o %T %k %s\\n'",
        1,
    )


def _delete_records(world: World, words: Words, _name: str) -> Reply:
    name = words.get("offset-json-file")
    if not name:
        return failure('Missing required argument "[offset-json-file]"', 1)
    if not files.exists(world, name):
        return failure(f'Exception in thread "main" java.nio.file.NoSuchFileException: {name}', 1)
    return denied(world, "records delete operation")


def _transactions(world: World, words: Words, _name: str) -> Reply:
    head = "TransactionalId\tCoordinator\tProducerId\tTransactionState\t\n"
    if words.rest[:1] in (["list"], ["find-hanging"]):
        return Reply(
            head
            if words.rest[0] == "list"
            else "Topic\tPartition\tProducerId\tProducerEpoch\tCoordinatorEpoch\tStartOffset\tLastTimestamp\tDuration(min)\t\n"
        )
    if words.rest[:1] in (["describe"], ["describe-producers"], ["abort"]):
        return failure(
            "org.apache.kafka.common.errors.TransactionalIdNotFoundException: The transactionalId could not be found",
            1,
        )
    return failure(
        "usage: kafka-transactions [-h] [-v] --bootstrap-server host:port COMMAND ...\nkafka-transactions: error: too few arguments",
        1,
    )


def _features(world: World, words: Words, _name: str) -> Reply:
    if words.rest[:1] == ["describe"] or words.has("describe"):
        return Reply(
            "Feature: metadata.version\tSupportedMinVersion: 3.0-IV1\tSupportedMaxVersion: 3.7-IV4\tFinalizedVersionLevel: 3.7-IV4\tEpoch: 84210\n"
        )
    return denied(world, "feature command")


def _cluster(world: World, words: Words, _name: str) -> Reply:
    if words.rest[:1] == ["cluster-id"]:
        return Reply(f"Cluster ID: {cluster_id(world)}\n")
    if words.rest[:1] == ["unregister"]:
        return denied(world, "cluster command")
    return failure(
        "usage: kafka-cluster [-h] {cluster-id,unregister} ...\nkafka-cluster: error: too few arguments", 1
    )


CLASSES = {
    "GetOffsetShell": admin.offsets,
    "ConsumerGroupCommand": None,
    "TopicCommand": None,
    "DumpLogSegments": _tool(_dump_log),
}


def _run_class(world: World, argv: list[str], stdin: str) -> Reply:
    """`kafka-run-class kafka.tools.GetOffsetShell …`: the class behind a tool."""
    from simulator.kafka import groups, topics

    if len(argv) < 2:
        return failure("USAGE: kafka-run-class.sh [-daemon] [-name servicename] [-loggc] classname [opts]", 1)
    last = argv[1].rpartition(".")[2]
    runs = {**CLASSES, "ConsumerGroupCommand": groups.run, "TopicCommand": topics.run}
    found = runs.get(last)
    if found is None:
        return failure(
            f"Error: Could not find or load main class {argv[1][:200]}\nCaused by: java.lang.ClassNotFoundException: {argv[1][:200]}",
            1,
        )
    return found(world, argv[1:], stdin)


def _made(name: str, do: Do, ru: str, en: str, form: str = "") -> Tool:
    return Tool(
        name, _tool(do), Text(ru=ru, en=en), (f"{name} --bootstrap-server kafka:9092 {form}".rstrip(),)
    )


TOOLS: tuple[Tool, ...] = (
    _made("kafka-broker-api-versions", _api_versions, "версии протокола брокеров", "the brokers' protocol versions"),
    _made("kafka-log-dirs", _log_dirs, "каталоги и размеры партиций", "directories and sizes of partitions", "--describe"),
    _made("kafka-metadata-quorum", _quorum, "кворум метаданных", "the metadata quorum", "describe --status"),
    _made("kafka-reassign-partitions", _reassign, "переносы партиций", "moves of partitions", "--list"),
    _made("kafka-acls", _acls, "права", "access control", "--list"),
    _made("kafka-replica-verification", _verification, "сверка реплик", "verifies replicas"),
    _made("kafka-producer-perf-test", _perf, "нагрузка записью", "a load of writes"),
    _made("kafka-consumer-perf-test", _perf, "нагрузка чтением", "a load of reads"),
    _made("kafka-dump-log", _dump_log, "сегменты лога", "segments of a log"),
    _made("kafka-delete-records", _delete_records, "удаление записей", "deletes records"),
    _made("kafka-transactions", _transactions, "транзакции", "transactions", "list"),
    _made("kafka-features", _features, "уровни возможностей", "levels of features", "describe"),
    _made("kafka-cluster", _cluster, "номер кластера", "the cluster's id", "cluster-id"),
    Tool("kafka-run-class", _run_class, Text(ru="класс по имени", en="a class by its name"), ("kafka-run-class kafka.tools.GetOffsetShell --broker-list kafka:9092 --topic T",)),
)  # fmt: skip
