"""What tells that a sentence speaks to the grader, claims an authority, is unreal, general or a definition: patterns only."""

import re

# Words that only make sense when spoken to whoever grades.
INSTRUCTION = re.compile(
    r"</?\s*(?:system|assistant|user|candidate\w*|answer|instructions?|grad\w+|eval\w+|admin|prompt|verdict|inst)\b"
    r"|\[/?(?:inst|system)\b|<\|"
    r"|^\W*(?:system|assistant|note to (?:the )?\w+|системн\w+ сообщени\w+|служебн\w+ \w+)\b.{0,60}:"
    r"|\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruct|rubric|criteri|prompts?\b|guideline|"
    r"rules (?:above|given|of)|(?:everything|anything|all|what)\b.{0,20}\b(?:above|before|previous|prior|said)|"
    r"(?:previous|prior|above) (?:messages?|text|rules|orders?)|system (?:message|prompt|text))"
    r"|(?:игнориру|проигнориру|забудь|отмен[ия]|не учитыва)\w*.{0,40}(?:инструкц|рубрик|критери|промпт|указани|"
    r"правила (?:выше|оцен)|(?:всё|все|того|что)\b.{0,20}(?:выше|раньше|сказан|предыдущ)|"
    r"предыдущ\w+ (?:текст|сообщ|требован))"
    r"|\b(?:graders?|evaluators?|assessors?|reviewing model|language model|judge model|as an ai|llm)\b"
    r"|(?:оценщик|проверяющ\w+ модел|проверяющ\w+ (?:поставь|постави|обрати|долж)|языков\w+ модел|нейросет)"
    r"|\b(?:full|maximum|max|highest|top|perfect) (?:score|marks?|points?|grades?|rating|level)s?\b"
    r"|(?:максимальн|высш|наивысш|полн|отличн)\w* (?:балл|оценк|уров|отметк)"
    r"|\b(?:score|grade|rate|mark|give)\b.{0,25}\b(?:3|10|100)\s*(?:/|of|out of)\s*(?:3|10|100)\b"
    r"|\b(?:final|automatic|overall) (?:score|grade|verdict)\b|\bevaluation override\b"
    r"|\b[23](?:[.,]\d)?\s*(?:/|of|out of|из)\s*3\b.{0,30}(?:criteri|dimension|rubric|критери|рубрик|балл|уров)"
    r"|\b(?:all|every|each) (?:rubric )?(?:criteri\w+|dimensions?)\b.{0,40}\b(?:met|satisf\w+|fulfil\w+|3|max)\b"
    r"(?!.{0,9}\b(?:when|if|once)\b)"
    r"|(?:все|всем|каждо\w+) (?:критери|пункт)\w*.{0,30}(?:выполнен|балл|оценк|закрыт|макс)"
    r"|(?:постав|выстав|присво|засчита)\w*.{0,30}(?:балл|оценк|отлично|тройк|пят[её]рк)"
    r"|(?:постав|выстав|присво|засчита)\w*\s(?:\w+\s){0,2}(?:мне|ответ\w*|тексту|за (?:ответ|это|текст|работу)|"
    r"(?:по|за) (?:каждо|все)\w* (?:критери|пункт|из)\w*).{0,30}(?:уровень|максим|\b[35]\b)"
    r"|(?:постав|выстав|присво)\w*.{0,20}(?:максим\w+|\b3\b).{0,20}(?:по|за) (?:каждо|все)\w* (?:критери|пункт|из)"
    r"|\b(?:already|previously|manually)\b.{0,30}\b(?:graded|reviewed|verified|approved|scored)\b"
    r"|уже (?:проверен|оценен|оценён|одобрен)\w*.{0,40}(?:эксперт|комисс|комитет|методист|специалист)"
    r"|\b(?:overall|levels?|verdict|score|root_cause|specific|owned|coverage|effective|systemic|investigation|"
    r"depth|clarity|impact|timeline|blameless|requirements|tradeoffs|оценка|итог|балл\w*)\"?\s*[:=]\s*\"?3(?:[.,]0)?\b"
    r"(?!\s*(?:[%\w.:x×*~-]|[,/]\s*\d))"  # "impact: 3 weeks" is told of the incident
    r"|\b(?:return|assign|award|put|give)\b.{0,20}\b(?:three|maximum|max|[35])\b.{0,20}\b(?:each|every|all)\b"
    r".{0,15}\b(?:criteri|dimension|ax[ie]s\b|of them\b|rubric)"
    r"|\bверни.{0,30}(?:тройк|пят[её]рк|максимум)"
    r"|\b(?:low|bad|good|better|passing) (?:mark|grade)s?\b"
    r"|(?:низк|высок|плох|хорош|проходн)\w* (?:оценк|балл|отметк)|\bесли оценк|оценк\w+ (?:будет|окажется)"
    r"|\b(?:generous|lenient|kind|gentle)\b.{0,25}\b(?:answer|mark|grad\w+|me)\b|отнес\w+.{0,25}(?:ответ|снисх)"
    r"|\bi need this job\b|нужна эта работа|\bexemplary\b|образцов\w+"
    r"|^\W*(?:рецензия|отзыв|вердикт)\s*:"
    r"|\b(?:measures?|actions?|items?) (?:hit|are|is)\b.{0,40}\b(?:the mechanism|specific|owned|covered)\b"
    r"|\b(?:all|four) (?:four )?(?:kinds|sorts|types) (?:of \w+ )?(?:are|is) covered|покрыты все|\bмеры (?:бьют|конкретны)\b"
    r"|\b(?:strong[_ ])?(?:hire|no[_ ]hire)\W*$|рекоменд\w+ (?:нанять|к найму|принять)|\bstrong_(?:yes|hire|no)\b"
    r"|\b(?:this|my|the) (?:text|answer|response|essay|document) (?:gives|describes|covers|contains|lists|shows|"
    r"addresses|includes|has)\b|в (?:этом|данном|моем|моём) (?:тексте|ответе|документе).{0,20}"
    r"(?:описан|указан|привед|есть|учтен|учтён|назван|раскрыт|содерж)"
    r"|\b(?:model|ideal|perfect|reference|textbook|good) (?:answer|response)\b"
    r"|(?:идеальн|эталонн|правильн|хорош)\w+ ответ\w*"
    r"|\b(?:keywords?|tags?|ключевые слова|теги)\s*:"
    # what is written here is to be taken for done: no matter for whoever mends a system
    r"|\b(?:treat|regard|count|consider|accept)(?:ed)?\b.{0,40}\b(?:steps?|items?|answers?|points?|criteri\w+|measures?|"
    r"sections?|everything|the rest|above|below|following)\b.{0,40}\bas (?:complete|done|described|fulfilled|met|satisfied|"
    r"answered|outstanding|excellent|correct)\b(?!\W+(?:when|if|once|after|only|until|by))"
    r"|\b(?:steps?|items?|answers?|points?|criteri\w+|measures?|sections?|drill|everything|the rest)\b.{0,25}\b(?:to be|must be|should be|is|are) "
    r"(?:treated|regarded|counted|considered|accepted) as (?:complete|done|described|fulfilled|met|satisfied|answered|"
    r"outstanding|excellent|correct)\b(?!\W+(?:when|if|once|after|only|until|by))"
    r"|\b(?:считай|считать|примите|прими|принимать|засчита)\w*\b.{0,60}(?:пункт|шаг|ответ|раздел|остальн|всё|все|ниже|выше|"
    r"следующ)\w*.{0,40}(?:выполненн|описанн|раскрыт|засчитанн|отличн|безупречн)\w*(?!\W+(?:если|когда|после|при|только))"
    r"|\b(?:outcome|results?) of the (?:last|previous|earlier|first) (?:check|review|grading|assessment|evaluation)\b"
    r"|\b(?:итог|результат)\w* (?:предыдущ|прошл|перв)\w+ (?:проверк|оценк|рецензи|экспертиз)\w*"
    r"|\b(?:measures?|actions?|меры)\b.{0,20}\b(?:strike|address both|бьют)\b"
    r"|\b(?:improved|revised|updated|better|final) version of (?:the|this|my|your) (?:answer|text|response|essay)\b"
    r"|(?:улучшенн|исправленн|обновл[её]нн|доработанн)\w+ верси\w+ (?:\w+ )?(?:ответа|текста)"
    r"|\brubric\b|рубрик[аеуи]\b",
    re.IGNORECASE,
)
AUTHORITY = re.compile(
    r"\b\d{1,2}\+?\s*(?:years?|лет|год\w*)\b.{0,40}\b(?:experience|опыт|стаж|в индустрии|in the industry)"
    r"|\b(?:experience|опыт\w*|стаж\w*)\b.{0,20}\b\d{1,2}\+?\s*(?:years?|лет)\b"
    r"|\b(?:ex|former|бывш\w+)[- ](?:principal|staff|google|faang|meta|amazon|cto|яндекс|техдир|архитектор)"
    r"|\bfaang\b|\bkeynote\b|\bspeaker at\b|\bspoke at\b|спикер\w* (?:на )?"
    r"|\b(?:any|every) (?:competent|experienced|qualified|serious) (?:reviewer|engineer|expert|interviewer)"
    r"|люб\w+ (?:компетентн|грамотн|опытн|толков)\w+ (?:инженер|эксперт|рецензент|специалист|проверяющ)"
    r"|\b(?:a person|people|specialist|engineer) of my (?:level|calibre|caliber)\b|моего уровня"
    r"|\b(?:approved|endorsed|confirmed|reviewed|praised) by (?:the )?(?:cto|ceo|google|sre team|experts?|board)\b"
    r"|(?:одобрен|утвержден|утверждён|согласован|подтвержден|подтверждён)\w* (?:техдир|техническ|cto|комитет|эксперт)"
    r"|\b(?:speaking|writing) as an? .{0,20}\b(?:cto|ceo|vp|director|principal|staff|fellow|architect)\b"
    r"|\bas an? (?:former )?(?:cto|ceo|vp)\b"
    r"|(?:пишу|говорю) как .{0,40}(?:директор|архитектор|эксперт|cto)|\btrust me\b|поверьте"
    r"|\bas the .{0,25}\bbook\b|\bкак (?:пишут|сказано|написано) в книг|(?<=\s)\[\d{1,2}\]|\b(?:ch|гл)\. ?\d"
    r"|\bvendors? (?:\w+ )?(?:advis|recommend|suggest)\w+|вендор\w* (?:\w+ )?(?:совету|рекоменду)\w+"
    r"|\b(?:gave|presented) (?:this|it) (?:as|at)\b.{0,20}\b(?:talk|conference)|выступал\w* с (?:этим|докладом)"
    r"|(?:thank you|спасибо|благодар\w+)\b.{0,40}(?:task|question|opportunit|задани|вопрос|возможност)"
    r"|(?:best|great|excellent|wonderful|замечательн\w+|отличн\w+|прекрасн\w+|интересн\w+) (?:task|question|задани\w|вопрос)",
    re.IGNORECASE,
)
UNREAL = re.compile(
    r"\b(?:had (?:i|we)|if (?:i|we) had|given|with) (?:had )?(?:more|enough|some) (?:time|space|room)\b"
    r"|(?:будь у (?:меня|нас)|если бы (?:у (?:меня|нас) )?(?:было|хватило)) .{0,12}(?:врем|мест)"
    r"|\b(?:would|could) (?:also )?(?:describe|mention|elaborate|list|explain)\b.{0,200}\bin (?:more )?detail"
    r"|(?:подробн\w+ бы|бы подробн\w+) \w+"
    # promised, if only somebody asked
    r"|\b(?:if|when|once|as soon as|whenever) (?:\w+ )?(?:required|needed|necessary|asked|requested|desired|wanted|wished|you (?:want|wish|need|like|say|ask))"
    r"\b.{0,80}\b(?:i|we)(?:'m| am| are|'re|'ll| will| can| could)\b"
    r"|\b(?:i|we)(?:'m| am| are|'re) (?:\w+ )?(?:ready|happy|glad|prepared|willing|able) to (?:\w+ )?"
    r"(?:give|provide|show|list|add|lay|name|describe|specify|detail|elaborate|share|send|present|explain)\b"
    r"|\b(?:can|will|could) be (?:provided|sent|given|supplied|specified|shared|detailed|added) (?:on|upon|at|by|later|separately|if|when|to)\b"
    r"|\b(?:on|upon) (?:request|demand)\b.{0,60}\b(?:i|we|full|detail)|\b(?:full|complete|detailed) version\b"
    r"|\b(?:если|когда|как только) (?:\w+ )?(?:потребу|понадоб|нужно|надо|попрос|скаж|захо|будет нужно|необходим)\w*"
    r".{0,100}\b(?:готов|могу|можем|пришл|предостав|распиш|дополн|укаж|привед)\w*"
    r"|\b(?:я |мы )?готовы?а? (?:\w+ )?(?:указать|предоставить|расписать|привести|показать|прислать|дополнить|назвать|описать|рассказать|уточнить|раскрыть)\b"
    r"|\b(?:по|при) (?:первому )?(?:запросу|требованию|необходимости)\b.{0,60}\b(?:предостав|пришл|распиш|укаж|дополн|привед|готов)\w*"
    r"|\b(?:пришл|предостав|вышл)\w+ (?:\w+ )?(?:полн|подробн|развёрнут|развернут|детальн)\w+"
    # said to stand somewhere else
    r"|\b(?:given|shown|described|listed|provided|found|detailed|set out|laid out|attached|analy[sz]ed|contained) (?:\w+ ){0,3}"
    r"(?:in|at) (?:the |an? )?(?:appendi\w+|annex\w*|attachment\w*|enclosure\w*|https?:|separate)|\b(?:see|cf\.?) (?:the )?(?:appendix|annex|attachment)"
    r"|\bв приложени[ия] (?:[A-ZА-Я]\b|№|\d|на вики|к (?:\w+ )?(?:отчёту|отчету|документу|ответу|письму))|\(доступ по запросу\)|\(access (?:on|by) request\)|\bсм\.? приложени\w+|\bво вложени\w+"
    r"|(?:приведен|описан|разобран|указан|изложен)\w*.{0,12}\bв (?:https?:|приложени\w+)"
    r"|\b(?:in|for) an? ideal world\b|\b(?:endless|unlimited|infinite) (?:budget|time|resources|money)\b|\bone (?:could|can|may) dream\b"
    r"|\bв идеальном мире\b|\b(?:бесконечн|неограниченн)\w+ (?:бюджет|врем|ресурс|деньг)\w*|\bпомечтать\b"
    # put off, only thought of, done by the great or learnt in a course
    r"|\b(?:when|once|after|as soon as) .{0,60}\bwe(?:'ll| will| can| may)? (?:\w+ )?(?:come back|return|get back|talk|think|discuss|decide|see)\b"
    r"|\b(?:could|can|might) (?:of course )?(?:also )?(?:be added|add|append|write) (?:\w+ ){0,3}(?:to (?:the|this) list|as well|such things)"
    r"|\b(?:in|at) (?:large|big|major|serious|mature|real) (?:companies|tech|firms|corporations)\b"
    r"|\b(?:courses?|training|certificat\w+|bootcamp|lectures?)\b.{0,80}\b(?:topics?|covered|studied|learn\w*|discussed|completed|passed)\b"
    r"|\b(?:audit\w*|consultants?|consultancy|advisers?|advisors?)\b.{0,60}\b(?:recommended|advised|suggested|proposed)\b"
    r"|\b(?:когда|как|после того как) .{0,60}\b(?:верн[её]мся|подумаем|обсудим|поговорим|решим|посмотрим)\b"
    r"|\bможно (?:было бы )?(?:\w+ )?(?:дописать|добавить|приписать|вписать) (?:и |ещ[её] )?(?:так\w+|в список|к списку|сюда)"
    r"|\bв список\b.{0,20}\bможно\b.{0,20}\b(?:дописать|добавить|приписать|вписать)\b"
    r"|\b(?:в|у) (?:крупн|больш|серь[её]зн|зрел)\w+ (?:компани|корпораци|фирм|игрок)\w*"
    r"|\b(?:курс\w*|тренинг\w*|сертификат\w*|лекци\w+|обучени\w+)\b.{0,80}\b(?:тем[ыу]?\b|разбирал\w*|проходил\w*|изучал\w*|прош[её]?л\w*|слушал\w*)"
    r"|\b(?:аудит\w*|консультант\w*|аудитор\w*)\b.{0,60}\b(?:рекомендова|посоветова|предложи|советова)\w+"
    r"|\b(?:GitLab|GitHub|Facebook|Knight Capital|Amazon|AWS|Google|Cloudflare|Slack|Roblox|Microsoft|Azure|Fastly|CrowdStrike|Netflix)\b"
    r".{0,30}\b(?:19|20)\d{2}\b"
    # announced for elsewhere, dreamt, left to nobody in particular, or said to be what everybody knows
    r"|\b(?:in|for) (?:the|my|an?) (?:next|other|another|separate|later|follow-up) (?:document|part|text|answer|post|chapter)\b"
    r"|\b(?:in|for) another (?:document|text|answer|post|time|day)\b|\b(?:some|an)other time\b|\bв (?:друг|следующ)\w+ раз\b|\bв (?:следующ|друг|отдельн)\w+ (?:документ|част|текст|ответ|стать)\w*"
    r"|\b(?:i|we) (?:dreamt|dreamed|imagined|fantasi[sz]ed)\b|\b(?:мне|нам) (?:при)?снил\w+|\bво сне\b"
    r"|\b(?:somebody|someone|anybody|anyone) (?:some ?day|ever|one day)\b|(?:кто|когда)-нибудь.{0,20}(?:кто|когда)-нибудь"
    r"|\b(?:everyone|everybody|anyone|anybody) (?:\w+ )?knows\b|\bas (?:everybody|everyone) knows\b"
    r"|\b(?:всем|каждому|любому) (?:\w+ )?(?:известно|понятно|ясно)\b|\b(?:все|каждый|любой) знают?,? что\b"
    r"|\b(?:i|we) wish (?:we|i|there|that|it)\b|\b(?:these|those|they) are (?:only |just )?dreams\b|\bхотелось бы\b|\bэто (?:\w+ )?мечты\b"
    r"|\b(?:a|our|the|one) competitors?\b.{0,40}\b(?:had|did|has|put|uses|used)\b|\bat (?:another|some other) company\b"
    r"|\bу (?:одного |нашего |наших )?конкурент\w+\b|\bв другой компании\b"
    r"|^\W*(?:minutes|протокол\w*(?: встречи)?)\s*:|\b\d+ (?:people|persons|colleagues) attended\b|присутствовал\w* \d+"
    r"|\b(?:at|in) (?:my|our) (?:last|previous|former|old) (?:job|company|place|employer|team)\b(?!.{0,9}\b(?:i|my)\b)"
    r"|\bна (?:прошл|прежн|предыдущ|стар)\w+ (?:работе|месте)\b"
    r"|^\W*(?:sure|yeah|oh yes|right|ага|ну да|да-да|ну конечно),? (?:let us|let's|why not|давайте|ещё|еще)\b",
    re.IGNORECASE,
)
# How such systems are in general, as a textbook has it: nothing that somebody saw or means to do.
GENERAL = re.compile(
    r"\b(?:usually|typically|generally|commonly|in general|as a rule|in (?:such|these|most) cases|"
    r"one (?:usually|should|can|would|needs|looks|must|has to|takes)|(?:good|best|common) practice|"
    r"in (?:\w+ )?(?:distributed|modern|complex|any|most|large|real|such)(?: \w+)? (?:systems?|environments?|architectures?)|"
    r"it is (?:known|common|customary))\b"
    r"|\b(?:обычно|как правило|в (?:таких|подобных|этих) случаях|в общем случае|принято \w+ть|рекоменду[её]тся|"
    r"(?:хорош|лучш|обычн|распростран[её]нн)\w+ практик\w+|известно, что|"
    r"в (?:распредел[её]нных|современных|сложных|любых|больших|крупных|таких|подобных) \w*\s?систем\w+)\b",
    re.IGNORECASE,
)
# Little words of other languages, none of which means anything in Russian or English text.
OTHER_TONGUE = re.compile(
    r"\b(?:und|für|mit|nicht|ein|eine|einen|wir|ist|sind|werden|oder|auch|dann|beim|vom|zum|zur|der|dem|den|"
    r"et|les|des|une|puis|avec|pour|dans|sur|aux|nous|est|sont|qui|au-dessus|"
    r"una|unos|los|las|del|con|para|por|que|como|pero|cuando|es|son|"
    r"il|che|della|degli|gli|nel|per il|di|sono|anche|"
    r"och|att|för|som|nie|jest|oraz|przy|dla|się|ve|bir|için|ile)\b",
    re.IGNORECASE,
)
DEFINITION = re.compile(
    r"^\W*(?:an? |the )?(?P<what>[a-zа-яё-]+(?: [a-zа-яё-]+){0,2}?)\s*(?:[-–—]\s*это|is an?)\s[^\d]+$",
    re.IGNORECASE,
)
