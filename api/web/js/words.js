// Every text of the page in both languages; the language is the player's choice, kept in this browser.
const WORDS = {
  scenarios: ["Сценарии", "Scenarios"], sessions: ["Мои сессии", "My sessions"], interviews: ["Интервью", "Interviews"], stories: ["Истории", "Stories"],
  library: ["Разборы", "Post-mortems"], progress: ["Прогресс", "Progress"], theme: ["Тема", "Theme"],
  lead: ["Уроните прод, почините его, напишите разбор и узнайте, помогли бы ваши меры: каждую мы прогоняем в том же инциденте.",
    "Drop production, repair it, write the post-mortem, and learn whether your action items would have helped: each is replayed in the same incident."],
  play: ["Играть", "Play"], resume: ["Продолжить", "Resume"], minutes: ["мин", "min"], free: ["бесплатно", "free"], full: ["по коду", "by code"],
  none: ["Пока ничего нет.", "Nothing here yet."], loading: ["Загрузка…", "Loading…"], more: ["Ещё", "More"], began: ["начата", "begun"], entries: ["команд", "commands"],
  code: ["Код доступа", "Access code"], enter: ["Войти", "Enter"], wrongcode: ["Этот код ничего не открывает.", "This code opens nothing."],
  brief: ["Задание", "Brief"], terminal: ["Терминал", "Terminal"], charts: ["Графики", "Charts"], system: ["Система", "System"], timeline: ["Хроника", "Timeline"], alerts: ["Алерты", "Alerts"],
  command: ["Команда", "Command"], turns: ["по ходам", "by turns"], wait: ["ждать", "wait"], hint: ["Подсказка", "Hint"], write: ["Разбор и меры", "Write-up"], console: ["К терминалу", "To the terminal"],
  quiet: ["спокойно", "all quiet"], resolved: ["инцидент закрыт", "resolved"], going: ["инцидент", "incident"], share: ["Поделиться", "Share"], copied: ["Ссылка скопирована", "Link copied"],
  export: ["Выгрузить", "Export"], lost: ["Связь прервана, переподключаюсь…", "Connection lost, reconnecting…"], back: ["Связь есть", "Connected"],
  success: ["Успешность", "Success"], rps: ["Запросов в секунду", "Requests per second"], p99: ["p99 успешных", "p99 of successes"], pool: ["Пул: занято и ждут", "Pool: busy and waiting"], backlog: ["Отложено", "Parked"], cpu: ["CPU базы", "Database CPU"],
  busy: ["занято", "busy"], waiting: ["ждут", "waiting"], ms: ["мс", "ms"], s: ["с", "s"], now: ["сейчас", "now"], nodata: ["нет данных", "no data"],
  deploy: ["выкатка", "deploy"], alert: ["алерт", "alert"], commandmark: ["команда", "command"],
  items: ["План действий", "Action items"], postmortem: ["Постмортем", "Post-mortem"], itemshelp: ["По одной мере в строке: что, кто, когда, как проверим.", "One item a line: what, who, by when, how it is checked."],
  factshelp: ["Факты из журнала; нажмите, чтобы вставить.", "Facts from the log; click to insert."], send: ["Отдать CTO", "Hand to the CTO"], judging: ["CTO читает и прогоняет меры в вашем инциденте…", "The CTO reads and replays the items in your incident…"],
  score: ["Оценка", "Score"], criteria: ["Критерии", "Criteria"], feedback: ["Что говорит CTO", "What the CTO says"], measured: ["Меры в том же инциденте", "The items in the same incident"], before: ["без меры", "without"], after: ["с мерой", "with"],
  unmapped: ["Это не мера, которую можно прогнать.", "Not something that can be replayed."], references: ["Похожие настоящие инциденты", "Real incidents like this"], questions: ["Вопросы CTO", "The CTO asks"], reply: ["Ответить", "Reply"], answered: ["Ответ записан", "Reply kept"], earlier: ["Прежние разборы этой сессии", "Earlier reviews of this session"],
  failed_requests: ["отказов", "failed requests"], recovered_s: ["восстановлено в", "recovered at"], detected_s: ["обнаружено в", "detected at"], to_recovery: ["до восстановления", "to recovery"], to_detection: ["до обнаружения", "to detection"], noincident: ["инцидента нет", "no incident"], notyet: ["так и нет", "not at all"], success_min: ["худшая успешность", "worst success"], others_failed: ["отказов у соседей", "failures of others"], pending_max: ["ждали в пуле", "waited in the pool"], connections_refused: ["отказано в соединении", "connections refused"], never: ["не было", "never"], started_s: ["началось в", "began at"], p1_paged_s: ["вызов P1 в", "P1 page at"], mitigated_s: ["смягчено в", "mitigated at"], offered_requests: ["запросов всего", "requests in all"], failed_share: ["доля отказов", "share that failed"], error_budget_burned: ["сожжено бюджета ошибок", "error budget burned"], pool_exhausted_s: ["пул исчерпан в", "pool exhausted at"], database_cpu_max: ["CPU базы самое большее", "database CPU at most"], backlog_max: ["отложено самое большее", "parked at most"], success_before: ["успешность до", "success before"], deploy_s: ["выкатка в", "deploy at"], rollback_s: ["откат в", "rollback at"], resolved_s: ["закрыто в", "resolved at"],
  template: ["Что случилось|Влияние|Хронология|Корневая причина|Обнаружение|Что сработало и что нет|Меры", "Summary|Impact|Timeline|Root cause|Detection|What went well and what did not|Action items"],
  pods: ["подов", "pods"], hit: ["попаданий", "hits"], searchhelp: ["Симптом или механизм: «ретраи добили базу»", "A symptom or a mechanism: “retries finished the database”"],
  prompt: ["Задача", "Question"], level: ["Уровень", "Level"], length: ["Длина", "Length"], short: ["короткое", "short"], long: ["полное", "full"], begin: ["Начать", "Begin"], answer: ["Ответ", "Answer"], say: ["Сказать", "Say"], finish: ["Закончить и получить разбор", "Finish and get the debrief"], debriefing: ["Интервьюер пишет разбор…", "The interviewer writes the debrief…"],
  diagram: ["Схема", "Diagram"], drawhelp: ["Схему рисуют строками: client -> lb -> api x20 ->|чтение| db; Mermaid и PlantUML тоже читаются", "Draw the design in lines: client -> lb -> api x20 ->|reads| db; Mermaid and PlantUML are read, too"], run: ["Прогнать", "Run it"], skip: ["Дальше", "Move on"], storylead: ["Расскажите о самом трудном баге: ситуация, задача, действия, результат.", "Tell about your hardest bug: situation, task, action, result."], about: ["О чём", "About"], fromlife: ["история из жизни", "a story from life"],
  search: ["Искать", "Search"], source: ["источник", "source"], lesson: ["Урок", "Lesson"], overall: ["оценка из 3", "level out of 3"], shared: ["Просмотр по ссылке", "Shared session"], readonly: ["Только чтение", "Read only"], hidden: ["(текст игрока скрыт)", "(the player's text is hidden)"],
};
let language = localStorage.getItem("language") || ((navigator.language || "ru").toLowerCase().startsWith("ru") ? "ru" : "en");
export const lang = () => language;
export function setLang(value) { language = value; localStorage.setItem("language", value); document.documentElement.lang = value; }
export const t = (key) => { const found = WORDS[key]; return found ? found[language === "ru" ? 0 : 1] : key; };
export const pick = (text) => (text && typeof text === "object" ? text[language] ?? text.ru : text);
const forms = { ru: new Intl.NumberFormat("ru-RU", { maximumFractionDigits: 2 }), en: new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 }) };
export const num = (value) => (value === null || value === undefined ? "–" : forms[language].format(value));
export const whole = (value) => num(typeof value === "number" && Math.abs(value) >= 10 ? Math.round(value) : value);
export const pct = (value) => (value === null || value === undefined ? "–" : `${num(Math.round(value * 1000) / 10)} %`);
export function span(seconds) {
  if (seconds === null || seconds === undefined) return t("never");
  const s = Math.round(seconds);
  return s < 60 ? `${s} ${t("s")}` : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
