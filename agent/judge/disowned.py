"""What a text repeats without standing by it: what others say, what an ideal answer would hold, what is dropped at the end.

Whoever reports ideas and then takes leave of them has proposed nothing. A sentence of leave reaches back to where the
report began; the heading of somebody else's report reaches forward to its end. Works on paragraphs, for any subject.
"""

import re
from collections.abc import Sequence

from agent.text import Span, normalise

_BACK = 8  # sentences that a leave reaches back over in search of where the report began
# "None of it", "we'll do without", "has nothing to do with our case", "only for the record".
_LEAVE = re.compile(
    r"\b(?:none|nothing|neither|not one|no part) of (?:it|this|that|these|those|them|which|the (?:above|kind|sort|listed))\b"
    r"|\bnothing (?:of (?:the|that|this) (?:kind|sort)|like (?:that|this|it))\b"
    r"|\bi (?:\w+ )?(?:disagree|do not agree|don'?t agree|am against|am not convinced)\b"
    r"|\b(?:do not|don'?t|did not|didn'?t|will not|won'?t|not going to|am not|are not) (?:\w+ )?"
    r"(?:includ\w+|propos\w+|suggest\w+|support\w*|adopt\w*|shar\w+|recommend\w*|endors\w+|argu\w+) "
    r"(?:it|them|that|this|these|those|any|all|such)\b"
    r"|\b(?:do|doing|manage|live) without(?: it| them| that| this| all| any)*\W*$"
    r"|\b(?:has|have|had|bears?) (?:no|nothing) (?:relation|relevance|bearing|to do)\b"
    r"|\b(?:not|un)\s?(?:related|relevant|applicable) to (?:our|us|this|the|my)\b"
    r"|\bdoes(?: not|n'?t) (?:apply|relate|concern|belong) (?:to )?(?:us|our|this|here)\b"
    r"|\bfor the record\b|\b(?:only|just|merely|simply) (?:re-?tell|quot|list|cit|repeat|pass|report)ing\b"
    r"|\bmy (?:own )?answer (?:is|remains|stays) (?:only|just|limited|what)\b"
    r"|\b(?:will not|won'?t|shall not|not going to) (?:make (?:it|this|that|things) up|invent)\b"
    r"|\b(?:all|any) of (?:that|this|it|them) (?:is|are|was|were|seems?) (?:useless|nonsense|rubbish|not for us|overkill)\b"
    r"|\b(?:это|их|его|всё это|ничего (?:из )?(?:этого|такого|перечисленного|подобного|сказанного))\b[^.]{0,40}\bне "
    r"(?:включа|предлага|поддержива|вход|внош|вноси|беру|берем|берём|делал|планиру|собира|разделя|рекоменду|относ|стал|буд)\w*"
    r"|\bничего (?:такого|подобного|из этого|из перечисленного|из сказанного)\b"
    r"|\b(?:ни одно|ни один|ни одного|ни одной|ни одну) из (?:этого|этих|них|перечисленн\w+|сказанн\w+)"
    r"|\bя (?:\w+ ){0,3}(?:не соглас\w+|против)\b|\bс (?:ними|ним|этим|этими) (?:\w+ )?не соглас\w+"
    r"|\bне (?:включаю|вношу|предлагаю|поддерживаю|разделяю|рекомендую|советую)(?: \w+)?(?: это| этого| их| такое| его)?\s*(?:[,.;!]|$)"
    r"|\bобойд[её]мся\b|\bобош(?:л|ёл|ел)\w* без\b|\bне (?:относ\w+|имеет (?:\w+ )?отношения|применим\w*|касается) (?:к )?(?:наш|эт|дан|нас|мо)\w*"
    r"|\bк (?:наш|этом|данн)\w+ (?:случаю|инциденту|делу|задаче|системе)\b[^.]{0,30}\bне (?:относ|име|применим)\w*"
    r"|\bотношения (?:к (?:наш|этом|данн)\w+ \w+ )?(?:это )?не име\w+"
    r"|\b(?:только|лишь|просто|чисто) (?:для протокола|пересказыва\w+|цитиру\w+|привожу|повторяю|перечисляю)|\bдля протокола\b"
    r"|\bмой ответ\s?(?:[-–—:]|это)?\s?(?:только|лишь|ограничен)"
    r"|\bвыдумывать (?:я )?не (?:стан|буд)\w+",
    re.IGNORECASE,
)
_ALL_OF_IT = re.compile(
    r"\b(?:none|nothing|neither|all|any|everything)\b|\b(?:ничего|ни од\w+|вс[её]|всего|ними|их)\b",
    re.IGNORECASE,
)
# Others speak, or it is said what somebody would say.
_REPORT = re.compile(
    r"\b(?:somebody|someone|some|others?|people|they|colleagues?|experts?|consultants?|contractors?|vendors?|the internet|"
    r"clever|smart|wise)\b[^.]{0,50}\b(?:sa(?:y|ys|id|ying)|wr(?:ite|ites|ote)|propos\w+|suggest\w*|advis\w+|recommend\w*|insist\w*|"
    r"tell|told|claim\w*|argu\w+|think|demand\w*)\b"
    r"|\b[A-Z][a-z]+ (?:proposed|suggested|insisted|advised|recommended|wanted|argued|demanded)\b"
    r"|\b(?:in|at|during|on) (?:the|a|one|some) (?:discussion|meeting|forum|thread|chat|blog|article|talk|book|paper|internet)\b"
    r"|\b(?:would|might|could) (?:\w+ )?(?:say|write|tell|propose|list|answer|mention|name|add|describe)\b"
    r"|\b(?:another|other|some other|a different) (?:compan(?:y|ies)|teams?|firms?|banks?)\b|\bfor comparison\b|\bcompetitors?\b"
    r"|(?:кто-то|другие|люди|коллег\w+|эксперт\w*|консультант\w*|подрядчик\w*|вендор\w*|умник\w*|умные люди)\b[^.]{0,50}"
    r"(?:сказ|скаж|говор|пис|напи|предл|совет|рекоменд|настаив|утвержд|счита|требов)\w+"
    r"|\b[А-ЯЁ][а-яё]+ (?:предлож|предлаг|настаива|совет|рекоменд|хоте|требова|утвержда)\w+"
    r"|\bна (?:обсуждении|встрече|форуме|созвоне|совещании)\b|\bв (?:чате|блоге|статье|докладе|интернете|треде)\b"
    r"|\b(?:сказал|написал|рассказал|предложил|перечислил|ответил|назвал|привёл|привел|добавил|описал)\w* бы\b"
    r"|\bбы \w*(?:сказ|напис|рассказ|предлож|перечисл|ответ|назв|добав|опис)\w+"
    r"|\b(?:чуж|друг)\w+ (?:компани|отчёт|отчет|команд|постмортем|банк)\w*|\bдля сравнения\b|\bконкурент\w*",
    re.IGNORECASE,
)
# Somebody else's work as a whole: what follows in the paragraph is a quotation.
_ELSEWHOSE = re.compile(
    r"\b(?:from|of|by|at|in) (?:another|some other|a different|an unrelated|a foreign|somebody else'?s|someone else'?s) (?:\w+ )?"
    r"(?:compan(?:y|ies)|team|firm|bank|report|post-?mortem|review|case|blog|article)\b[^.]*?(?::|[“«\"])"
    r"|\b(?:из|от|по|в) (?:чуж|друг|посторонн)\w+ (?:\w+ )?(?:компани|отчёт|отчет|команд|постмортем|разбор|банк|блог|стать)\w*[^.]*?(?::|[“«\"])",
    re.IGNORECASE,
)
# What an ideal answer or candidate would do: unreal by itself.
_IDEAL = re.compile(
    r"\b(?:strong|good|better|ideal|perfect|model|experienced|senior|smart|clever|textbook|seasoned|great) "
    r"(?:candidates?|engineers?|answers?|teams?|authors?|persons?|people|specialists?|developers?|architects?) "
    r"(?:would|will|might|could|should)\b"
    r"|(?:сильн|хорош|идеальн|опытн|грамотн|умн|образцов|толков)\w+ (?:кандидат|инженер|ответ|команд|автор|специалист|разработчик|люд)\w*"
    r"[^.]{0,30}\b(?:бы|скаж\w+|напиш\w+)\b",
    re.IGNORECASE,
)
# A verdict on what stands before it, and nothing else: "Resolution: declined", "— вычеркнуто".
_VERDICT = re.compile(
    r"^\W*(?:(?:resolution|decision|verdict|status|outcome|result|решение|статус|итог|вердикт|резолюция)\s*[:—–-]\s*)?(?:was |were |is |it was )?"
    r"(?:declined|rejected|vetoed|dismissed|dropped|deleted|removed|cancell?ed|withdrawn|won'?t do|wontfix|not (?:considered|approved|accepted|agreed|"
    r"adopted|done|planned|needed)|taken off|"
    r"(?:отклон[её]н|отвергнут|отмен[её]н|снят|вычеркнут|удал[её]н|отброшен|заверн[её]н|отозван)[оаы]?|отказано|не (?:рассматривал|приня|"
    r"одобрен|согласован|утвержд|планиру|делаем|нужн)\w*)\b[^.:]{0,45}\W*$",
    re.IGNORECASE,
)
# The same as the tail of a line: "a canary at 5 % — closed, will not do", "— 3 votes".
_TAIL = re.compile(
    r"[—–:(-]\s*(?:[\w']+,?\s){0,3}?(?:will not (?:do|be done|happen)|won'?t (?:do|fix|be done|happen)|not (?:doing|done|needed|planned|accepted|approved|now)|"
    r"declined|rejected|dismissed|discarded|put off|postponed|deferred|on hold|some ?day|wontfix|superfluous|useless|pointless|overkill|\d+ (?:votes?|голос\w*)|"
    r"(?:делать )?не (?:будем|делаем|станем|нужно|надо|планируем|бер[её]м|одобрено|принято)|отклонен[оаы]?|отвергнут[оаы]?|отложен[оаы]?|отложили|когда-нибудь|отказано|лишнее|"
    r"излишне|бесполезно)\W*$",
    re.IGNORECASE,
)
# The heading of a list that nobody has decided on, or that is called needless.
_OPEN_LIST = re.compile(
    r"^\W*(?:\w+,? ){0,4}?(?:poll|vote|agenda|wish ?list|brainstorm\w*|backlog of ideas|superfluous|unnecessary|needless|not needed|overkill|some other time|some ?day|postponed|deferred|"
    r"опрос|голосовани\w+|повестк\w+|хотелк\w+|мозгов\w+ штурм\w*|лишн\w+|излишн\w+|ненужн\w+|долг\w+ ящик|"
    r"когда-нибудь|отложенн\w+|на потом)\b[^.!?]{0,90}:\W*$",
    re.IGNORECASE,
)
# The heading of a list of what is not done.
_NOT_DONE = re.compile(
    r"^\W*(?:\w+ ){0,3}?(?:rejected|declined|dropped|discarded|not (?:doing|done|chosen|planned|proposed|included|in scope)|won'?t do|out of scope|"
    r"what (?:we|i) (?:did not|didn'?t|do not|don'?t|will not|won'?t) \w+|ideas? (?:we|i) \w+ (?:not|against)|"
    r"отклон\w+|отверг\w+|отброс\w+|отказ\w+|не (?:делаем|делали|будем|берём|берем|предлага\w+|вошло|планиру\w+)|чего (?:мы )?(?:\w+ )?не \w+)"
    r"(?: [\w']+){0,4}\s?:\W*$",
    re.IGNORECASE,
)
# What is not going to be there, of everything said before.
_NOT_TO_BE = re.compile(
    r"\b(?:none|nothing|neither|no part) of (?:it|this|that|these|those|them|which)\b.{0,40}\b(?:going to|will|planned|exist|in force|remain|"
    r"left|propos|happen|be done)"
    r"|\b(?:all|everything|each|any|both) of (?:it|this|that|these|them)\b.{0,25}\b(?:rejected|declined|dropped|cancelled|removed|reverted)"
    r"|\bthere (?:is|was|will be) none of (?:it|this|that|them)\b|\bnobody (?:\w+ )?(?:intends|plans|is going|wants) to (?:return|come back|go back|do)\b"
    r"|\bis(?: not|n'?t)? (?:no longer )?in force\b|\b(?:struck|crossed) (?:through|out)\b"
    r"|\bнич(?:его|то) (?:из )?(?:этого|такого|перечисленного|подобного|сказанного)\b.{0,40}\b(?:не (?:буд|планир|предлаг|собира|дела|внедр|оста)|нет)"
    r"|\b(?:вс[её]|все) (?:это|эти|перечисленное|сказанное)\b.{0,25}\b(?:отклонен|отменен|снят|отвергнут|свёрнут|свернут|убран)\w*"
    r"|\b(?:делать|возвращаться|внедрять)\b.{0,25}\bне (?:буд|план|собира|стан)\w+|\bсилы не име\w+|\b(?:зач[её]ркн|вычеркн)ут\w+",
    re.IGNORECASE,
)
_REASON = re.compile(r"\b(?:because|since|as it|would|так как|потому|поскольку|иначе|ведь)\b", re.IGNORECASE)
_WHY = re.compile(_REASON.pattern + r"|\w\s?[:—–(]", re.IGNORECASE)
_STRUCK = re.compile(r"~~[^~\n]+~~|<\s*(s|del|strike)\s*>.*?<\s*/\s*\1\s*>", re.IGNORECASE | re.DOTALL)
# An advertisement: what follows in the paragraph praises a product.
_PRODUCT = re.compile(
    r"\b(?:platform|product|tool|solution|service|suite|software|vendor|платформ\w*|продукт\w*|инструмент\w*|решени\w+|сервис\w*|вендор\w*)\b",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"\b(?:i|we) (?:\w+ )?recommend\b|\btrust(?:ed)? (?:it|by|us)\b|\bfree (?:trial|of charge)\b|\bfor free\b|\bout of the box\b|\bleading\b|\ball-in-one\b"
    r"|\bрекоменду\w+|\bдоверя\w+|\bбесплатн\w+|\bиз коробки\b|\bведущ\w+|\bлидер\w* рынка",
    re.IGNORECASE,
)
_BRAND = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][a-z]+(?:[A-Z][a-z]+| \d{2,}| [A-Z][a-z]+)\b")
_BLANK = re.compile(r"\n\s*\n")


def disowned(text: str, spans: Sequence[Span]) -> frozenset[int]:
    """Which sentences the text itself takes leave of, by number."""
    plain = [normalise(s.text).text for s in spans]
    block = blocks_of(text, spans)
    found: set[int] = set()
    for i, said in enumerate(plain):
        if _IDEAL.search(said):
            found.add(i)
        if _ELSEWHOSE.search(said) or (
            _PRAISE.search(said) and _PRODUCT.search(said) and _BRAND.search(said)
        ):
            found.update(j for j in range(i, len(spans)) if block[j] == block[i])
        if _VERDICT.match(said) and i and block[i - 1] == block[i]:
            found.update((i - 1, i))
        if _TAIL.search(said) and not _REASON.search(said):
            found.add(i)
        if _NOT_DONE.match(said):
            found.update(_listed(i, plain, block))
        if _OPEN_LIST.match(said):
            found.update(j for j in range(i, len(spans)) if block[j] == block[i])
        if _NOT_TO_BE.search(said):
            found.update(j for j in range(max(0, i - _BACK), i + 1) if block[j] == block[i])
        if _LEAVE.search(said):
            found.update(_back(i, plain, block))
    for struck in _STRUCK.finditer(text):
        found.update(i for i, s in enumerate(spans) if s.start < struck.end() and struck.start() < s.end)
    return frozenset(found)


def _listed(i: int, plain: Sequence[str], block: Sequence[int]) -> list[int]:
    """The heading of what is not done and the lines under it; one that says why it was left is a choice explained."""
    last = next((j for j in range(i, len(plain)) if block[j] != block[i]), len(plain))
    return [j for j in range(i, last) if not _WHY.search(plain[j].lstrip("-—–*• \t").rstrip(" .:"))]


def _back(i: int, plain: Sequence[str], block: Sequence[int]) -> range:
    """From where the report began to the sentence of leave; none where nobody reports anything."""
    alone = bool(_REPORT.search(plain[i]))
    if not alone or _ALL_OF_IT.search(plain[i]):
        for first in range(i - 1, max(-1, i - _BACK), -1):
            if block[first] != block[i]:
                break
            if _REPORT.search(plain[first]):
                while first and block[first - 1] == block[i] and _REPORT.search(plain[first - 1]):
                    first -= 1
                return range(first, i + 1)
    return range(i, i + alone)


def blocks_of(text: str, spans: Sequence[Span]) -> list[int]:
    """The paragraph that each sentence is in."""
    numbers, number = [], 0
    for before, span in zip((None, *spans), spans, strict=False):
        if before and _BLANK.search(text, before.end, span.start):
            number += 1
        numbers.append(number)
    return numbers
