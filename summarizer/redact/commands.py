# ruff: noqa: E501
"""Secrets on command lines and in the calls of programs, given away by a flag."""

import re
from typing import Final

from summarizer.redact.labels import KEY, NO_COUNT, NO_SECRET, PASSWORD
from summarizer.redact.named import BARE, QUOTED, VALUE
from summarizer.redact.shape import Shape, shape

_ANY: Final = rf"(?:{PASSWORD}|{KEY})"
_FLAGGED: Final = ("-", "env", "arg", "setx", "auth", "pass:", "sqlplus")

COMMANDS: Final[tuple[Shape, ...]] = (
    *(
        shape("named secret", pattern, re.IGNORECASE, _FLAGGED)
        for pattern in (
            rf"(?<![\w-])--?(?:[a-z]{{1,20}}-){{0,3}}(?:password|passwd|pass|passphrase|token|secret|api-?key|access-?key|key)[ =]{{1,2}}{NO_SECRET}(?!--?[a-z]){VALUE}",
            rf"\b(?:env|arg|setx)\s{{1,4}}\w{{0,40}}{_ANY}\w{{0,20}}\s{{1,4}}(?!=)(?P<secret>{QUOTED}|{BARE})",
            r"(?<![\w-])--(?:proxy-)?user[ =]{1,2}(?:\"[^:\"\n]{1,100}:(?P<secret>[^\"\n]{1,500})\")",
            r"(?<![\w-])--(?:proxy-)?user[ =]{1,2}(?:'[^:'\n]{1,100}:(?P<secret>[^'\n]{1,500})')",
            r"(?<![\w-])--(?:proxy-)?user[ =]{1,2}[^\s:\"']{1,100}:(?!\d{1,6}\b)(?P<secret>[^\s\"']{1,500})",
            r"\b(?:curl|https?|xh|httpie)\b[^\n]{0,300}?\s-[ua]\s?[\"']?[^\s:\"']{1,100}:(?P<secret>[^\s\"']{1,500})",
            r"(?<![\w-])-u\s?[\"']?[^\s:\"'/]{1,100}:(?=[^\s]{0,60}[A-Za-z!@#$%])(?=[^\s]{0,60}[\d!@#$%])(?P<secret>[^\s\"']{5,500})",
            r"(?<![\w-])-U\s?[^\s%]{1,60}%(?P<secret>[^\s]{1,200})",
            r"\becho\s{1,3}(?P<secret>[^\s|]{1,500}|'[^'\n]{1,500}'|\"[^\"\n]{1,500}\")\s?\|[^\n|]{0,100}--password-stdin",
            rf"\bsshpass\s{{1,3}}-p\s?{VALUE}",
            r"\bpass(?:in|out)?\s(?:pass|env):(?P<secret>[^\s]{1,500})",
            rf"\bredis-cli\b[^\n]{{0,200}}? -a\s?{VALUE}",
            rf"\blogin\b[^\n]{{0,200}}? -p[ =]?{NO_COUNT}{VALUE}",
            r"\bsqlplus\b[^\n]{0,80}?\s[^\s/@]{1,60}/(?P<secret>[^\s@]{1,200})@",
            rf"\bldap\w{{1,12}}\b[^\n]{{0,200}}? -w ?{VALUE}",
            r"\bauth\s?=\s?\(\s?[\"'][^\"']{0,200}[\"']\s?,\s?(?P<secret>[\"'][^\"']{1,500}[\"'])",
        )
    ),
    # the case of a flag matters
    shape("named secret", r"\bmy(?:sql|cli|dumper)\w{0,10}\b[^\n]{0,200}? -p(?P<secret>'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"|[^\s-][^\s]{2,200})", where=(" -p",)),
    shape("named secret", rf"\b(?:sqlcmd|bcp|osql|isql|mssql-cli)\b[^\n]{{0,300}}? -P ?{VALUE}", where=(" -p",)),
)  # fmt: skip
