"""The library of real incidents: the strict reader of postmortems/ and the search over it.

The only file that imports chromadb, and only inside functions: it takes a second to load. Chroma is a
cache that may vanish or rot at any time: the YAML files are the truth, and the ranking is computed here,
so that it is the same with Chroma, with a Chroma server and with neither.
"""

import hashlib
import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from agent.embedding import cosine_distance, embed, fingerprint

POSTMORTEMS = Path(__file__).resolve().parent.parent / "postmortems"
LANGUAGES = ("ru", "en")
log = logging.getLogger("dropprod")

Theme = Literal[
    "t01_db_pool_slow_query",
    "t02_cascade_retry_peak",
    "t03_kafka_queue",
    "t04_failover_replication",
    "t05_dc_network_dns",
    "t06_locks_migrations_xid",
    "t07_deletion_backups",
    "t08_data_migration",
    "t09_monolith_extraction",
    "t10_races_idempotency",
    "t11_redis_cache",
    "t12_kubernetes",
    "t13_config_deploy",
    "t14_capacity_sharding",
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class LibraryError(ValueError):
    """A mistake in an incident's file or in the server's address: one line that says what and where."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(_Model):
    """The same text in both languages; neither may be missing."""

    ru: Line
    en: Line

    def of(self, language: str) -> str:
        return self.ru if language == "ru" else self.en


_SECOND_HAND = Bilingual(ru="из вторых рук", en="second-hand")
# How an engineer calls a theme; a story that never says "race" is still found by that word.
_THEME_NAMES: dict[Theme, Bilingual] = {
    "t01_db_pool_slow_query": Bilingual(
        ru="медленные запросы и исчерпанный пул соединений с базой данных",
        en="slow queries and an exhausted database connection pool",
    ),
    "t02_cascade_retry_peak": Bilingual(
        ru="каскадный отказ, шторм повторов, пиковая нагрузка",
        en="cascading failure, retry storm, peak load",
    ),
    "t03_kafka_queue": Bilingual(
        ru="Kafka, очереди сообщений и заданий",
        en="Kafka, queues of messages and jobs",
    ),
    "t04_failover_replication": Bilingual(
        ru="переключение на реплику и репликация",
        en="failover to a replica and replication",
    ),
    "t05_dc_network_dns": Bilingual(
        ru="отказ дата-центра, сети, питания или DNS",
        en="failure of a data centre, the network, power or DNS",
    ),
    "t06_locks_migrations_xid": Bilingual(
        ru="блокировки, миграции схемы, счётчик транзакций",
        en="locks, schema migrations, transaction ids",
    ),
    "t07_deletion_backups": Bilingual(
        ru="удаление данных и резервные копии",
        en="deletion of data and backups",
    ),
    "t08_data_migration": Bilingual(
        ru="перенос данных и совместимость схемы",
        en="moving data and schema compatibility",
    ),
    "t09_monolith_extraction": Bilingual(
        ru="монолит и его разделение на сервисы",
        en="a monolith and its split into services",
    ),
    "t10_races_idempotency": Bilingual(
        ru="гонки и идемпотентность",
        en="race conditions and idempotency",
    ),
    "t11_redis_cache": Bilingual(
        ru="Redis и кеш",
        en="Redis and caches",
    ),
    "t12_kubernetes": Bilingual(
        ru="Kubernetes, кластер и поды",
        en="Kubernetes, cluster and pods",
    ),
    "t13_config_deploy": Bilingual(
        ru="ошибка в конфигурации или релизе",
        en="a mistake in configuration or deploy",
    ),
    "t14_capacity_sharding": Bilingual(
        ru="нехватка ёмкости и шардирование",
        en="capacity limits and sharding",
    ),
}


class Action(_Model):
    """What the organisation itself said it would do; never our own advice."""

    kind: Literal["prevent", "detect", "mitigate", "process"]
    text: Bilingual


class Incident(_Model):
    """One file of postmortems/: postmortems/README.md says what each field means."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    organisation: Line
    date: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")] | None
    title: Bilingual
    source_url: Annotated[str, Field(pattern=r"^https://[^\s/]+/\S+$")]
    source_checked: Literal["read_primary", "read_secondary"]
    themes: Annotated[list[Theme], Field(min_length=1)]
    components: Annotated[list[Line], Field(min_length=1)]
    summary: Bilingual
    lesson: Bilingual
    actions: list[Action]
    interview_question: Bilingual

    @model_validator(mode="after")
    def _second_hand_is_said(self) -> "Incident":
        said = "из вторых рук" in self.summary.ru and "second-hand" in self.summary.en
        if self.source_checked == "read_secondary" and not said:
            raise ValueError("summary must say that it is second-hand / из вторых рук")
        return self

    def cited(self, language: str) -> str:
        """The title as it is cited: whose account was read is said where it is not the organisation's own."""
        title = self.title.of(language)
        return title if self.source_checked == "read_primary" else f"{title} ({_SECOND_HAND.of(language)})"

    def text(self, language: str) -> str:
        """What a search compares a query with; the title counts twice, parts and themes by their names."""
        parts = [self.title, self.title, self.summary, self.lesson, *(a.text for a in self.actions)]
        parts += [_THEME_NAMES[theme] for theme in self.themes]
        names = [name.replace("_", " ") for name in self.components]
        return "\n".join([*(part.of(language) for part in parts), *names])


@dataclass(frozen=True)
class Reference:
    """An incident that resembles the query, in the reader's language.

    `distance` is the cosine distance (0-2) of the closer of its two languages, shrunk by shared themes.
    """

    id: str
    title: str
    source_url: str
    lesson: str
    summary: str
    distance: float


def read_incident(path: Path) -> Incident:
    """The incident in a file. Raises LibraryError with file and field."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise LibraryError(f"{path.name}: not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise LibraryError(f"{path.name}: an incident is a mapping of fields")
    try:
        incident = Incident.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise LibraryError(f"{path.name}: {field}: {first['msg']}") from None
    if incident.id != path.stem:
        raise LibraryError(f"{path.name}: id: must be the file's name, is {incident.id!r}")
    return incident


def read_incidents(folder: Path = POSTMORTEMS) -> dict[str, Incident]:
    """Every incident of a folder by id, in the order of ids. Raises LibraryError."""
    incidents = [read_incident(path) for path in sorted(folder.glob("*.yaml"))]
    if not incidents:
        raise LibraryError(f"{folder.name}: no incident (*.yaml) in it")
    return {incident.id: incident for incident in sorted(incidents, key=lambda i: i.id)}


# --- the search ------------------------------------------------------------------------------------

# A shared theme shrinks the distance: enough to settle close calls, too little to lift a stranger.
# The first theme of an incident is its main one.
_MAIN_THEME = 0.85
_OTHER_THEME = 0.93
_DIGITS = 6  # of a distance: closer than that is a tie, settled by id
_ROUGH = 1e-3  # far more than Chroma's float32 arithmetic can be off


class Library:
    """Search over the incidents of a folder, with a Chroma cache under `root` or on the server `url`.

    Nothing is read before the first use. `note` is "" or one English line that says why the cache was
    rebuilt, is not kept or is not used, and is logged once as a warning; `backend` says what answers: "chroma" or "memory".
    """

    def __init__(self, root: Path, url: str | None = None, folder: Path = POSTMORTEMS) -> None:
        self.note = ""
        self.backend: Literal["chroma", "memory"] = "memory"
        self._root = root
        self._server = _address(url) if url else None
        self._folder = folder
        self._vectors: dict[tuple[str, str], list[float]] = {}
        self._index: _Index | None = None
        self._opened = False
        self._lock = threading.Lock()

    @cached_property
    def incidents(self) -> dict[str, Incident]:
        """Every incident by id. Raises LibraryError."""
        return read_incidents(self._folder)

    def get(self, id: str) -> Incident | None:
        """The incident with this id, or None."""
        return self.incidents.get(id)

    def search(self, query: str, themes: Iterable[str], k: int, language: str) -> list[Reference]:
        """The k incidents closest to the query, closest first, ties in the order of ids.

        The query may be in either language whatever `language` the answers are wanted in; `themes` lift
        incidents that share one and exclude nothing. The same in every process and with every backend.
        """
        if k <= 0:
            return []
        vector, asked = embed(query), set(themes)
        factors = {incident.id: _factor(incident, asked) for incident in self.incidents.values()}
        ranked = sorted(
            (round(self._distance(vector, id) * factors[id], _DIGITS), id)
            for id in self._candidates(vector, factors, k)
        )
        return [_reference(self.incidents[id], language, distance) for distance, id in ranked[:k]]

    def close(self) -> None:
        """Give Chroma's files back; a later search opens them anew."""
        with self._lock:
            self._drop_index()
            self._opened = False

    def _candidates(self, vector: list[float], factors: dict[str, float], k: int) -> Iterable[str]:
        """Ids that hold the k closest for certain, a few more than that if Chroma helps."""
        rough = self._rough_distances(vector)
        if any(id not in rough for id in factors):
            return factors
        scored = sorted((rough[id] * factors[id], id) for id in factors)
        worst = scored[min(k, len(scored)) - 1][0] + _ROUGH
        return [id for distance, id in scored if distance <= worst]

    def _rough_distances(self, vector: list[float]) -> dict[str, float]:
        """Chroma's distances by incident; empty if there is no Chroma or nothing to ask for."""
        if not any(vector):
            return {}
        with self._lock:
            self._open()
            if self._index is None:
                return {}
            try:
                return self._index.distances(vector)
            except _ChromaUnusableError as error:
                self._drop_index()
                self._say(f"memory: {error}")
                return {}

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        documents = len(self.incidents) * len(LANGUAGES)
        try:
            if self._server:
                self._index = _open_server(self._server, self._key(), self._all_vectors)
            else:
                self._index, note = _open_local(self._root, self._key(), documents, self._all_vectors)
                self._say(note)
            self.backend = "chroma"
        except _ChromaUnusableError as error:
            self._say(f"memory: {error}")

    def _say(self, note: str) -> None:
        self.note = note
        if note:
            log.warning("library of incidents: %s", note)

    def _drop_index(self) -> None:
        if self._index is not None:
            self._index.close()
        self._index = None
        self.backend = "memory"

    def _distance(self, vector: list[float], id: str) -> float:
        return min(cosine_distance(vector, self._vector(id, language)) for language in LANGUAGES)

    def _vector(self, id: str, language: str) -> list[float]:
        found = self._vectors.get((id, language))
        if found is None:
            found = self._vectors[id, language] = embed(self.incidents[id].text(language))
        return found

    def _all_vectors(self) -> dict[str, list[float]]:
        """Every document's vector by its name in Chroma."""
        return {
            f"{id}#{language}": self._vector(id, language) for id in self.incidents for language in LANGUAGES
        }

    def _key(self) -> str:
        """Differs whenever what is embedded or the embedding differs."""
        digest = hashlib.sha256(fingerprint().encode())
        for incident in self.incidents.values():
            embedded = [incident.id, *(incident.text(language) for language in LANGUAGES)]
            digest.update(json.dumps(embedded).encode())
        return digest.hexdigest()[:16]


def _factor(incident: Incident, themes: set[str]) -> float:
    if incident.themes[0] in themes:
        return _MAIN_THEME
    return _OTHER_THEME if themes.intersection(incident.themes) else 1.0


def _reference(incident: Incident, language: str, distance: float) -> Reference:
    return Reference(
        id=incident.id,
        title=incident.cited(language),
        source_url=incident.source_url,
        lesson=incident.lesson.of(language),
        summary=incident.summary.of(language),
        distance=distance,
    )


# --- Chroma ----------------------------------------------------------------------------------------

_PREFIX = "library-"
_MANIFEST = "manifest.json"
_COLLECTION = "incidents"
_LOCAL_S = 60.0  # a cold disk may take seconds to load the library; nothing local takes a minute
_SERVER_S = 3.0  # Chroma's own client waits for ever

T = TypeVar("T")
Vectors = Callable[[], dict[str, list[float]]]


class _ChromaUnusableError(Exception):
    """Chroma is missing, broken, silent or refuses; the search goes on without it."""


@dataclass(frozen=True)
class _Address:
    host: str
    port: int
    ssl: bool


@dataclass
class _Index:
    """An open collection with one vector a document, named "<incident id>#<language>"."""

    client: Any
    collection: Any
    documents: int
    patience_s: float
    home: "tempfile.TemporaryDirectory[str] | None" = None

    def distances(self, vector: list[float]) -> dict[str, float]:
        """The distance of each incident that Chroma found. Raises _ChromaUnusableError."""
        # All of them: there are tens, and a theme may lift an incident from any place.
        answer = _asked(
            lambda: self.collection.query(
                query_embeddings=[vector], n_results=self.documents, include=["distances"]
            ),
            self.patience_s,
        )
        found: dict[str, float] = {}
        for document, distance in zip(answer["ids"][0], answer["distances"][0], strict=True):
            id = document.rpartition("#")[0]
            found[id] = min(found.get(id, 2.0), float(distance))
        return found

    def close(self) -> None:
        try:
            _asked(self.client.close, self.patience_s)
        except _ChromaUnusableError:
            return  # what cannot be closed is abandoned with its private files
        finally:
            if self.home is not None:
                self.home.cleanup()


def _asked(call: Callable[[], T], seconds: float) -> T:
    """What a call of Chroma answers, within a time. Raises _ChromaUnusableError for whatever goes wrong.

    `call` must hold nothing but the vendor's code: an error of ours would pass for one of Chroma's.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001 - it raises bare Exception, and its Rust core panics
            errors.append(error)

    thread = threading.Thread(target=run, name="chroma", daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    if errors:
        reason = " ".join(str(errors[0]).split())[:200]
        raise _ChromaUnusableError(f"chroma failed: {type(errors[0]).__name__}: {reason}") from errors[0]
    raise _ChromaUnusableError(f"chroma gave no answer in {seconds:g} s")


def _chromadb() -> Any:
    def load() -> Any:
        import chromadb

        return chromadb

    return _asked(load, _LOCAL_S)


def _collection(client: Any, name: str, documents: int) -> Any:
    """The collection, made if need be. Without an embedding function: Chroma's own would be downloaded."""
    return client.get_or_create_collection(
        name,
        embedding_function=None,
        configuration={"hnsw": {"space": "cosine", "ef_search": max(100, 2 * documents)}},
    )


# --- the cache on disk -----------------------------------------------------------------------------
# What lies under root is a finished copy that nobody ever opens: each process takes its own copy, checks
# it against the manifest and opens that. So no foreign lock can block (Chroma would wait for ever and not
# let other threads run), no two processes write the same files, and Chroma never sees a damaged one.


def _open_local(root: Path, key: str, documents: int, vectors: Vectors) -> tuple[_Index, str]:
    """The index, and a note when it had to be rebuilt or could not be kept. Raises _ChromaUnusableError."""
    chromadb = _chromadb()
    published = root / f"{_PREFIX}{key}-{chromadb.__version__}"
    try:
        home = tempfile.TemporaryDirectory(prefix="dropprod-", ignore_cleanup_errors=True)
    except OSError as error:
        raise _ChromaUnusableError(f"no room for chroma's files: {error}") from error
    damage = _copied(published, Path(home.name) / "intact")
    if damage is None:
        try:
            return _opened(chromadb, home, "intact", documents), ""
        except _ChromaUnusableError as error:
            damage = str(error)
    try:
        store, filling = Path(home.name) / "rebuilt", vectors()
        _asked(lambda: _build(chromadb, store, filling), _LOCAL_S)
        unkept = _publish(store, published)
        index = _opened(chromadb, home, store.name, documents)
    except _ChromaUnusableError:
        home.cleanup()
        raise
    if unkept:
        return index, f"not kept: {unkept}"
    return index, f"rebuilt: {damage}" if damage else ""


def _opened(chromadb: Any, home: "tempfile.TemporaryDirectory[str]", name: str, documents: int) -> _Index:
    client = _asked(lambda: _persistent(chromadb, Path(home.name) / name), _LOCAL_S)
    collection = _asked(lambda: client.get_collection(_COLLECTION, embedding_function=None), _LOCAL_S)
    count = _asked(collection.count, _LOCAL_S)
    if count != documents:
        raise _ChromaUnusableError(f"chroma has {count} documents instead of {documents}")
    return _Index(client, collection, documents, _LOCAL_S, home)


def _persistent(chromadb: Any, store: Path) -> Any:
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(str(store), settings=settings)


def _build(chromadb: Any, store: Path, documents: dict[str, list[float]]) -> None:
    client = _persistent(chromadb, store)
    collection = _collection(client, _COLLECTION, len(documents))
    collection.add(ids=list(documents), embeddings=list(documents.values()))
    client.close()


def _copied(source: Path, target: Path) -> str | None:
    """Copy a published cache. None: done and intact; "": there was none; else what is wrong with it."""
    if not source.exists():
        return ""
    try:
        manifest = json.loads((source / _MANIFEST).read_text(encoding="utf-8"))
        for name, digest in sorted(manifest.items()):
            data = (source / name).read_bytes()
            path = (target / name).resolve()
            if hashlib.sha256(data).hexdigest() != digest or not path.is_relative_to(target.resolve()):
                return f"{name} is not what was written"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return f"the cache is damaged: {' '.join(str(error).split())}"
    return None


def _publish(store: Path, published: Path) -> str:
    """Put a copy of a closed store in the place of whatever is there, whole or not at all; "" or why not."""
    root = published.parent
    fresh = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}new-", dir=root))
        shutil.copytree(store, fresh, dirs_exist_ok=True)
        files = sorted(path for path in fresh.rglob("*") if path.is_file())
        manifest = {
            p.relative_to(fresh).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
        }
        (fresh / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for old in sorted(root.glob(f"{_PREFIX}*")):
            if old != fresh:  # damaged, or of other texts; a process that still uses it has its own copy
                shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
        fresh.rename(published)
    except OSError as error:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
        if not (published / _MANIFEST).is_file():  # else another process was faster with the same
            return str(error)
    return ""


# --- the cache on a server -------------------------------------------------------------------------


def _address(url: str) -> _Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LibraryError(f"chroma url {url!r}: {error}") from None
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise LibraryError(f"chroma url {url!r}: must look like http://host:port")
    ssl = parts.scheme == "https"
    return _Address(parts.hostname, port or (443 if ssl else 8000), ssl)


def _open_server(server: _Address, key: str, vectors: Vectors) -> _Index:
    """The collection of this key on the server, filled if need be. Raises _ChromaUnusableError.

    Collections of other keys stay: another version of this program may be using them.
    """
    chromadb = _chromadb()
    documents = vectors()
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    client = _asked(
        lambda: chromadb.HttpClient(server.host, server.port, ssl=server.ssl, settings=settings), _SERVER_S
    )
    name = f"dropprod-{_PREFIX}{key}"
    collection = _asked(lambda: _collection(client, name, len(documents)), _SERVER_S)
    there = set(_asked(lambda: collection.get(include=[]), _SERVER_S)["ids"])
    foreign = sorted(there.difference(documents))
    if foreign:
        _asked(lambda: collection.delete(ids=foreign), _SERVER_S)
    if not there.issuperset(documents):
        ids, embeddings = list(documents), list(documents.values())
        _asked(lambda: collection.upsert(ids=ids, embeddings=embeddings), _SERVER_S)
    return _Index(client, collection, len(documents), _SERVER_S)
