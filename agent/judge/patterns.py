"""Forms that the signals look for: bounds, times, dates, owners, arithmetic, persons. Patterns only."""

import re

from agent.text import word_set

BOUND = re.compile(
    r"[<>≥≤±→]|=>|\b(?:at most|at least|no more than|max|within|above|below|over|under|every|per|until|exceeds?|"
    r"longer than|more than|less than|older than|up to|after)\b"
    r"|(?:больше|более|меньше|менее|ниже|выше|дольше|старше|максимум|минимум|не реже|раз в|кажд\w+|свыше|до|"
    r"превыш\w+|порог\w*|при|через|за|после)\b",
    re.IGNORECASE,
)
ARITHMETIC = re.compile(
    r"\d[\d.,]*\s*[кkмmKKМ]?\w*\s*(?:[x×*/÷·+]|на|по)\s*~?\d[\d.,]*|(?<![A-Za-z_])=\s*~?\d|≈\s*~?\d|=>\s*~?\d|→\s*~?\d|~\d"
    # a result in words: "это 100 МБ", "that makes 8.6 TB"
    r"|\b(?:это|итого|выходит|получается|получаем|да[её]т|that(?:['’]s| is| makes| gives)|which (?:is|makes|gives)|comes to|makes)"
    r"\s(?:уже |около |примерно |порядка |about |roughly |around |some )?~?\d[\d.,\s]*\w*\s?(?:[KKМMGГTТПP][БB]|rps|"
    r"(?:в|за|a|per|an)\s\w+|/\s?\w)",
)
TIME = re.compile(r"\b\d{1,2}:\d{2,3}(?::\d{2})?\b")
CLOCK = re.compile(
    r"\b\d{1,2}:\d{2}\b|\b[TТ]\s?[+-]\s?\d+|(?<!\w)\+\d+(?::\d+)?\s*(?:с|s|мин|min|ч|h)?\b|\b\d{1,2}\.\d{2}\b(?!\.?\d|\s*%)"
    r"|\b\d{1,2}\s(?:sept?|oct|nov|dec|jan|feb|mar|apr|may|june?|july?|aug)\w*\b|\bday \d+\b|\bдень \d+\b",
    re.IGNORECASE,
)
BEFORE_AFTER = re.compile(
    r"\bfrom\s+[~≈]?\d[^.;\n]{0,30}\bto\s+[~≈]?\d|\bс\s+[~≈]?\d[^.;\n]{0,30}\bдо\s+[~≈]?\d"
    r"|\d[\d.,]*\s*[%\w]{0,4}\s*(?:→|->|—>|=>)\s*\d|\bбыл[оаи]?\b[^.;\n]{0,40}\d[^.;\n]{0,60}\b(?:стал|теперь|ни одн|ноль)"
    r"|\b(?:was|were|had)\b[^.;\n]{0,40}\d[^.;\n]{0,60}\b(?:now|became|after)\b|\bвместо\s+\d",
    re.IGNORECASE,
)
_MONTHS_RU = r"(?:янв|фев|март|апр|ма[яй]|июн|июл|авг|сент?|окт|ноя|дек)"
_WEEKDAY_RU = r"(?:понедельник|вторник|сред[аыуе]|четверг|пятниц[аыуе])"
DUE = re.compile(
    r"\b(?:by|due|before|until|from|до|к|срок\w*|после)\s*:?\s*(?:the\s+)?(?:\d|end|eod|mon|tue|wed|thu|fri|sat|sun|q[1-4]|jan|"
    r"feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|next|конца|пн|вт|ср|чт|пт|понед|вторн|сред[ыуе]|четв|пятн|след|янв|"
    r"фев|март|апр|ма[яй]|июн|июл|авг|сент|окт|ноя|дек|релиз|распрод|rollout|sale)"
    r"|\b\d{1,2}[./]\d{1,2}(?:[./]\d{2,4})?\b|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}-?(?:го|му)\b|\b\d{1,2}th\b"
    r"|\b\d{1,2}\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|янв|фев|март|апр|ма[яй]|июн|июл|авг|сен|окт|ноя|дек)\w*"
    r"|\b(?:mon|tues|wednes|thurs|fri)day\b|\b(?:mon|tue|wed|thu|fri)\b\.?(?=\s\d|\W*$)|\b(?:пн|вт|ср|чт|пт)\b(?=\s\d|\W*$)|\b(?:this|next|current) (?:sprint|week|month|quarter)\b|\b(?:today|tomorrow|"
    r"immediately|done|asap)\b|\bQ[1-4]\b|\bspr[iu]nt \d+"
    r"|(?:сегодня|завтра|немедленно|сделано|сразу|готово)\b|\b(?:эт(?:от|ом|ой|у)|текущ\w+|следующ\w+|ближайш\w+) (?:спринт|недел|месяц|"
    r"квартал|релиз)\w*|\bспринт\w* \d+|\b(?:одн[ау]|\d+)\s*(?:нед|недел\w*|дн\w*|мес\w*|weeks?|wks?|days?|months?|sprints?)\b"
    r"|\b(?:квартал|спринт)\b"
    # a bare weekday or month beside a comma, a dash or a bracket: "Mei, Fri.", "(Лёша, чт)", "Оля — пятница"
    r"|[,(;|—–]\s*(?:mon|tues?|weds?|thur?s?|fri|sat|sun|пн|вт|ср|чт|пт|"
    + _WEEKDAY_RU
    + r")\b\.?(?=\s*(?:[),.;:|—–\]]|$))"
    r"|[,(;|—–]\s*(?:january|february|march|april|june|july|august|september|october|november|december|"
    + _MONTHS_RU
    + r"\w*)"
    r"\b(?=\s*(?:[),.;:|—–\]]|$))"
    r"|\b(?:end|beginning|middle|start) of (?:the |this |next )?(?:day|week|month|quarter|sprint|year|january|february|march|april|may|"
    r"june|july|august|september|october|november|december)\b|\b(?:early|mid|late)[- ](?:january|february|march|april|may|june|july|"
    r"august|september|october|november|december)\b|\b(?:EO[DWMQ]|COB|H[12])\b"
    r"|(?:\b(?:in|within)\s|[,(;—–|]\s*)(?:a|one|two|three|four|six) (?:days?|weeks?|months?|sprints?)\b"
    r"|(?:\b(?:через|в течение|за)\s|[,(;—–|]\s*)(?:дв[ае]|двух|тр[иё]х?|трех|четыре|недел[юия]|месяца?|квартала?)\b(?:\s(?:дн\w+|недел\w+|"
    r"месяц\w*|спринт\w*))?(?=\s*(?:[),.;:|—–\]]|$))"
    r"|\b(?:во?|на|конец|конц[ау]|начал[оау]|середин[ауе]) (?:этой |следующей )?(?:недел[еиюя]|месяца|квартала|спринта|года|"
    + _WEEKDAY_RU
    + "|"
    + _MONTHS_RU
    + r"\w*)"
    r"(?=\s*(?:[),.;:|—–\]]|$))",
    re.IGNORECASE,
)
OWNER = re.compile(
    r"\b(?:owners?|owned by|assignee|responsible|lead|driver)\b\s*[:\-–—]?\s*\w+|@\w+"
    r"|(?:ответственн\w+|\bотв\.|исполнител\w+|владел\w+|делает|ведёт|ведет|отвечает)\s*[:\-–—]?\s*\w+"
    r"|\b(?:sre|dba|платформ\w*|platform|perf|qa|devops|infra\w*|инфра\w*|ops|дежурн\w+|on-call|бэкенд|backend|edge|сеть|"
    r"network|support|поддержк\w+|security|data|core|payments?|checkout|чекаут|pricing|перф|тимлид|архкомитет)"
    r"(?:[- ](?:team|guild|lead|группа|команда|group|owner))?\s*(?:[,.;)]|$|\d|до\b|by\b)"
    r"|\b(?:team|guild|команда|команды|группа)\b\s*\w*\s*[,.;)—–-]|\b(?:me|я)\s*[,.;)+]",
    re.IGNORECASE,
)
NAME = re.compile(
    r"(?:[—–,(;:.\-]\s*|\|\s*|^)([A-ZА-ЯЁ][a-zа-яё]{2,}(?:\s[A-ZА-ЯЁ][a-zа-яё]+)?)\s*(?=[,.;)(:|—–-]|$|\d|\s+(?:до|by|и|and)\b)"
)
# Who and when stand side by side: "P0, Mei, Fri.", "(Obi, by Tuesday)", "(безопасность, первая 10 сентября)".
NAME_BEFORE_DAY = re.compile(
    r"(?:[(\[,;|—–]|\b[PpРр]\d\b[.,:]?)\s*([A-ZА-ЯЁ][a-zа-яё]+(?:\s[A-ZА-ЯЁ][a-zа-яё]+)?)"
    r"(?:\s*(?:[,/&+]|and|и)\s*[A-ZА-ЯЁ][a-zа-яё]+)?(?=\s*[,;:—–-]\s*\S)"
)
BRACKET = re.compile(r"[(\[]([^()\[\]\n]{2,48})[)\]]")
TEAM = re.compile(
    r"\b(?:billing|loyalty|mobile|web|frontend|analytics|search|orders|catalog(?:ue)?|fulfil?ment|warehouse|delivery|release|reliability|"
    r"infrastructure|developers?|биллинг|лояльност\w+|мобильн\w+|фронт\w*|аналитик\w*|поиск|заказы|каталог|склад|доставка|"
    r"эксплуатаци\w|инфраструктур\w|разработк\w|безопасност\w|саппорт|админы|релиз-инженер\w*)\b",
    re.IGNORECASE,
)
# "на Ане", "on Hana": whose it is
ON_WHOM = re.compile(r"(?<![.!?…]\s)\bна\s([А-ЯЁ][а-яё]+[еи])(?=\s*(?:[,.;)|]|$|\s(?:до|к)\b))")
# "Obi owns it", "берёт Вадим", "Platform does it all"
TAKES = re.compile(
    r"\b([A-Z][A-Za-z]+)\s(?:owns|leads|drives|will do|takes? (?:it|this|that|these|both|the first|the rest|care)|does (?:it|this|these|both|them|all))\b"
    r"|\b(?:берет|берёт|возьмет|возьмёт|займется|займётся|поведет|поведёт)\s(?:на себя\s)?([А-ЯЁ][а-яё]+)"
    r"|\b([А-ЯЁ][а-яё]+)\s(?:берет|берёт|возьмет|возьмёт|займется|займётся|поведет|поведёт)\b"
)
NOT_NAMES = word_set(
    "postgres kafka redis alert done same before after owner prevent detect contain proof first second success "
    "target goal retry drill monday tuesday wednesday thursday friday january february march april may june july "
    "august september october november december timeout канарейка алерт сделано проверка критерий цель готово также "
    "mon tue tues wed weds thu thur thurs fri sat sun saturday sunday jan feb mar apr jun jul aug sep sept oct nov dec "
    "понедельник вторник среда среду среды четверг пятница пятницу пятницы январь января февраль февраля март марта апрель апреля "
    "май мая июнь июня июль июля август августа сентябрь сентября октябрь октября ноябрь ноября декабрь декабря "
    "пн вт ср чт пт кафке постгресе графане редисе проде стейдже стенде кубере кластере сервере "
    "it this that these they nobody everyone everybody canary canaries rollback retention backup backups restore cache queue limit "
    "limits timeout timeouts retries monitoring metrics dashboard dashboards runbook quorum fencing watchdog idempotency reconciliation "
    "migration pipeline load test tests feature flag flags config pool breaker staging production cause impact scope detection "
    "timeline mechanism trigger fix accept price cost risk откат сверка очередь кэш кеш таймаут таймауты ретраи повторы мониторинг "
    "метрики дашборд ранбук кворум сторож миграция пайплайн тест тесты флаг флаги конфиг пул стейдж прод причина влияние "
    "обнаружение цена риск итог порядок учения бэкап бэкапы лимит лимиты порог прогрев "
    "hpa grafana prometheus pagerduty kubernetes java rollback deploy release откат меры action actions each every"
)
I_WORDS = word_set("i my me я мой моя мое мне меня мной мою моем сам сама")
PAST_WORDS = word_set("was were had did got came failed worked happened fired took went noticed")
DONE_WORDS = word_set(
    "took found made saw wrote ran put set read drew dug cut built sent got kept chose split swapped began thought knew"
)
PAST_ENDINGS = ("л", "ла", "ло", "ли", "лся", "лась", "лось", "лись")
ONE_PERSON_PAST = ("л", "ла", "лся", "лась")
WE_WORDS = word_set("we our us мы наш наша наши нас нам нами")
ABSTRACT_EN = re.compile(r"(?:tions?|ments?|it(?:y|ies)|ances?|ences?|ness|ship|ism)$")
ABSTRACT_RU = re.compile(r"(?:ост(?:ь|и|ью|ей)|[ае]ни(?:е|я|ю|ем|й)|аци(?:я|и|ю|ей|й)|ств(?:о|а|ом|у))$")
HEADING_LINE = re.compile(r"\s*(?:#{1,6}\s|\*\*[^*\n]+\*\*|\|)")
