"""Real advice that this world cannot measure. The review says so instead of inventing an effect."""

from simulator.interventions.base import Intervention, Kind
from simulator.scenario import Text


def _entry(name: str, kind: Kind, ru: str, en: str, cost_ru: str, cost_en: str) -> Intervention:
    return Intervention(name, kind, Text(ru=ru, en=en), Text(ru=cost_ru, en=cost_en))


ENTRIES = [
    _entry("statement_timeout", "mitigate", "statement_timeout в PostgreSQL", "statement_timeout in PostgreSQL",
           "режет долгие запросы; коротким, которые ждут своей очереди, не помогает",
           "cuts long statements; does nothing for short ones that wait their turn"),
    _entry("circuit_breaker", "mitigate", "circuit breaker перед сервисом", "a circuit breaker in front of the service",
           "отказывает всем, пока открыт", "refuses everybody while it is open"),
    _entry("autoscaling", "mitigate", "автомасштабирование подов", "autoscaling of pods",
           "смотрит на CPU подов: узкого места ниже не видит, новые поды приходят через минуты",
           "looks at the pods' CPU: does not see a bottleneck further down, and new pods take minutes"),
    _entry("release_window", "none", "окно релизов, запрет по пятницам", "a release window, no Friday releases",
           "копит изменения в большие релизы", "piles changes up into bigger releases"),
    _entry("code_review_checklist", "none", "чек-лист ревью", "a review checklist",
           "зависит от внимания людей", "depends on people's attention"),
    _entry("training", "none", "обучение, «быть внимательнее»", "training, 'be more careful'",
           "не меняет систему", "does not change the system"),
    _entry("postmortem_meeting", "none", "встреча по разбору", "a post-mortem meeting",
           "час команды", "an hour of the team"),
]  # fmt: skip
