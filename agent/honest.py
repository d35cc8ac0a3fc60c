"""Whether somebody who is asked says that they don't know: an honest gap, which costs nothing."""

import re

_LONG = 200  # characters: beyond, "I don't know" begins an answer instead of being one
_GAP = re.compile(
    r"^\W*(?:(?:честно\w*|увы|хм+|ну)\W+)*(?:я\s+)?(?:уже\s+)?"
    r"(?:не\s+(?:знаю|помню|скажу)|без\s+понятия|затрудняюсь|пас)\b|"
    r"^\W*(?:(?:honestly|hmm+|well)\W+)*(?:i\s+)?"
    r"(?:(?:don'?t|do\s+not)\s+(?:know|remember|recall)|can'?t\s+(?:recall|remember)|no\s+idea|not\s+sure|pass)\b",
    re.IGNORECASE,
)


def admits_gap(text: str) -> bool:
    return len(text) < _LONG and _GAP.match(text) is not None
