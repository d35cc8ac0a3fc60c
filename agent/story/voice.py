"""What the listener of a story says: the person of the interview, direct, kind, technical, never flattering.

Sentences only; what is said when, others decide.
"""

from __future__ import annotations

from agent.rubric import Wording
from agent.story.incident import Checked, Incident, fact_sheet

COMMANDS_SHOWN = 6
SAYINGS: dict[str, Wording] = {
    "open": Wording(
        ru="Расскажите о самом сложном баге или инциденте, в котором разбирались вы сами. Обстановка и ставки, за что отвечали вы, как искали, что сделали и почему, чем кончилось. Двух-трёх минут речи хватит. Потом я спрошу о том, что осталось тонким; «не помню» здесь честный ответ.",
        en="Tell me about the hardest bug or incident that you worked on yourself. Setting and stakes, what you were answerable for, how you searched, what you did and on what grounds, how it ended. Two or three minutes of speech will do. Then I ask about what stayed thin; \"I don't remember\" is an honest answer here.",
    ),
    "open_session": Wording(
        ru="Расскажите, как вы разбирали «{title}». Рассказываете вы, я только сверяю сказанное с журналом сессии {session}. Вот что в нём есть:\n{sheet}\n\nОбстановка и ставки, за что отвечали вы, как искали, что сделали и почему, чем кончилось. Двух-трёх минут речи хватит; «не помню» здесь честный ответ.",
        en="Tell me how you worked on \"{title}\". The story is yours; I only hold it against the log of session {session}. This is what it has:\n{sheet}\n\nSetting and stakes, what you were answerable for, how you searched, what you did and on what grounds, how it ended. Two or three minutes of speech will do; \"I don't remember\" is an honest answer here.",
    ),
    "fact": Wording(ru="  {name}: {figure}", en="  {name}: {figure}"),
    "commands": Wording(ru="  вы меняли систему: {commands}", en="  you changed the system: {commands}"),
    "more": Wording(ru=" и ещё {n}", en=" and {n} more"),
    "quiet": Wording(
        ru="  инцидента в этой сессии не было: сверять почти не с чем",
        en="  there was no incident in this session: there is little to hold a story against",
    ),
    "no_sheet": Wording(
        ru="Журнала за этим рассказом нет: он из жизни, числа на вашей совести.",
        en="There is no log behind this story: it is from life, and its figures rest with you.",
    ),
    "headline": Wording(
        ru="Это пока заголовок. Расскажите с начала: с чего всё началось и что вы сделали первым делом?",
        en="That is a headline so far. Tell it from the beginning: how did it start, and what did you do first?",
    ),
    "asked_back": Wording(
        ru="Спрашиваю, чтобы понять, как вы работали, а не чтобы поймать. Вопрос прежний, хватит двух предложений.",
        en="I ask to see how you worked, not to catch you out. The question stands; two sentences will do.",
    ),
    "echo": Wording(
        ru="Это мои слова. Скажите своими: как это было у вас?",
        en="Those are my words. Say it in yours: how was it in your case?",
    ),
    "follow": Wording(ru="Вы сказали: «{quote}». {question}", en="You said: \"{quote}\". {question}"),
    "again": Wording(ru="Это пока общо. {question}", en="That is still general. {question}"),
    "again_2": Wording(ru="Так было у всех. {question}", en="That could be anybody's story. {question}"),
    "again_3": Wording(ru="Не вижу этого глазами. {question}", en="I cannot see it yet. {question}"),
    "again_4": Wording(ru="Пока без подробностей. {question}", en="No details so far. {question}"),
    "deeper": Wording(ru="Это есть. Теперь ближе. {question}", en="We have that. Closer, now. {question}"),
    "deeper_2": Wording(ru="Так, и дальше. {question}", en="Right, and further. {question}"),
    "deeper_3": Wording(ru="Пока хватит для начала. {question}", en="Enough for a start. {question}"),
    "deeper_4": Wording(ru="Записал. {question}", en="Noted. {question}"),
    "aside": Wording(ru="Это пригодится, но я спрашивал о другом. {question}", en="That is of use, but I asked about something else. {question}"),
    "aside_2": Wording(ru="Запомню, и всё же. {question}", en="I keep that, and yet. {question}"),
    "aside_3": Wording(ru="Важно, только это ответ на другой вопрос. {question}", en="That matters, only it answers another question. {question}"),
    "aside_4": Wording(ru="Вернусь к своему вопросу. {question}", en="Back to my question. {question}"),
    "leave": Wording(ru="Оставим это. К следующему разу поищите здесь. {hint}", en="Let us leave that. For next time, look here. {hint}"),
    "leave_2": Wording(ru="Пойдём дальше, а дома подумайте. {hint}", en="Let us go on; think about it at home. {hint}"),
    "leave_3": Wording(ru="Не буду мучить. Зацепка на потом. {hint}", en="I will not press it. Something to hold on to later. {hint}"),
    "leave_4": Wording(ru="Ладно, другое. А это поищите так. {hint}", en="Something else, then. As for this, search like so. {hint}"),
    "unknown": Wording(ru="Хорошо, что сказали прямо. К следующему разу поищите здесь. {hint}", en="Good that you say so. For next time, look here. {hint}"),
    "unknown_2": Wording(ru="Принято. Восстановить можно так. {hint}", en="Fine. This is how it comes back. {hint}"),
    "unknown_3": Wording(ru="Бывает. Перед разговором загляните в записи. {hint}", en="It happens. Before the talk, look at the records. {hint}"),
    "unknown_4": Wording(ru="Честно. Где искать, подскажу. {hint}", en="Honest. Where to search, I can say. {hint}"),
    "theirs": Wording(ru="В этом рассказе дела общие или чужие. {question}", en="The deeds of this story are everybody's or somebody else's. {question}"),
    "fishing": Wording(ru="Рассказ ваш, подсказать его я не могу, только куда посмотреть. {hint}", en="The story is yours, and I cannot tell it for you, only where to look. {hint}"),
    "hint": Wording(ru="{hint}", en="{hint}"),
    "no_hint": Wording(ru="Подсказку к этому вопросу я уже дал. Ответьте хотя бы частью.", en="You have had the hint for this one. Answer a part of it."),
    "doubt": Wording(
        ru="Вы сказали: «{phrase}». Про «{quote}» журнал сессии говорит другое. Откуда это число, где вы на него смотрели?",
        en="You said: \"{phrase}\". About \"{quote}\" the session's log says otherwise. Where does this figure come from, where did you look at it?",
    ),
    "doubt_2": Wording(
        ru="Ещё одно не сошлось с журналом: «{phrase}», а именно «{quote}». На что вы опирались?",
        en="One more thing does not agree with the log: \"{phrase}\", namely \"{quote}\". What did you go by?",
    ),
    "doubt_3": Wording(
        ru="И здесь журнал с вами спорит: «{phrase}», «{quote}». Как вы это узнали тогда?",
        en="Here, too, the log differs: \"{phrase}\", \"{quote}\". How did you learn it at the time?",
    ),
    "doubt_time": Wording(
        ru="Вы сказали: «{phrase}». По журналу сессии это было в другое время. Что было прямо перед этим и сразу после?",
        en="You said: \"{phrase}\". By the session's log that was at another time. What came right before it, and right after?",
    ),
    "doubt_deed": Wording(
        ru="Вы сказали: «{phrase}». Такой команды в журнале сессии я не нашёл. Что именно вы сделали и какой командой?",
        en="You said: \"{phrase}\". I find no such command in the session's log. What exactly did you do, with which command?",
    ),
    "settled": Wording(ru="Теперь сходится с журналом.", en="That agrees with the log now."),
    "closing": Wording(ru="Больше спрашивать не буду. Что в этой истории важно, а я о нём не спросил?", en="I have no more questions. What matters in this story that I did not ask about?"),
    "end": Wording(ru="Спасибо, достаточно. Разбор ниже.", en="Thank you, that is enough. The debrief is below."),
}  # fmt: skip


def say(lang: str, key: str, **values: object) -> str:
    return SAYINGS[key].of(lang).format(**values)


def opening(incident: Incident | None, lang: str) -> str:
    if incident is None:
        return say(lang, "open")
    title = incident.title[lang]
    return say(lang, "open_session", title=title, session=incident.session, sheet=sheet(incident, lang))


def sheet(incident: Incident | None, lang: str) -> str:
    """The log's figures and the commands that changed something: facts for the teller, not a story."""
    if incident is None:
        return say(lang, "no_sheet")
    lines = [say(lang, "fact", name=name, figure=figure) for _, name, figure in fact_sheet(incident, lang)]
    if not incident.happened:
        lines.append(say(lang, "quiet"))
    shown = [line for _, line in incident.commands[:COMMANDS_SHOWN]]
    if shown:
        rest = len(incident.commands) - len(shown)
        told = "; ".join(shown) + (say(lang, "more", n=rest) if rest else "")
        lines.append(say(lang, "commands", commands=told))
    return "\n".join(lines)


TURNS_OF_PHRASE = ("", "_2", "_3", "_4")  # the same words each time would be a machine's


def turned(lang: str, key: str, turn: int, **values: object) -> str:
    """One of four ways to say it."""
    return say(lang, key + TURNS_OF_PHRASE[turn % len(TURNS_OF_PHRASE)], **values)


def doubt(claim: Checked, lang: str, turn: int = 0) -> str:
    """A question about what the log refutes, the `turn`-th of them. It does not say what the log has instead."""
    key = "doubt" + TURNS_OF_PHRASE[turn % 3]
    if claim.id.startswith("clock_") or (claim.id.startswith("deed.") and claim.quote[:1].isdigit()):
        key = "doubt_time"
    elif claim.id.startswith("deed."):
        key = "doubt_deed"
    return say(lang, key, phrase=claim.phrase, quote=claim.quote)
