"""Whether a line of prose states that something is over: a closed grammar, for the words it is made of mean other things as well.

`[RESOLVED] disk full`, `nightly load succeeded (run 8)`, `orders-db is up again` do; `a new version is available`, `how to set it
up`, `Customer success weekly` do not. Where it is in doubt it is none, and the line stays a note that somebody can read.
"""

import re
from typing import Final

_DOUBT: Final = re.compile(
    r"\A\W*(?:to|how|why|please|ok(?:ay)? to)\b|\?\s*\Z"
    r"|\b(?:if|when|once|until|unless|will|would|should|must|can|could|may|might|not|never|cannot|\w+n't|to be|waiting|before|partially)\b",
    re.IGNORECASE,
)
"""Questions, wishes, conditions, and what is still to come."""
_END: Final = (
    r"(?:\s+(?:again|now|today|already))?"
    r"(?=\s*(?:\Z|[.!,;:)(\[\]*–—]|-\s)|\s+(?:after|in|at|on|for|with|within|without|by|from|since|and|run|[#0-9])|\s+\w+=)"
)
"""What may follow a predicate: nothing, a sign, when and how, or which run."""
_BE: Final = r"\b(?:is|are|was|were|be|been|has|have|looks?|went|came|back|returned|now|all)\s+(?:now\s+|to\s+)?"
_LABELS: Final = r"(?:resolved|recovered|recovery|succeeded|success|completed|ok|okay|up|healthy|passed|available|restored|finished)"
_STATEMENTS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\A\W*{_LABELS}(?:\s*[:\])*|]|\s+[-–—]\s)",  # [RESOLVED] …, OK: …, SUCCESS - …
        rf"[:=]\s*{_LABELS}\W*\Z",  # status: OK
        rf"\b(?:succeeded|succeeds|recovered|resolved|completed|completes|finished|successfully){_END}",
        r"\A\W*successfully\s+\w+",
        rf"{_BE}(?:a\s+success|successful|complete|ok|okay|healthy|fine|normal|done){_END}",
        r"\b(?:complete|successful)[\s.!*]*\Z",
        rf"\b(?:checks?|tests?|validations?|assertions?|[0-9]+|has|have)\s+passed{_END}",
        rf"\b(?:service|connection|connectivity|access|availability)\s+(?:(?:is|was|has\s+been)\s+)?restored{_END}",
        rf"{_BE}back(?:\s+(?:up|online|to\s+normal))?{_END}",
        r"\b(?:up|available|online|reachable|healthy|running|working|ok|okay|fine|normal|well)\s+again\b",
    )
)
_CAPITALS: Final = re.compile(
    r"\A\W*(?:RESOLVED|RECOVERED|RECOVERY|SUCCEEDED|SUCCESS|COMPLETED)\b|\b(?:OK|UP|SUCCESS|HEALTHY|PASSED|AVAILABLE|COMPLETE)\W*\Z"
)
"""State words that stand out as such, in a line that is not written in capitals throughout."""
_SENTENCE: Final = re.compile(r"[.!]\s")
_LONGEST: Final = 200
"""Characters of a sentence that can be the statement of a state; in longer ones every word may occur."""


def says_recovered(line: str) -> bool:
    """Whether `line`, by its first sentence, states that what it is about succeeded, or is well again. What fails is asked before."""
    line = _SENTENCE.split(line[: 2 * _LONGEST].strip().strip("\"'"), maxsplit=1)[0]
    if len(line) > _LONGEST or _DOUBT.search(line):
        return False
    stands_out = _CAPITALS.search(line) is not None and any(letter.islower() for letter in line)
    return stands_out or any(statement.search(line) for statement in _STATEMENTS)
