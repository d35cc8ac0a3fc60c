"""What the doors say to a player, in Russian and English, and how the language is chosen.

Words only: no logic, no imports beyond the standard library (`--help` reads this file).
"""

from collections.abc import Mapping
from typing import Literal

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = ("ru", "en")

_TEXTS: dict[str, tuple[str, str]] = {
    # help of the command line
    "about": (
        "DropProd: уроните прод большой компании, почините его и узнайте, что бы действительно помогло.",
        "DropProd: drop a big company's production, repair it, and learn what would really have helped.",
    ),
    "help.play": ("играть сценарий", "play a scenario"),
    "help.scenarios": ("список сценариев", "list the scenarios"),
    "help.sessions": ("список сессий", "list the sessions"),
    "help.run": ("прогнать сценарий без игрока", "run a scenario without a player"),
    "help.review": ("разобрать action items или постмортем", "review action items or a post-mortem"),
    "help.grade": ("оценить тексты, один JSON в строке", "grade texts, one JSON object a line"),
    "help.interview": ("собеседование по системному дизайну", "a system-design interview"),
    "list.interviews": ("id\tвопрос\tRPS", "id\tquestion\tRPS"),
    "interview.how": (
        "Начать: dropprod interview ID [--level junior|senior|staff] [--length short|long]",
        "Start: dropprod interview ID [--level junior|senior|staff] [--length short|long]",
    ),
    "interview.session": (
        "Собеседование {id}; продолжить позже: --resume {id}",
        "Interview {id}; to go on later: --resume {id}",
    ),
    "interview.keys": (
        "Пустая строка отправляет ответ. /hint подсказка, /skip дальше, /run прогнать схему, /finish закончить.",
        "An empty line sends the answer. /hint a hint, /skip go on, /run run the drawing, /finish end.",
    ),
    "interview.kept": (
        "Сохранено. Продолжить: dropprod interview --resume {id}",
        "Kept. To go on: dropprod interview --resume {id}",
    ),
    "interview.judging": ("Разбираю", "Judging"),
    "opt.prompt": ("какой вопрос (без него: список)", "which question (without it: the list)"),
    "opt.level": ("уровень, на который собеседуют", "the level interviewed for"),
    "opt.length": ("длина: short или long", "length: short or long"),
    "help.story": ("рассказ о сложном баге (STAR)", "rehearse a hard-bug story (STAR)"),
    "opt.story_session": ("рассказ о сыгранной сессии", "a story about a played session"),
    "opt.story_text": ("рассказ из файла, - это stdin", "the story from a file, - for standard input"),
    "story.session": (
        "Рассказ {id}; продолжить позже: --resume {id}",
        "Story {id}; to go on later: --resume {id}",
    ),
    "story.keys": (
        "Пустая строка или /done отправляет. /hint подсказка, /facts журнал, /skip дальше, /finish закончить.",
        "An empty line or /done sends. /hint a hint, /facts the log, /skip go on, /finish end.",
    ),
    "story.kept": (
        "Сохранено. Продолжить: dropprod story --resume {id}",
        "Kept. To go on: dropprod story --resume {id}",
    ),
    "talk.draft": (
        "Неотправленный черновик сохранён и вернётся при --resume.",
        "The draft you had not sent is kept and comes back with --resume.",
    ),
    "talk.draft_back": ("Черновик с прошлого раза:", "The draft of last time:"),
    "help.serve": ("сервер: HTTP и веб", "serve HTTP and the web"),
    "help.mcp": ("инциденты для модели: инструменты MCP", "incidents for a model: MCP tools"),
    "opt.host": ("адрес, на котором слушать", "address to listen on"),
    "opt.port": ("порт", "port"),
    "opt.database": (
        "postgresql://… вместо файла SQLite (или DROPPROD_DATABASE_URL)",
        "postgresql://… instead of the SQLite file (or DROPPROD_DATABASE_URL)",
    ),
    "opt.access_codes": (
        "файл с кодами доступа, по одному в строке; без него открыто всё",
        "file with access codes, one a line; without it everything is open",
    ),
    "opt.webhook": (
        "адрес сервиса для Telegram (иначе бот опрашивает сам; нужен DROPPROD_TELEGRAM_TOKEN)",
        "the service's address for Telegram (else the bot polls; needs DROPPROD_TELEGRAM_TOKEN)",
    ),
    "opt.worlds": ("сколько миров держать в памяти", "worlds kept in memory"),
    "serve.open": ("DropProd слушает {where}", "DropProd listens on {where}"),
    "help.export": ("песочницу в черновик сценария", "a sandbox session as a scenario's draft"),
    "opt.session": ("номер сессии (список: sessions)", "a session's id (the list: sessions)"),
    "opt.as_scenario": ("куда записать черновик", "where to write the draft"),
    "export.done": ("черновик записан в {file}", "the draft is in {file}"),
    "help.lint": ("доказать сценарии прогонами", "prove scenarios by running them"),
    "opt.lint_scenarios": ("какие сценарии (иначе все)", "which scenarios (default: all of them)"),
    "opt.lint_seed": ("только этот вариант (1 это сам файл)", "only this variant (1 is the file itself)"),
    "opt.lint_whole": (
        "без ранней остановки и прореживания, все меры",
        "no early ends, every entity, every intervention",
    ),
    "opt.lint_processes": ("сколько процессов (иначе 2)", "how many processes (default 2)"),
    "lint.running": ("доказательство", "proving"),
    "lint.holds": ("всё доказано: {held} из {count}", "all of it holds: {held} of {count}"),
    "lint.fails": ("доказано не всё: {held} из {count}", "not all of it holds: {held} of {count}"),
    "lint.variant": ("Вариант {name}", "Variant {name}"),
    "lint.file": ("Весь файл", "The whole file"),
    "lint.table.scenario": ("сценарий", "scenario"),
    "lint.table.holds": ("доказано", "holds"),
    "lint.table.seconds": ("секунд", "seconds"),
    "lint.table.each": ("на вариант", "per variant"),
    "help.bench": (
        "измерения: engine, conformance, peers, terminal, load, judge",
        "measurements: engine, conformance, peers, terminal, load, judge",
    ),
    "help.exec": ("одна консольная команда в свежем мире", "one console command against a fresh world"),
    "opt.scenario": ("id сценария или путь к файлу", "a scenario's id or a file's path"),
    "opt.lang": ("язык (иначе LANG)", "language (else LANG)"),
    "opt.seed": ("зерно случайности (иначе 1)", "random seed (default 1)"),
    "opt.resume": ("продолжить сессию", "go on with a session"),
    "opt.pace": (
        "turn: время идёт от команд; live: само",
        "turn: commands take time; live: time runs by itself",
    ),
    "opt.speed": ("ускорение в live: 1 или 10", "speed of the live pace: 1 or 10"),
    "opt.json": ("ответ в JSON", "answer in JSON"),
    "opt.texts": ("папка размеченных текстов для judge", "folder of labelled texts for judge"),
    "opt.commands": (
        "файл команд (`@T команда` или команда), - это stdin",
        "a command file (`@T command` or a bare command), - for standard input",
    ),
    "opt.until": ("до какой секунды (иначе до конца)", "run to this second (default: to the scenario's end)"),
    "opt.with": ("мера, будто она уже внедрена", "an intervention as if it were in place"),
    "opt.set": ("заменить поле сценария, напр. traffic.rps=600", "replace a field, e.g. traffic.rps=600"),
    "opt.engine": ("движок: cohort (быстрый) или exact", "engine: cohort (fast) or exact"),
    "opt.text": ("файл с текстом, - это stdin", "a file with the text, - for standard input"),
    "opt.kind": ("что за текст (иначе action-items)", "what the text is (default: action-items)"),
    "opt.review_commands": (
        "что делал игрок (иначе эталонное решение)",
        "what the player did (default: the reference solution)",
    ),
    "opt.jsonl": ("файл JSONL, - это stdin", "a JSONL file, - for standard input"),
    "opt.at": ("на какой секунде (иначе 0)", "at which second (default 0)"),
    "opt.words": ("команда, напр. 'kubectl get pods'", "the command, e.g. 'kubectl get pods'"),
    "opt.progress": ("показывать ход и без терминала", "show progress without a terminal, too"),
    "opt.version": ("показать версию", "show the version"),
    "usage.commands": ("команды", "commands"),
    "usage.arguments": ("аргументы", "arguments"),
    "usage.options": ("параметры", "options"),
    "opt.help": ("показать эту справку", "show this help"),
    # play
    "play.session": (
        "Сессия {id} · сценарий {scenario} · seed {seed}",
        "Session {id} · scenario {scenario} · seed {seed}",
    ),
    "play.own": (
        "Кроме консоли: postmortem, actions (разбор с CTO), log, branch N, quit.",
        "Besides the console: postmortem, actions (review with the CTO), log, branch N, quit.",
    ),
    "play.framing": (
        "Команды читаются по одной строке; каждый ответ заканчивается строкой «.».",
        'Commands are read line by line; every answer ends with a line ".".',
    ),
    "play.leave": (
        "Сессия сохранена. Продолжить: dropprod play --resume {id}",
        "The session is kept. To go on: dropprod play --resume {id}",
    ),
    "play.resumed": (
        "Продолжаем: записей в журнале {count}, последнее время {clock}.",
        "Going on: {count} entries in the log, the clock shows {clock}.",
    ),
    "play.latest": ("Последние события:", "Latest events:"),
    "play.resolved": (
        "Инцидент закрыт: SLI здоров, инварианты держатся.\n"
        "Дальше: `actions` — какие меры предотвратят повторение, `postmortem` — разбор целиком.\n"
        "CTO проверит каждую меру повторным прогоном инцидента.",
        "The incident is over: the SLI is healthy and the invariants hold.\n"
        "Next: `actions` for what would prevent it, `postmortem` for the whole story.\n"
        "The CTO checks every action by replaying the incident with it in place.",
    ),
    "play.ask.actions": (
        "Напишите конкретные меры, чтобы такое не повторилось. Закончите строкой «.».",
        'Write concrete actions to prevent such incidents. End with a line ".".',
    ),
    "play.ask.postmortem": (
        "Напишите постмортем: влияние, хронология, причины, обнаружение, меры. Закончите строкой «.».",
        'Write the post-mortem: impact, timeline, causes, detection, actions. End with a line ".".',
    ),
    "play.early": (
        "Инцидент ещё не закрыт: CTO разберёт текст по тому, что уже произошло.",
        "The incident is not over yet: the CTO judges by what has happened so far.",
    ),
    "play.empty": ("Пустой текст не сохранён.", "An empty text is not kept."),
    "play.discarded": ("Текст отброшен.", "The text is discarded."),
    "play.replaying": ("повторные прогоны", "replays"),
    "play.restoring": ("восстановление", "restoring"),
    "play.unanswered": (
        "Разбор прошлого текста был прерван, повторяю.",
        "The review of your last text was cut off; asking again.",
    ),
    "play.question": (
        "CTO спрашивает ({index}/{count}): {question}",
        "The CTO asks ({index}/{count}): {question}",
    ),
    "play.answer": ("Ответ", "Answer"),
    "play.recorded": ("Ответы записаны в журнал.", "Your answers are in the log."),
    "play.interrupted": ("^C команда прервана в {clock}", "^C interrupted at {clock}"),
    "play.review_stopped": (
        "Разбор прерван; текст сохранён: `review` повторит разбор.",
        "The review was stopped; the text is kept: `review` asks again.",
    ),
    "play.no_text": ("Нет текста, который ждёт разбора.", "No text is waiting for a review."),
    "play.branched": (
        "Новая сессия {id}: журнал {parent} до записи {seq}. Часы: {clock}.",
        "New session {id}: the log of {parent} before entry {seq}. The clock shows {clock}.",
    ),
    "play.branch_usage": (
        "branch N: новая сессия с записями до N-й (номера показывает log)",
        "branch N: a new session with the entries before number N (log shows the numbers)",
    ),
    "play.log_empty": ("В журнале пока ничего.", "The log is empty."),
    "play.read_only": (
        "Сессию можно читать (log) и ответвить (branch N), но не продолжать.",
        "The session can be read (log) and branched (branch N), not continued.",
    ),
    # play --tui
    "opt.tui": (
        "графики и хронология рядом с терминалом (extra tui)",
        "charts and timeline beside the terminal (extra tui)",
    ),
    "tui.missing": (
        "play: --tui нужен textual: pip install 'dropprod[tui]'",
        "play: --tui needs textual: pip install 'dropprod[tui]'",
    ),
    "tui.terminal": ("play: --tui нужен терминал", "play: --tui needs a terminal"),
    "tui.calm": ("спокойно", "calm"),
    "tui.over": ("закрыт", "over"),
    "tui.success": ("успешность", "success"),
    "tui.rps": ("запросов/с", "requests/s"),
    "tui.p99": ("p99", "p99"),
    "tui.pool": ("пул", "pool"),
    "tui.pool_active": ("занято", "in use"),
    "tui.pool_pending": ("ждут", "waiting"),
    "tui.alerts": ("Алерты", "Alerts"),
    "tui.timeline": ("Хронология", "Timeline"),
    "tui.no_alerts": ("алертов нет", "no alerts"),
    "tui.acked": ("(принят)", "(acknowledged)"),
    "tui.more": ("… и ещё {count}", "… and {count} more"),
    "tui.keys": (
        "F1 справка  F5 +30 с  F6 +120 с  Tab дополнить  ↑↓ история  Ctrl-C выйти",
        "F1 help  F5 +30 s  F6 +120 s  Tab complete  ↑↓ history  Ctrl-C leave",
    ),
    "tui.busy": ("выполняется", "working"),
    "tui.help": (
        "Слева графики последних 15 минут, алерты и хронология, справа терминал (на узком экране — сверху и снизу).\n\n"
        "Enter      выполнить команду\n"
        "Tab        дополнить слово или показать варианты\n"
        "↑ ↓        история команд\n"
        "PgUp PgDn  листать вывод\n"
        "F5 F6      подождать 30 или 120 секунд\n"
        "Esc        бросить текст, который пишете для CTO\n"
        "Ctrl-C     выйти; q — если курсор не в строке ввода\n\n"
        "Время идёт от команд: wait 60 его проматывает. Свои слова игры: hint, actions, postmortem, log, branch N,\n"
        "quit. Сессия — это журнал команд: при выходе ничего не теряется.\n\n"
        "Esc или F1 закрывает справку.",
        "On the left charts of the last 15 minutes, alerts and the timeline, on the right the terminal (on a narrow\n"
        "screen above and below).\n\n"
        "Enter      run the command\n"
        "Tab        complete the word or show what fits\n"
        "↑ ↓        earlier commands\n"
        "PgUp PgDn  scroll the output\n"
        "F5 F6      wait 30 or 120 seconds\n"
        "Esc        discard the text you are writing for the CTO\n"
        "Ctrl-C     leave; q where the cursor is not in the input\n\n"
        "Commands take time; wait 60 lets it pass. The game's own words: hint, actions, postmortem, log, branch N,\n"
        "quit. A session is its command log: leaving loses nothing.\n\n"
        "Esc or F1 closes this help.",
    ),
    # review
    "review.score": ("Оценка {score} из 100 ({overall} из 3)", "Score {score} of 100 ({overall} of 3)"),
    "review.cannot": ("не оценить", "cannot be assessed"),
    "review.items": (
        "Меры и что они дали бы, по прогонам",
        "Actions and what they would have done, by replay",
    ),
    "review.combined": ("Все меры вместе", "All the actions together"),
    "review.measure": ("показатель", "measure"),
    "review.baseline": ("как было", "as it was"),
    "review.with": ("с мерой", "with it"),
    "review.effect": ("эффект", "effect"),
    "review.nobody": ("с мерой без дежурного", "with it, nobody on call"),
    "review.nothing": ("прогон не изменился", "the replay came out the same"),
    "review.unmapped": ("не удалось сопоставить с мерой из каталога", "not mapped to a known intervention"),
    "review.references": ("Похожие инциденты", "Incidents like this"),
    "review.questions": ("Вопросы", "Questions"),
    "review.judge": ("Судья: {judge} · рубрика {rubric}", "Judge: {judge} · rubric {rubric}"),
    # lists and runs
    "list.sessions": (
        "id\tсценарий\tвремя\tзаписей\tсоздана",
        "id\tscenario\tclock\tentries\tcreated",
    ),
    "list.none": ("Сессий пока нет: dropprod play", "No sessions yet: dropprod play"),
    "list.scenarios": ("id\tназвание\tтариф\tминут", "id\ttitle\ttier\tminutes"),
    "run.resolved": ("инцидент закрыт", "resolved"),
    "run.unresolved": ("инцидент не закрыт", "not resolved"),
    "run.timeline": ("Хронология", "Timeline"),
    "run.alerts": ("Алерты", "Alerts"),
    "run.facts": ("Факты", "Facts"),
    "run.invariants": ("Инварианты", "Invariants"),
    "run.holds": ("соблюдён", "holds"),
    "run.violated": ("нарушен: {count}", "violated: {count}"),
    "run.running": ("прогон", "running"),
    # names of facts and criteria, where a person reads them
    "effect.detected_s": ("до первого пейджа", "to the first page"),
    "effect.recovered_s": ("до восстановления", "to recovery"),
    "fact.started_s": ("началось", "started"),
    "fact.detected_s": ("первый пейдж", "first page"),
    "fact.p1_paged_s": ("пейдж P1", "P1 page"),
    "fact.mitigated_s": ("SLI в норме", "SLI back"),
    "fact.recovered_s": ("восстановлено полностью", "recovered completely"),
    "fact.failed_requests": ("потеряно запросов", "failed requests"),
    "fact.offered_requests": ("всего запросов", "requests in all"),
    "fact.failed_share": ("доля потерянных", "share failed"),
    "fact.error_budget_burned": ("сожжено бюджета ошибок", "error budget burned"),
    "fact.success_min": ("худшая успешность", "worst success rate"),
    "fact.pool_exhausted_s": ("пул исчерпан", "pool exhausted"),
    "fact.pending_max": ("ждали в пуле, максимум", "most waiting in the pool"),
    "fact.backlog_max": ("очередь, максимум", "largest backlog"),
    "fact.others_failed": ("потеряно у соседей", "neighbours' failures"),
    "fact.connections_refused": ("отказов в соединении", "connections refused"),
    "fact.database_cpu_max": ("CPU базы, максимум", "highest database CPU"),
    "fact.violations": ("нарушено инвариантов, случаев", "invariants violated, cases"),
    "fact.success_before": ("успешность до", "success before"),
    "fact.deploy_s": ("начало выкатки", "release began"),
    "fact.rollback_s": ("откат", "rollback"),
    "fact.rollout_done_s": ("выкатка завершена", "release complete"),
    "fact.pool_limit": ("предел пула", "the pool's limit"),
    "fact.pending_typical": ("обычно ждут в пуле", "usually waiting in the pool"),
    "fact.rps": ("запросов в секунду", "requests a second"),
    "fact.queries_before": ("запросов к базе до", "queries a request before"),
    "fact.queries_after": ("запросов к базе после", "queries a request after"),
    "fact.queries_extra": ("лишних запросов", "additional queries"),
    "criterion.root_cause": ("причина", "root cause"),
    "criterion.specific": ("конкретность", "specific"),
    "criterion.owned": ("владельцы и сроки", "owned"),
    "criterion.coverage": ("охват", "coverage"),
    "criterion.effective": ("действенность", "effective"),
    "criterion.systemic": ("системность", "systemic"),
    "criterion.impact": ("влияние", "impact"),
    "criterion.timeline": ("хронология", "timeline"),
    "criterion.detection": ("обнаружение", "detection"),
    "criterion.actions": ("меры", "actions"),
    "criterion.blameless": ("без поиска виновных", "blameless"),
}


def choose_language(given: str | None, environ: Mapping[str, str]) -> Language:
    """`given`, else what the locale variables say (the first one set decides), else English."""
    if given:
        return "ru" if given == "ru" else "en"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "ru" if environ[name].lower().startswith("ru") else "en"
    return "en"


def say(language: str, key: str, **values: object) -> str:
    """The text `key` in a language with its {places} filled."""
    text = _TEXTS[key][0 if language == "ru" else 1]
    return text.format(**values) if values else text


def name_of(language: str, group: str, identifier: str) -> str:
    """A person's word for a fact or a criterion; one without a word keeps its identifier."""
    key = f"{group}.{identifier}"
    return say(language, key) if key in _TEXTS else identifier


def all_keys() -> list[str]:
    """Every key: for the test that both languages have the same places."""
    return list(_TEXTS)
