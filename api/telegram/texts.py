"""What the bot says, in Russian and English."""

from __future__ import annotations

_TEXTS: dict[str, tuple[str, str]] = {
    "hello": (
        "DropProd: вы роняете прод большого маркетплейса, чините его и узнаёте, какие меры действительно помогли бы.\n\n"
        "Бесплатное демо: релиз платёжного сервиса исчерпал пул соединений. Кнопка ниже, и вы на дежурстве.",
        "DropProd: drop the production of a large marketplace, repair it, and learn which items would really have helped.\n\n"
        "The free demo: a payment release exhausts the connection pool. One tap below and you are on call.",
    ),
    "drop": ("🔥 Уронить прод", "🔥 Drop production"),
    "more": ("Все сценарии", "All scenarios"),
    "other_language": ("English", "Русский"),
    "help": (
        "Любой текст — команда: kubectl get pods, psql -c '…', promql '…', откати payment-service.\n"
        "/hint подсказка · /chart графики · /wait 60 пропустить время · /live время идёт само · /stop остановить\n"
        "/postmortem и /actions — отдать CTO разбор и меры · /story рассказ о баге · /interview интервью\n"
        "/sessions мои сессии · /scenarios все сценарии · /progress результаты · /lang en\n"
        "В группе: /do КОМАНДА; командует тот, кто начал (/ic передать).",
        "Any text is a command: kubectl get pods, psql -c '…', promql '…', roll back payment-service.\n"
        "/hint a hint · /chart charts · /wait 60 let time pass · /live time runs by itself · /stop stop it\n"
        "/postmortem and /actions hand write-up and items to the CTO · /story tell about a bug · /interview\n"
        "/sessions my sessions · /scenarios all of them · /progress results · /lang ru\n"
        "In a group: /do COMMAND; whoever began is in command (/ic hands over).",
    ),
    "begun": ("Сессия {id}. Команды пишите прямо сюда.", "Session {id}. Type commands right here."),
    "no_session": ("Сначала начните сценарий: /start", "Begin a scenario first: /start"),
    "status": ("Статус", "Status"),
    "pods": ("Поды", "Pods"),
    "chart": ("📈 Графики", "📈 Charts"),
    "wait30": ("⏩ 30 с", "⏩ 30 s"),
    "wait120": ("⏩ 2 мин", "⏩ 2 min"),
    "hint": ("Подсказка", "Hint"),
    "items": ("План действий", "Action items"),
    "postmortem": ("Постмортем", "Post-mortem"),
    "tell": ("Рассказать (STAR)", "Tell it (STAR)"),
    "resolved": ("✅ Инцидент закрыт. Теперь самое полезное: что вы измените?", "✅ The incident is resolved. Now the useful part: what will you change?"),
    "write_items": (
        "Пришлите план действий одним сообщением, по мере в строке: что, кто, когда, как проверим. /cancel вернуться.",
        "Send the action items in one message, one a line: what, who, by when, how it is checked. /cancel goes back.",
    ),
    "write_postmortem": ("Пришлите постмортем одним сообщением. /cancel вернуться.", "Send the post-mortem in one message. /cancel goes back."),
    "judging": ("CTO читает и прогоняет меры в вашем инциденте…", "The CTO reads and replays the items in your incident…"),
    "score": ("Оценка {score} из 100", "Score {score} of 100"),
    "asks": ("Вопрос CTO: {question}\n(ответьте сообщением или /cancel)", "The CTO asks: {question}\n(answer with a message, or /cancel)"),
    "thanks": ("Записал. Сессию можно продолжать или начать другую: /scenarios", "Noted. Go on with the session, or begin another one: /scenarios"),
    "cancelled": ("Вернулись к терминалу.", "Back at the terminal."),
    "choose_scenario": ("Что роняем?", "What shall we drop?"),
    "choose_prompt": ("О чём интервью?", "What is the interview about?"),
    "choose_session": ("Какую сессию продолжить?", "Which session shall we go on with?"),
    "none": ("Пока ничего нет.", "Nothing here yet."),
    "locked": ("Этот сценарий открывает код доступа: /code КОД", "An access code opens this scenario: /code CODE"),
    "code_ok": ("Код принят: открыто всё.", "The code is good: everything is open."),
    "code_bad": ("Этот код ничего не открывает.", "This code opens nothing."),
    "finish": ("Закончить", "Finish"),
    "skip": ("Дальше", "Move on"),
    "debriefing": ("Готовлю разбор…", "Preparing the debrief…"),
    "language": ("Язык: русский", "Language: English"),
    "live_on": ("Время идёт само, ×1, пока вы здесь. /stop остановит.", "Time runs by itself, ×1, while you are here. /stop stops it."),
    "live_off": ("Время стоит; /wait 60 пропустит минуту.", "Time stands still; /wait 60 lets a minute pass."),
    "wait_usage": ("Сколько секунд? Например: /wait 60", "How many seconds? For example: /wait 60"),
    "gone": ("Эта кнопка от другой сессии. /help", "This button is of another session. /help"),
    "commander": ("Инцидентом командует {name}.", "{name} is the incident commander."),
    "proposal": (
        "{who} предлагает:\n{line}\nРешает {name}.",
        "{who} proposes:\n{line}\n{name} decides.",
    ),
    "approve": ("Выполнить", "Do it"),
    "reject": ("Не надо", "Don't"),
    "rejected": ("Отклонено: {line}", "Rejected: {line}"),
    "not_commander": ("Решает {name}.", "That is up to {name}."),
    "cut": ("… показано начало, весь вывод в файле", "… only the beginning; all of it is in the file"),
    "progress": ("Результаты", "Results"),
    "success": ("Успешность, %", "Success, %"),
    "rps": ("Запросов/с", "Requests/s"),
    "p99": ("p99 успешных, мс", "p99 of successes, ms"),
    "pool": ("Пул: заняты, ждут", "Pool: busy, waiting"),
    "before": ("без меры", "without"),
    "after": ("с мерой", "with"),
    "failed_requests": ("Отказов", "Failed requests"),
    "others_failed": ("у соседей", "of neighbours"),
    "minutes": ("минут от начала смены", "minutes into the shift"),
    "busy": ("Слишком быстро: подождите {seconds} с.", "Too fast: wait {seconds} s."),
    "sorry": ("Что-то сломалось у нас; ничего не потеряно, попробуйте ещё раз.", "Something broke on our side; nothing is lost, try again."),
    "away": ("Хранилище сессий не отвечает; ничего не потеряно, попробуйте через минуту.", "The session store does not answer; nothing is lost, try again in a minute."),
}  # fmt: skip


def say(language: str, key: str, **values: object) -> str:
    return _TEXTS[key][0 if language == "ru" else 1].format(**values)
