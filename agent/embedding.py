"""A text as a vector: hashed lemmas, character n-grams and bilingual concepts, signed, of length one.

No model, no download, no network. Pure: the same text gives the same vector in every process, because
features are hashed by BLAKE2 and added up in the order of their names. Knows nothing of stores or files.
"""

import hashlib
import math
import struct
from collections import Counter
from functools import lru_cache

from agent.text import tokens, word_set

DIMENSIONS = 1024  # 700 features of a long entry collide in few places; 4 kB a vector
MAX_TEXT = 20_000  # characters read of a text: a long post-mortem fits, work stays bounded

_WORD = 1.0
_PIECES = 0.7  # all n-grams of one word together: typos and word formation, not a second vote
_PIECE_LENGTH = 4
_CONCEPT = 3.0  # a shared meaning outweighs a shared word, or a query finds only its own language
_SHARP = 5.0  # few incidents share these: whoever says one means it
_BROAD = 1.0  # most incidents share these
_WINDOW = 5  # how many words the parts of a phrase may be spread over

_STOP_WORDS = word_set(
    "a an and are as at be been but by can could did do does each for from had has have how if in into is it "
    "its more most no not of on one onli or other our out over so some than that the their them then there "
    "these they this those to too two under until up veri was we were what when where which whi while who "
    "will with without would you your after all also ani befor becaus becom between both down dure everi "
    "и а без более бы быть в весь во вот все всё вы где да для до его ее если есть еще же за и из или им их "
    "к как какой когда который кто ли между мы на над не него нее нет ни них но о об один около он она они "
    "от перед по под после потому при про раз с сам самый свой себя со так также такой там то тогда только "
    "тот три два у уже хотя через часть что чтобы этот я мочь каждый другой весь потом почти"
)

# Forms that the dictionary reads as another word: here "данные" is data, not a form of "дать".
_MISREAD = {"данные": "данные"}

# concept: phrases in both languages. A blank joins words that occur close together in any order, a star
# stands for any ending, everything else matches in all its forms.
_CONCEPTS: dict[str, str] = {
    "pool": "пул, connection pool, pool, pooler, pgbouncer, proxysql, hikari*, пулер*, соединени*, "
    "connection",
    "exhausted": "исчерп*, exhaust*, насыщ*, насытить, saturat*, закончи* соединени*, закончи* пул, "
    "too many connections, run dry, ran out, кончи* соединени*, заполни* пул, переполн*, "
    "maximum connection, нехватк*",
    "slow-query": "медленн* запрос*, slow quer*, тяжел* запрос*, heavy quer*, expensive quer*, "
    "долг* запрос*, long quer*, full scan, sequential scan, seq scan, полн* просмотр*, "
    "последовательн* просмотр*, полн* сканирован*",
    "index": "индекс*, index, query plan, планировщик* запрос*, query planner, план* запрос*, optimizer, "
    "оптимизатор*, hint, хинт, подсказк*",
    "transaction": "транзакци*, transaction, savepoint, подтранзакци*, subtransact*",
    "replica": "реплик*, replica, replicat*, standby, secondary, slave, слейв*, stale read",
    "lag": "lag, лаг, отставан*, отстал*, отстает",
    "primary": "primary, основн* баз*, основн* сервер*, мастер, master, writer, ведущ*, праймари",
    "failover": "failover, фейловер*, фэйловер*, промоут*, promot*, переключени*, переключить, "
    "переключиться, переключать, аварийн* переключ*, "
    "выбор* лидер*, election, "
    "leader, лидер*, повышени*",
    "partition-network": "сетев* разрыв*, network partition, разделени* сет*, network disruption, "
    "разрыв* связ*, пропа* связ*, потер* связ*, связ* между, packet, сеть, network, сетев*, gateway, шлюз, "
    "bgp, маршрут*, route, router, backbone, магистрал*",
    "data-centre": "дата-центр*, датацентр*, цод, дц, data centre, data center, datacenter, dc, питание, "
    "электрич*, обесточ*, power, region, "
    "регион, availability zone, зон* доступност*",
    "dns": "dns, coredns, ndots, service discovery, обнаружени* сервис*, resolver, резолв*",
    "timeout": "таймаут*, тайм-аут*, timeout, time out, timed out, deadline, истек* ожидани*",
    "retry": "повтор*, ретра*, retry, переподключ*, reconnect*, re-enqueu*, переотправ*",
    "backoff": "back-off, backoff, back off, jitter, джиттер*, отступ*, экспоненциальн* пауз*, "
    "экспоненциальн* задержк*, бюджет* повтор*, retry budget, exponential, пауз*, отсрочк*",
    "stampede": "лавин*, шторм*, storm, stampede, herd, cascad*, каскад*, thundering, нарастающ*, "
    "самоподдерж*, self-sustain*, metastab*, метастабил*, снежн* ком*, feedback loop, обратн* связ*, "
    "усилива*, amplif*, одновременн* подключ*, hammer*, долбить*, задолби*, ddos",
    "breaker": "circuit breaker, breaker, предохранител*, размыкател*, автомат* размыкан*, bulkhead, "
    "переборк*, fail fast, быстр* отказ*, isolat*, изолир*, изоляц*",
    "shedding": "load shed*, shed load, сброс* нагрузк*, throttl*, троттл*, дроссел*, rate limit*, "
    "ограничени* частот*, ограничива* приток, ограничени* запрос*, admission, снять нагрузк*, "
    "снизить нагрузк*, "
    "лимит* запрос*, лимитер*, limiter",
    "health-check": "health check, healthcheck, проверк* здоров*, хелсчек*, probe, проба, "
    "проверк* живост*, проверк* готовност*",
    "rollback": "откат*, rollback, roll back, rolled back, revert*, отмен* релиз*, вернуть верси*",
    "canary": "канаре*, canary, поэтапн*, staged rollout, phased rollout, gradual rollout, "
    "постепенн* выкатк*, "
    "ступен*",
    "feature-flag": "feature flag, фича-флаг*, фичефлаг*, флаг*, flag, toggle, тоггл*, kill switch, "
    "рубильник*, выключател*",
    "config": "конфиг*, config*, настройк*, параметр*, parameter, variable, env var, переменн*",
    "validation": "валидац*, validat*, проверк* входн*, hostile input, null pointer, nil pointer, "
    "пуст* пол*, "
    "blank field, нулев* указател*, malformed, parse*, разбор*",
    "staging": "staging, стейджинг*, стенд*, тестов* сред*, test environment, pre-production, "
    "production-shaped, тестов* данн*, test data",
    "load-test": "load test*, нагрузочн* тест*, нагрузочн* испытан*, stress test, нагрузочн*",
    "compatibility": "обратн* совместим*, совместимост*, compatib*, две версии, верси* код*, two versions, "
    "code version, old code, стар* код*, expand contract",
    "data-move": "backfil*, бэкфил*, dual write, double write, двойн* запис*, перенос* данн*, "
    "перенес* данн*, "
    "перелив* данн*, копирован* данн*, move data, moving data, copy data",
    "credentials": "credential, creds, password, парол*, секрет*, secret, учетн* данн*, api key, ключ* api, "
    "сертификат*, certificate",
    "test-run": "автотест*, automated test*, test suite, test run, test job, прогон* тест*, "
    "автоматическ* тест*",
    "url": "url, урл*, slash, слеш*, слэш*, download, скачива*, link, ссылк*",
    "players": "игрок*, player, онлайн игр*, online game, game launch",
    "column": "column, колонк*, столбец, столбц*",
    "monolith": "монолит*, monolith*, микросервис*, microservice*, распил*, strangler, legacy, легаси, "
    "dead code, мертв* код*",
    "auth": "auth, авториз*, аутентиф*, authent*, authoris*, authoriz*, логин*, login, "
    "вход* пользовател*, сессия, session, учетн* запис*",
    "migration": "миграци*, migrat*, alter table, ddl, изменени* схем*, изменить схем*, менять схем*, "
    "schema change, смен* схем*, rename, "
    "переименов*",
    "lock": "блокировк*, заблокир*, lock, lock_timeout, lock queue, очеред* блокировок, lwlock, "
    "exclusive lock, лок, локи, лоч*, залоч*",
    "deletion": "удален*, удали*, delet*, drop table, drop* table, дропн*, снес* баз*, снес* таблиц*, "
    "снес* прод*, rm rf, стерт*, стереть, затереть, стира*, уничтож*, destroy*, wipe*, truncate",
    "backup": "бэкап*, backup, резервн* копи*, restore*, восстановлени* из копи*, снапшот*, snapshot, pitr, "
    "point-in-time, снимк*, снимок",
    "data-loss": "потер* данн*, data loss, lost data, потеря* запис*, lost writes, потеря* сообщени*, "
    "lost message, потеря* заказ*, lost order, пропа* заказ*, пропа* сообщени*",
    "cache": "кеш*, кэш*, cache, memcache*, мемкеш*, мемкэш*, redis, редис*, hit rate, прогрет*, warm",
    "redis": "redis, редис*",
    "kafka": "kafka, кафк*, broker, брокер*, zookeeper, зукипер*, топик*, topic, producer, продюсер*, "
    "consumer, "
    "консьюмер*, потребител*, offset, оффсет*, смещени*, партици*",
    "queue": "очеред*, queue, backlog, consumer lag, лаг консьюмер*, отставан* консьюмер*, "
    "отставан* потребител*, job, джоб*, таск*, task, задани*, webhook, вебхук*, "
    "накопи*, копит*, разгреб*",
    "kubernetes": "kubernetes, kube, кубер*, k8s, pod, поды, подов, namespace, daemonset, kubectl, "
    "control plane, управляющ* слой, argo*, etcd, linkerd",
    "memory": "памят*, memory, oom, out of memory, heap, куч* jvm, буфер*, buffer",
    "cpu": "cpu, цпу, процессор*, processor, процессорн*",
    "autoscaling": "автомасштаб*, автоскейл*, autoscal*, auto scaling, scale up, hpa, масштабир*",
    "capacity": "емкост*, capacity, запас*, headroom, мощност*, ресурс*, лимит*, limit, quota, квот*",
    "peak": "пик*, peak, наплыв*, всплеск*, spike, surge, marketing, реклам*, распродаж*, sale, кампани*, "
    "campaign, black friday, черн* пятниц*, праздник*, holiday",
    "shard": "шард*, shard*, hot key, горяч* ключ*, hot shard, scatter",
    "sharing": "общ* баз*, shared database, shared primary, общ* кластер*, shared cluster, "
    "один* на всех, noisy neighbour",
    "alert": "алерт*, alert*, оповещен*, pager, дежурн*, on-call, пейдж*",
    "monitoring": "мониторинг*, телеметр*, telemetry, monitor*, метрик*, metric, дашборд*, dashboard, "
    "наблюдаем*, observab*, "
    "trace, трассиров*, график*, graph",
    "runbook": "ранбук*, runbook, регламент*, инструкци*, playbook, учени*, drill, game day, "
    "тренировк*, exercise",
    "payment": "платеж*, payment, оплат*, card, карта, merchant, bill, billing, биллинг*, bank, банк*, "
    "charge, refund, списан*, списать, снять деньги, возврат* деньги",
    "schedule": "cron, крон, nightly, ночн* задани*, по расписани*, on schedule",
    "order": "заказ*, lost order, place order, order service, корзин*, basket, checkout",
    "data-growth": "рост данн*, data growth, вырос* данн*, data grew, импорт*, mass import, рост таблиц*",
    "restart": "перезапуск*, перезапуст*, restart*, рестарт*, перезагруз*, ребут*, reboot*",
    "crash": "паник*, panic, crash*, падени*, крэш*, аварийн* завершени*, crash loop, цикл* падений",
}
_SHARP_CONCEPTS: dict[str, str] = {
    "n-plus-one": "n+1, n plus one, вызов* на запрос, calls per request, запрос* в цикле, query in loop, "
    "round trip, "
    "memois*, мемоизац*, hundreds of calls, сотн* вызов*, lazy load*, ленив* загрузк*",
    "split-brain": "split brain, split-brain, сплит брейн*, сплитбрейн*, раздвоени*, раздвои*, два мастер*, "
    "two primaries, two masters, two leaders, расщеплени*, unreplicated, нереплицирован*, кворум*, quorum, "
    "несогласованн*, diverg*, разошли*, разойтись, разъехаться, два лидера",
    "deadlock": "deadlock*, дедлок*, взаимн* блокировк*, взаимоблокировк*, семафор*, semaphore",
    "least-privilege": "права, привилеги*, privilege, permission, полномочи*, drop rights",
    "cold-cache": "холодн* кеш*, холодн* кэш*, cold cache, empty cache, пуст* кеш*, пуст* кэш*, cache miss, "
    "промах*, hit rate, cache fill, заполнени* кеш*",
    "foreign-data": "чуж* данн*, чуж* сесси*, чуж* аккаунт*, чуж* бесед*, other people, wrong user, "
    "somebody else, each other data, data leak*, утеч* данн*",
    "xid": "xid, wraparound, transaction id, номер* транзакц*, счетчик* транзакц*, vacuum, autovacuum, "
    "вакуум*, автовакуум*",
    "poison": "poison, ядовит* сообщени*, 4xx, 400, dead letter, мертв* очеред*, схем* сообщени*, "
    "event schema, message format, формат* сообщени*",
    "eviction": "вытесн*, evict*, preempt*, priority class, pod priority, класс* приоритет*",
    "regex": "регуляр* выражени*, регулярка, регэксп*, regex, regexp, regular expression, backtracking, "
    "перебор* с возврат*",
    "idempotency": "идемпотент*, idempot*, дубл*, duplicat*, дважды, twice, по два раза, второй раз, "
    "двукратн*, second time, again and again, over and over, двойн* списан*, double charg*, "
    "charged again, списыва* снова",
    "optimistic": "оптимистич*, optimistic",
    "race": "race, гонка, concurren*, конкурентн*, two workers, два воркер*, два экземпляр*, "
    "two instances, two schedulers, два планировщик*, одновременно выполн*",
}
_BROAD_CONCEPTS: dict[str, str] = {
    "release": "релиз*, release, выкат*, выкладк*, депло*, задепло*, deploy*, rollout, раскат*, "
    "новая версия, new version",
    "database": "база данн*, базы данн*, бд, database, db, postgres*, mysql, mariadb, sql, постгрес*, субд",
    "error": "ошибк*, error, 5xx, 500, 502, 503, 504, отказ*, fail*, недоступн*, unavailab*, сбой, "
    "outage, упасть, лечь, "
    "лежать, положить, рухнуть, сломать, сломаться, broke, broken, downtime, fell over, went down",
    "reads": "чтени*, читать, read",
    "load": "нагрузк*, load, traffic, трафик*, запрос* в секунд*, rps",
    "slow": "медлен*, slow*, задержк*, latency, замедл*, тормоз*, дольше, "
    "longer, завис*, подвис*, hang, hung, stuck, stall*",
}


def embed(text: str) -> list[float]:
    """DIMENSIONS float32 values of Euclidean length 1; all zeros for a text without a meaningful word."""
    weights = [0.0] * DIMENSIONS
    for feature, weight in sorted(_features(text[:MAX_TEXT]).items()):
        place, sign = _slot(feature)
        weights[place] += sign * weight
    length = math.sqrt(math.fsum(w * w for w in weights))
    if length == 0:
        return weights
    return list(
        struct.unpack(f"{DIMENSIONS}f", struct.pack(f"{DIMENSIONS}f", *(w / length for w in weights)))
    )


def cosine_distance(a: list[float], b: list[float]) -> float:
    """1 - cosine of two vectors from embed(), 0 to 2, exact to the last bit in any process."""
    return 1.0 - math.fsum(x * y for x, y in zip(a, b, strict=True) if x and y)


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Changes whenever any of this file, the lemmas or the dictionaries would change the vectors."""
    vectors = [embed(line.replace("*", "")) for line in _all_concepts().values()]
    return hashlib.sha256(repr(vectors).encode()).hexdigest()[:16]


def _features(text: str) -> dict[str, float]:
    """Weights by feature name; a word said ten times counts 3.3 times, not ten."""
    words = [_MISREAD.get(token.text, token.lemma) for token in tokens(text)]
    weights: dict[str, float] = {}
    for word, count in Counter(w for w in words if w not in _STOP_WORDS and len(w) > 1).items():
        if word.isdigit():
            continue
        often = 1.0 + math.log(count)
        weights[f"word {word}"] = often * _WORD
        pieces = _pieces(word)
        for piece in pieces:
            name = f"piece {piece}"
            weights[name] = weights.get(name, 0.0) + often * _PIECES / math.sqrt(len(pieces))
    for concept, count in _concepts_in(words).items():
        weights[f"concept {concept}"] = (1.0 + math.log(count)) * _concept_weight(concept)
    return weights


def _concept_weight(concept: str) -> float:
    if concept in _SHARP_CONCEPTS:
        return _SHARP
    return _BROAD if concept in _BROAD_CONCEPTS else _CONCEPT


@lru_cache(maxsize=50_000)
def _pieces(word: str) -> tuple[str, ...]:
    framed = f"<{word}>"
    return tuple(framed[i : i + _PIECE_LENGTH] for i in range(max(1, len(framed) - _PIECE_LENGTH + 1)))


@lru_cache(maxsize=100_000)
def _slot(feature: str) -> tuple[int, float]:
    digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big") % DIMENSIONS, 1.0 if digest[4] & 1 else -1.0


def _concepts_in(words: list[str]) -> dict[str, int]:
    """How often each concept is said; the parts of a phrase may stand in any order."""
    places: dict[str, set[int]] = {}
    for i, word in enumerate(words):
        for element in _elements_of(word):
            places.setdefault(element, set()).add(i)
    counts: dict[str, int] = {}
    for concept, phrases in _phrases().items():
        for first, *others in phrases:
            found = sum(all(_near(places.get(o), i) for o in others) for i in places.get(first, ()))
            if found:
                counts[concept] = counts.get(concept, 0) + found
    return counts


def _near(places: set[int] | None, i: int) -> bool:
    return places is not None and any(i + d in places for d in range(-_WINDOW + 1, _WINDOW) if d)


@lru_cache(maxsize=50_000)
def _elements_of(word: str) -> tuple[str, ...]:
    """The phrase elements that this lemma is a form of."""
    exact = (word,) if word in _elements()[0] else ()
    return exact + tuple(stem for stem in _elements()[1] if word.startswith(stem[:-1]))


@lru_cache(maxsize=1)
def _elements() -> tuple[frozenset[str], tuple[str, ...]]:
    """Elements that match as a whole, and those with a star."""
    found = sorted({e for phrases in _phrases().values() for elements in phrases for e in elements})
    stems = tuple(e for e in found if e.endswith("*"))
    return frozenset(found).difference(stems), stems


@lru_cache(maxsize=1)
def _phrases() -> dict[str, tuple[tuple[str, ...], ...]]:
    return {
        concept: tuple(_elements_in(phrase) for phrase in line.split(","))
        for concept, line in _all_concepts().items()
    }


def _all_concepts() -> dict[str, str]:
    return _CONCEPTS | _SHARP_CONCEPTS | _BROAD_CONCEPTS


def _elements_in(phrase: str) -> tuple[str, ...]:
    """The words of a phrase as tokens() would cut and lemmatise them; a starred word stays a prefix."""
    elements: list[str] = []
    for word in phrase.split():
        if word.endswith("*") and word[:-1].isalpha():
            elements.append(word.replace("ё", "е"))
        else:
            elements += [token.lemma for token in tokens(word.rstrip("*"))]
    return tuple(elements)
