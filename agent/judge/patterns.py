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
DUE = re.compile(
    r"\b(?:by|due|before|until|from|до|к|срок\w*|после)\s*:?\s*(?:the\s+)?(?:\d|end|eod|mon|tue|wed|thu|fri|sat|sun|q[1-4]|jan|"
    r"feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|next|конца|пн|вт|ср|чт|пт|понед|вторн|сред[ыу]|четв|пятн|след|янв|"
    r"фев|март|апр|ма[яй]|июн|июл|авг|сент|окт|ноя|дек|релиз|распрод|rollout|sale)"
    r"|\b\d{1,2}[./]\d{1,2}(?:[./]\d{2,4})?\b|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}-?(?:го|му)\b|\b\d{1,2}th\b"
    r"|\b\d{1,2}\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|янв|фев|март|апр|ма[яй]|июн|июл|авг|сен|окт|ноя|дек)\w*"
    r"|\b(?:mon|tues|wednes|thurs|fri)day\b|\b(?:mon|tue|wed|thu|fri)\b\.?(?=\s\d|\W*$)|\b(?:пн|вт|ср|чт|пт)\b(?=\s\d|\W*$)|\b(?:this|next|current) (?:sprint|week|month|quarter)\b|\b(?:today|tomorrow|"
    r"immediately|done|asap)\b|\bQ[1-4]\b|\bspr[iu]nt \d+"
    r"|(?:сегодня|завтра|немедленно|сделано|сразу|готово)\b|(?:этот|этом|текущ\w+|следующ\w+|ближайш\w+) (?:спринт|недел|месяц|"
    r"квартал|релиз)\w*|\bспринт\w* \d+|\b(?:одн[ау]|\d+)\s*(?:нед|недел\w*|дн\w*|мес\w*|weeks?|wks?|days?|months?|sprints?)\b"
    r"|\b(?:квартал|спринт)\b",
    re.IGNORECASE,
)
OWNER = re.compile(
    r"\b(?:owners?|owned by|assignee|responsible|lead|driver)\b\s*[:\-–—]?\s*\w+|@\w+"
    r"|(?:ответственн\w+|исполнител\w+|владел\w+|делает|ведёт|ведет|отвечает)\s*[:\-–—]?\s*\w+"
    r"|\b(?:sre|dba|платформ\w*|platform|perf|qa|devops|infra\w*|инфра\w*|ops|дежурн\w+|on-call|бэкенд|backend|edge|сеть|"
    r"network|support|поддержк\w+|security|data|core|payments?|checkout|чекаут|pricing|перф|тимлид|архкомитет)"
    r"(?:[- ](?:team|guild|lead|группа|команда|group|owner))?\s*(?:[,.;)]|$|\d|до\b|by\b)"
    r"|\b(?:team|guild|команда|команды|группа)\b\s*\w*\s*[,.;)—–-]|\b(?:me|я)\s*[,.;)+]",
    re.IGNORECASE,
)
NAME = re.compile(
    r"(?:[—–,(;:.\-]\s*|\|\s*|^)([A-ZА-ЯЁ][a-zа-яё]{2,}(?:\s[A-ZА-ЯЁ][a-zа-яё]+)?)\s*(?=[,.;)(:|—–-]|$|\d|\s+(?:до|by|и|and)\b)"
)
NOT_NAMES = word_set(
    "postgres kafka redis alert done same before after owner prevent detect contain proof first second success "
    "target goal retry drill monday tuesday wednesday thursday friday january february march april may june july "
    "august september october november december timeout канарейка алерт сделано проверка критерий цель готово также "
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
