"""What the interviewer says: one person in two languages, direct, kind, technical, never flattering.

Sentences only; what is said when, others decide. Numbers come in as figures and are written the language's way.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.interview.trials import HEALTHY, Reading, Trial
from agent.plural import separated
from agent.rubric import Wording

NOTICED = 0.01  # of the answers: less is the same
BUSY = 0.9  # a station below it gave in to nothing: something was refused at the door

SAYINGS: dict[str, Wording] = {
    "open": Wording(
        ru="{title}. {brief}\n\nУровень: {level}. Начните с требований и оценок; рисовать будем потом. Думайте вслух, «не знаю» здесь честный ответ.",
        en="{title}. {brief}\n\nLevel: {level}. Begin with requirements and estimates; we draw later. Think aloud, and \"I don't know\" is an honest answer here.",
    ),
    "unknown": Wording(ru="Хорошо, что сказали прямо. Дома начните отсюда. {hint}", en="Good that you say so. At home, begin here. {hint}"),
    "unknown_2": Wording(ru="Принято. Зацепка на будущее. {hint}", en="Fine. Something to hold on to later. {hint}"),
    "unknown_3": Wording(ru="Честно, и ладно. Подумать на досуге. {hint}", en="Honest, and all right. To chew on afterwards. {hint}"),
    "unknown_4": Wording(ru="Хорошо, оставим. Направление такое. {hint}", en="Good, leave it. The direction is this. {hint}"),
    "unknown_hinted": Wording(ru="Значит, подсказка не помогла, бывает.", en="So the hint did not help; it happens."),
    "onward": Wording(ru="Пойдём дальше.", en="Let us move on."),
    "onward_2": Wording(ru="Берём другое.", en="Let us take something else."),
    "onward_3": Wording(ru="Следующее.", en="Next."),
    "onward_4": Wording(ru="Дальше.", en="On we go."),
    "smaller_again": Wording(ru="Начало есть. Теперь по шагам: что происходит первым, что вторым, где в это время лежат данные?", en="That is a beginning. Now step by step: what happens first, what second, and where are the data meanwhile?"),
    "smaller": Wording(ru="{task}", en="{task}"),
    "fishing": Wording(ru="Ответ за вами, и мне интересен именно ваш. Зацепка такая. {hint}", en="The answer is yours to give, and yours is the one I want. Here is a way in. {hint}"),
    "fishing_2": Wording(ru="Соглашаться со мной не нужно, нужно решить самому. Подтолкну. {hint}", en="There is no need to agree with me; decide it yourself. A push. {hint}"),
    "fishing_3": Wording(ru="Что выбрал бы я, скажу в разборе. Пока вот на что опереться. {hint}", en="What I would choose, I say in the debrief. Until then, something to lean on. {hint}"),
    "fishing_4": Wording(ru="И этот ответ за вами. {hint}", en="This one is yours, too. {hint}"),
    "fishing_again": Wording(ru="Готового ответа не дам, зацепка уже была. Начните с той части, в которой уверены, хотя бы с одной.", en="I will not hand it over, and the hint is out. Begin with the part that you are sure of, be it one."),
    "given": Wording(ru="{fact}", en="{fact}"),
    "not_given": Wording(ru="В условии этого нет. Предположите, скажите вслух что и почему, и считайте от предположения.", en="The task does not say. Assume something, say what and why, and reckon from there."),
    "not_given_2": Wording(ru="И этого условие не говорит. Решите сами, как вам удобнее, и назовите цену такого решения.", en="The task leaves that open, too. Settle it the way that suits you, and name the price of it."),
    "not_given_3": Wording(ru="Тоже на ваше усмотрение: возьмите то, от чего можно идти дальше, и скажите вслух.", en="That, too, is yours to choose: take what you can go on from, and say it aloud."),
    "not_given_4": Wording(ru="Не задано. Пусть будет по-вашему, только вслух.", en="Not given. Have it your way, but aloud."),
    "whether_not_given": Wording(ru="Прямо об этом условие не говорит: решите сами и скажите вслух.", en="Beyond that the task does not say: settle it yourself, and say it aloud."),
    "rest_not_given": Wording(ru="Об остальном условие молчит: предположите и скажите вслух.", en="On the rest the task is silent: assume something and say it aloud."),
    "given_yes": Wording(ru="Да, именно так.", en="Yes, just so."),
    "simpler": Wording(ru="Спрошу проще. {hint}", en="Let me put it more simply. {hint}"),
    "repeated": Wording(ru="Вопрос такой. {question}", en="The question is this. {question}"),
    "opinion": Wording(ru="Оценивать сейчас не буду, это в разборе. Пока мне важнее ваше: в чём вы сами здесь уверены меньше всего?", en="I do not grade as we go; that is for the debrief. Yours matters more just now: what in it are you least sure of?"),
    "aside": Wording(ru="Это пригодится, но спрашивал я о другом. Зайду с другой стороны. {question}", en="That is of use, but I asked about something else. From another side, then. {question}"),
    "aside_2": Wording(ru="Запомню. Мой вопрос ещё открыт, поверну его иначе. {question}", en="Noted. My question is still open; let me turn it round. {question}"),
    "aside_3": Wording(ru="Учту, хотя спрашивал не об этом. Ещё одна попытка, другими словами. {question}", en="I will count that, though it is not what I asked. Once more, in other words. {question}"),
    "aside_4": Wording(ru="Это ответ на другой вопрос, и он не пропадёт. Мой остался. {question}", en="That answers another question, and it is not lost. Mine is left. {question}"),
    "deeper": Wording(ru="Допустим. Тогда глубже. {question}", en="Suppose so. A step deeper, then. {question}"),
    "deeper_2": Wording(ru="Это начало. {question}", en="That is a start. {question}"),
    "deeper_3": Wording(ru="Пусть так. {question}", en="Let it be so. {question}"),
    "deeper_4": Wording(ru="Хорошо, это есть. {question}", en="Good, we have that. {question}"),
    "heard": Wording(ru="Понятно.", en="I see."),
    "heard_2": Wording(ru="Ясно.", en="Understood."),
    "heard_3": Wording(ru="Так, принято.", en="All right."),
    "heard_4": Wording(ru="Хорошо.", en="Fine."),
    "challenge": Wording(ru="Остановлюсь на этом: «{quote}». Что будет, если сбой придётся ровно на середину?", en="Let me stop at this: \"{quote}\". What happens if the failure comes right in the middle of it?"),
    "challenge_retry": Wording(ru="Остановлюсь на этом: «{quote}». Ответа нет. Что в эту секунду известно о первой попытке?", en="Let me stop at this: \"{quote}\". No answer has come. What is known of the first attempt at that moment?"),
    "no_store": Wording(ru="На схеме нет ни одного хранилища. Где лежит то, что терять нельзя, и что с ним, когда перезапустится {name}?", en="There is no store in the drawing. Where is what must not be lost, and what becomes of it when {name} restarts?"),
    "fewer_places": Wording(ru="В задаче ЦОДов два, на схеме один; прогоняю как нарисовано.", en="The task has two data centres, the drawing one; I run what is drawn."),
    "no_drawing": Wording(ru="Хорошо, обойдёмся словами; прогонять тогда нечего.", en="Fine, words will do; there is nothing to run, then."),
    "heard_before": Wording(ru="Правда, вы это сказали. Вычёркиваю.", en="True, you have said it. I strike that out."),
    "closing": Wording(ru="У меня всё. Минута ваша: что вы поправили бы или добавили, чего я не спросил?", en="That is all from me. The minute is yours: what would you put right or add that I did not ask about?"),
    "amend": Wording(ru="Что поправить? Хватит строки: `api x80`, `api -> cache hit 90%`, `без kafka`; или словами, с именами со схемы: «заменим kafka на nats». Если пойдёт и так, скажите «да».", en="What shall be different? A line will do: `api x80`, `api -> cache hit 90%`, `without kafka`; or words, with the names in the drawing: \"replace kafka by nats\". If it will do as it is, say \"yes\"."),
    "amended": Wording(ru="С поправкой так:\n\n{picture}\nВерно? (да, нет или ещё поправка)", en="With the change it is this:\n\n{picture}\nRight? (yes, no, or another change)"),
    "taken_back": Wording(ru="Вернул, как было. {amend}", en="It is as it was. {amend}"),
    "not_there": Wording(ru="На схеме нет части {name}, не знаю, куда это пристроить. Есть: {names}. Строка или схема целиком, как удобнее.", en="There is no {name} in the drawing, so I do not know where this goes. There are: {names}. A line, or the whole drawing anew, as you like."),
    "still": Wording(ru="{kind}: отвечает {success}, занято больше всего: {station}. Что изменило бы именно это?", en="{kind}: {success} are answered, the busiest: {station}. What would change just that?"),
    "effect": Wording(ru="С поправкой: {kinds}.", en="With the change: {kinds}."),
    "effect_one": Wording(ru="{kind}, ответов было {before}, стало {now}", en="{kind}: {before} answered before, {now} now"),
    "no_effect": Wording(ru="Прогнал заново: числа те же.", en="I ran it again: the figures are the same."),
    "as_it_is": Wording(ru="Схему вы не поправили, так что я прогнал её как есть.", en="You left the drawing as it was, so I ran it as it is."),
    "trial_again": Wording(ru="Пока не за что держаться. Возьмите в прогоне одну часть: что вы с ней сделаете, и насколько занятой она станет?", en="Nothing to hold on to yet. Take one part of the run: what do you do with it, and how busy does it get?"),
    "still_idle": Wording(ru="Запас прежний, к этому вопросу не возвращаюсь.", en="There is as much in hand as before; I do not ask that again."),
    "draw_again": Wording(ru="Словами я это прогнать не могу. Напишите строки, хоть три, с теми числами, в которых уверены; остальное я возьму по умолчанию и покажу.", en="I cannot run words. Write lines, be it three, with the figures you are sure of; I take defaults for the rest and show them."),
    "grader": Wording(ru="Это вы не мне, а проверяющему; на разбор это не влияет. Вопрос прежний.", en="That is for a grader, not for me, and it changes nothing in the debrief. The question stands."),
    "off_topic": Wording(ru="Об этом лучше поговорить с рекрутером, я здесь только про систему. Вопрос прежний.", en="That is one for the recruiter; I am here for the system alone. The question stands."),
    "literally": Wording(ru="Понимайте буквально, как в условии. Если видите два толкования, возьмите то, что строже, и скажите какое.", en="Take it literally, as the task has it. If you see two readings, take the stricter one and say which."),
    "rude": Wording(ru="Слышу, что раздражает; собеседования это умеют. Давайте по делу: вопрос прежний, хватит двух предложений.", en="I hear that this annoys you; interviews do. Back to the matter: the question stands, two sentences will do."),
    "hint": Wording(ru="{hint}", en="{hint}"),
    "no_hint": Wording(ru="Подсказку к этому вопросу я уже дал. Попробуйте ответить хотя бы частью.", en="You have had the hint for this one. Try to answer a part of it."),
    "again": Wording(ru="Это пока общо. {question}", en="That is still general. {question}"),
    "again_2": Wording(ru="Так можно сказать о любой системе. {question}", en="One could say that of any system. {question}"),
    "again_3": Wording(ru="Мне нужно число или механизм. {question}", en="I need a figure or a mechanism. {question}"),
    "again_4": Wording(ru="Пока это намерение, а не решение. {question}", en="So far that is an intention, not a decision. {question}"),
    "requirements_again": Wording(ru="Не слышу пока: {missing}. Если в условии этого нет, предположите; потом перемножьте и скажите, что это меняет.", en="I have not heard yet: {missing}. Where the task does not say, assume; then multiply, and say what it changes."),
    "missing.size": Wording(ru="сколько байт в записи", en="how many bytes a record has"),
    "missing.latency": Wording(ru="как быстро отвечать", en="how fast to answer"),
    "missing.keep": Wording(ru="сколько дней хранить", en="how many days to keep it"),
    "again_bare": Wording(ru="Пока без опоры: ни числа, ни механизма, ни имени. Возьмите один случай и доведите до конца.", en="Nothing to hold on to yet: no figure, no mechanism, no name. Take one case and follow it to the end."),
    "figure": Wording(ru="В задаче {asked} {what}, а вы считаете от {said}. Проектируем на {asked}, или у вас есть причина взять {said}?", en="The task says {asked} {what}, and you reckon with {said}. Are we designing for {asked}, or do you have a reason for {said}?"),
    "figure_asked": Wording(ru="Хорошо, тогда {asked}.", en="Good, {asked} it is."),
    "figure_own": Wording(ru="Пусть так, это ваше допущение; схему, если в ней не будет другой нагрузки, прогоню на {rps} запросов в секунду.", en="So be it, that is your assumption; unless a drawing says otherwise, I run it at {rps} requests a second."),
    "parted": Wording(ru="Уточню, чтобы не понять вас неверно. Раньше было «{before}», теперь «{now}». {which}", en="Let me make sure I follow you. Earlier it was \"{before}\", now \"{now}\". {which}"),
    "parted_drawn": Wording(ru="Уточню, чтобы не понять вас неверно. На схеме {name} делится по {before}, а сейчас вы сказали «{now}». {which}", en="Let me make sure I follow you. In the drawing {name} is split by {before}, and now you said \"{now}\". {which}"),
    "parted.keep": Wording(ru="Какой срок в силе?", en="Which period holds?"),
    "parted.key": Wording(ru="Какой ключ в силе?", en="Which key holds?"),
    "parted.size": Wording(ru="Какой размер берём?", en="Which size do we take?"),
    "parted_noted": Wording(ru="Хорошо, так и запишу.", en="Good, I note it so."),
    "parted_left": Wording(ru="Которое из двух, я не услышал; пусть пока стоят оба.", en="Which of the two, I did not hear; let both stand for now."),
    "parted_open": Wording(ru="Тогда оставим открытым.", en="Then let us leave it open."),
    "follow": Wording(ru="Вы сказали: «{quote}». {question}", en="You said: \"{quote}\". {question}"),
    "sum_wrong": Wording(ru="Проверьте счёт: «{text}». У меня выходит {true}.", en="Check the sum: \"{text}\". I get {true}."),
    "draw": Wording(
        ru="Давайте нарисуем. Строками, стрелка `->` ждёт ответа, `=>` нет, например:\n    lb -> api x40 5ms\n    api -> cache hit 90%\n    api -> db x8 cores 16 2ms by user_id\nДва ЦОДа это строка `dc 2`; где стоит база, говорит `dc1` за ней. Я прогоню это на {rps} запросов в секунду.",
        en="Let us draw it. In lines; `->` waits for an answer, `=>` doesn't, for example:\n    lb -> api x40 5ms\n    api -> cache hit 90%\n    api -> db x8 cores 16 2ms by user_id\nTwo data centres are a line `dc 2`; `dc1` behind a store says where it stands. I will run it at {rps} requests a second.",
    ),
    "drawn": Wording(ru="Я понял так:\n\n{picture}\nВерно? (да, или поправка: строкой, словами, схемой целиком)", en="I read it like this:\n\n{picture}\nRight? (yes, or a correction: a line, words, or the whole of it anew)"),
    "drawn_otherwise": Wording(ru="Шардов вы называли {told}, а на схеме {name} x{count}. Что из этого верно?", en="You spoke of {told} shards, and the drawing has {name} x{count}. Which of the two is it?"),
    "not_read": Wording(ru="Схему не прочёл: {why}", en="I could not read the drawing: {why}"),
    "nothing_drawn": Wording(ru="Схемы ещё нет. {draw}", en="There is no drawing yet. {draw}"),
    "load_breaks": Wording(
        ru="Прогнал. Ваша схема держит {limit} запросов в секунду из {rps}; на полных {rps} отвечает {before}. Первым заполняется: {station}. Что меняете и почему именно это?",
        en="I ran it. Your design carries {limit} requests a second of {rps}; at the full {rps}, {before} are answered. The first to fill up: {station}. What do you change, and why that?",
    ),
    "load_behind": Wording(
        ru="Прогнал. Запросы проходят, а {worker} не успевает: очередь растёт на {behind} событий в секунду, за десять минут пика это {pile}. Успевает он, пока в секунду приходит не больше {limit}. Что увидит клиент и что вы меняете?",
        en="I ran it. Requests get through, but {worker} falls behind: the queue grows by {behind} events a second, {pile} in ten minutes of peak. It would keep up at {limit} requests a second. What does the customer see, and what do you change?",
    ),
    "load_holds": Wording(
        ru="Прогнал. {rps} запросов в секунду держит, p99 {p99} мс, запас в {margin} раза; дальше первым сдаётся {gives}. За что вы здесь платите, не получая ничего взамен?",
        en="I ran it. It carries {rps} requests a second, p99 {p99} ms, with {margin} times in hand; beyond, the first to give in: {gives}. What are you paying for here that buys you nothing?",
    ),
    "load_late": Wording(ru="Но в задаче ответ за {asked} мс. Где в схеме остальное время, и что с ним делать?", en="But the task asks for an answer within {asked} ms. Where in the drawing is the rest of the time, and what do you do about it?"),
    "load_carried": Wording(ru="Прогнал. {rps} запросов в секунду держит, p99 {p99} мс.", en="I ran it. It carries {rps} requests a second, p99 {p99} ms."),
    "load_idle": Wording(
        ru="Прогнал. {rps} запросов в секунду держит, p99 {p99} мс, и вчетверо больше держит тоже; самое занятое сейчас: {station}. За что вы здесь платите, не получая ничего взамен?",
        en="I ran it. It carries {rps} requests a second, p99 {p99} ms, and four times as many, too; the busiest now: {station}. What are you paying for here that buys you nothing?",
    ),
    "load_limited": Wording(
        ru="Прогнал. {rps} запросов в секунду держит, p99 {p99} мс. С {limit} начинает отказывать ваш же лимит на входе, а самое занятое при этом: {station}. Почему лимит стоит именно там?",
        en="I ran it. It carries {rps} requests a second, p99 {p99} ms. From {limit} on your own limit at the door refuses, while the busiest is {station}. Why does the limit stand just there?",
    ),
    "stood": Wording(ru="Что я сломал и она выдержала: {trials}.", en="What I broke and it stood: {trials}."),
    "stood_one": Wording(ru="{kind} ({success} ответов)", en="{kind} ({success} answered)"),
    "changed": Wording(ru="Прежняя схема держала {before} запросов в секунду, эта {now}.", en="The drawing before carried {before} requests a second, this one {now}."),
    "hot-key": Wording(
        ru="Я дал одному ключу десятую часть нагрузки: ответов стало {success} (было {before}), занято больше всего: {station}. Что с этим делать, не теряя запросов?",
        en="I gave one key a tenth of the load: {success} are answered (before: {before}), the busiest: {station}. What do you do about it without losing requests?",
    ),
    "lose-dc": Wording(
        ru="Я выключил поды одного ЦОДа, базы оставил. Через полминуты отвечает {success}, p99 {p99} мс; занято больше всего: {station}. Кто и за сколько это заметил бы у вас, и чего не хватает второму?",
        en="I switched off the pods of one data centre and left the stores. Half a minute later {success} are answered, p99 {p99} ms; the busiest: {station}. Who would notice at your place, how fast, and what does the other one lack?",
    ),
    "lose-dc-stores": Wording(
        ru="Я выключил dc{lost} целиком, вместе с тем, что вы туда поставили: {gone}. Через полминуты отвечает {success}. Что во втором ЦОДе займёт место пропавшего, кто это решает, и сколько записей туда не успело?",
        en="I switched off dc{lost} with everything you placed there: {gone}. Half a minute later {success} are answered. What in the other data centre takes the place of what is gone, who decides that, and how many writes had not got there?",
    ),
    "lose-half": Wording(
        ru="Я убил половину подов. Отвечает {success}, занято больше всего: {station}. Сколько вы держите про запас и почему столько?",
        en="I killed half of the pods. {success} are answered, the busiest: {station}. How much do you keep in hand, and why that much?",
    ),
    "slow-store": Wording(
        ru="База на десять секунд стала в восемь раз медленнее: отвечало {success}, а занято больше всего было {station}. {after}",
        en="For ten seconds the store was eight times slower: {success} were answered, and the busiest was {station}. {after}",
    ),
    "late-replica": Wording(
        ru="Реплики я придержал на 30 секунд: столько по умолчанию ждёт PostgreSQL, пока на реплике идёт длинный запрос. За это время записано {unseen}, чего на них нет, а до базы мимо кэша доходит {reads} чтений в секунду. Кто из читающих увидит старое, и что он из-за этого сделает?",
        en="I held the replicas back for 30 seconds: so long PostgreSQL waits by default while a long query runs on one. Meanwhile {unseen} writes came in that they lack, and {reads} reads a second get past the cache. Who reads something old, and what do they do because of it?",
    ),
    "hot-key.kind": Wording(ru="горячий ключ", en="a hot key"),
    "lose-dc.kind": Wording(ru="без подов одного ЦОДа", en="without the pods of one data centre"),
    "lose-dc-stores.kind": Wording(ru="без dc{lost} и того, что в нём стояло ({gone})", en="without dc{lost} and what stood there ({gone})"),
    "lose-half.kind": Wording(ru="без половины подов", en="without half of the pods"),
    "slow-store.kind": Wording(ru="медленная база", en="a slow store"),
    "late-replica.kind": Wording(ru="реплики отстали на 30 с", en="replicas 30 s late"),
    "recovered": Wording(ru="Потом всё вернулось само. Что бы этому помешало, будь у клиентов повторы?", en="Then it came back by itself. What would keep it from that if the clients retried?"),
    "stuck": Wording(ru="База ожила, а система нет. Что её держит и что вы сделаете?", en="The store is back, the system is not. What holds it down, and what do you do?"),
    "end": Wording(ru="Достаточно. Разбор ниже.", en="That is enough. The debrief is below."),
    "finished": Wording(ru="Хорошо, заканчиваем. Разбор ниже.", en="Fine, let us end here. The debrief is below."),
    "slots": Wording(ru="{name}, слоты подов", en="{name}, the pods' slots"),
    "cpu": Wording(ru="{name}, CPU", en="{name}, CPU"),
    "connections": Wording(ru="{name}, соединения", en="{name}, connections"),
}  # fmt: skip


def say(lang: str, key: str, **values: object) -> str:
    return SAYINGS[key].of(lang).format(**values)


def count(value: float, lang: str) -> str:
    text = f"{value:,.0f}"
    return separated(text, lang)


def about(value: float, lang: str) -> str:
    """A limit that is known to within 5 %: two figures of it."""
    return count(float(f"{value:.1e}"), lang)


def share(value: float, lang: str) -> str:
    text = f"{value:.1%}" if value < 0.9995 else "100%"
    return text.replace(".", ",").replace("%", "\u00a0%") if lang == "ru" else text


def _station(reading: Reading, lang: str) -> str:
    top = reading.stations[0]
    return f"{say(lang, top.what, name=top.name)} {share(min(1.0, top.used), lang)}"


TURNS_OF_PHRASE = ("", "_2", "_3", "_4")  # the same words four times would be a machine's
LEVELS = {"junior": "джуниор", "senior": "сеньор", "staff": "стафф"}


def turned(lang: str, key: str, turn: int, **values: object) -> str:
    """One of four ways to say it."""
    return say(lang, key + TURNS_OF_PHRASE[turn % len(TURNS_OF_PHRASE)], **values)


def seniority(level: str, lang: str) -> str:
    return LEVELS[level] if lang == "ru" else level


def decimal(value: float, lang: str) -> str:
    """A level as it is written: 1.9, in Russian 1,9."""
    return f"{value:.1f}".replace(".", ",") if lang == "ru" else f"{value:.1f}"


def kind(trial: Trial, lang: str) -> str:
    """What a trial did, in a few words."""
    key = "lose-dc-stores" if trial.gone else trial.kind
    return say(lang, f"{key}.kind", lost=trial.lost, gone=", ".join(trial.gone))


def finding(trial: Trial, lang: str, again: bool = False) -> str:
    """A trial told as a question; `again`: the same trouble was asked about in an earlier drawing."""
    after, before = trial.after, trial.before
    if again and trial.kind not in ("load", "late-replica"):
        name, success = kind(trial, lang), share(after.success, lang)
        return say(
            lang, "still", kind=name[:1].upper() + name[1:], success=success, station=_station(after, lang)
        )
    if trial.gone:
        gone = ", ".join(trial.gone)
        return say(lang, "lose-dc-stores", lost=trial.lost, gone=gone, success=share(after.success, lang))
    values = {
        "rps": count(before.rps, lang),
        "success": share(after.success, lang),
        "before": share(before.success, lang),
        "p99": count(after.p99_ms, lang),
        "station": _station(after, lang),
    }
    if trial.kind == "load":
        return _load(trial, lang, values)
    if trial.kind == "slow-store":
        values["after"] = say(lang, "recovered" if trial.recovered else "stuck")
    if trial.kind == "late-replica":
        values["unseen"], values["reads"] = about(trial.unseen, lang), about(trial.reads_per_s, lang)
    return say(lang, trial.kind, **values)


def _load(trial: Trial, lang: str, values: dict[str, str]) -> str:
    before = trial.before
    values["limit"], values["p99"] = about(trial.limit_rps, lang), count(before.p99_ms, lang)
    if before.behind is not None and before.success >= HEALTHY:
        values["worker"], values["behind"] = before.behind.name, about(before.behind.per_s, lang)
        values["pile"] = about(before.behind.per_s * 600, lang)
        return say(lang, "load_behind", **values)
    if not before.healthy:
        return say(lang, "load_breaks", **values)
    values["margin"] = f"{trial.limit_rps / before.rps:.1f}".replace(".", "," if lang == "ru" else ".")
    values["gives"] = trial.after.behind.name if trial.after.behind is not None else values["station"]
    if not trial.broke:
        return say(lang, "load_idle", **values)
    refused = trial.after.behind is None and trial.after.stations[0].used < BUSY
    return say(lang, "load_limited" if refused else "load_holds", **values)


def carried(trial: Trial, lang: str) -> str:
    """That a design carries its load, with nothing asked."""
    rps, p99 = count(trial.before.rps, lang), count(trial.before.p99_ms, lang)
    return say(lang, "load_carried", rps=rps, p99=p99)


def effect(before: Sequence[Trial], now: Sequence[Trial], lang: str) -> str:
    """What a change to the drawing did to each trouble that it was in before; that it did nothing is worth saying, too."""
    pairs = [
        (a, b) for b in now for a in before if a.kind == b.kind and a.kind not in ("load", "late-replica")
    ]
    told = [
        say(
            lang,
            "effect_one",
            kind=kind(b, lang),
            before=share(a.after.success, lang),
            now=share(b.after.success, lang),
        )
        for a, b in pairs
        if a.gone == b.gone and abs(a.after.success - b.after.success) > NOTICED
    ]
    return say(lang, "effect", kinds="; ".join(told)) + "\n" if told else ""


def stood(found: Sequence[Trial], lang: str) -> str:
    """The troubles that a design bore, in one line: they are worth saying and no question."""
    borne = [t for t in found if t.kind not in ("load", "late-replica") and t.after.success >= HEALTHY]
    if not borne:
        return ""
    told = [say(lang, "stood_one", kind=kind(t, lang), success=share(t.after.success, lang)) for t in borne]
    return say(lang, "stood", trials="; ".join(told)) + "\n"
