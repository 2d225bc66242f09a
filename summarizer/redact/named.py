# ruff: noqa: E501
"""Secrets that a name before them gives away: in settings, documents, reprs, sentences and on command lines."""

import re
from typing import Final

from summarizer.redact.labels import ABOUT, KEY, NO_COUNT, NO_SECRET, PASSWORD, STEMS, VAGUE
from summarizer.redact.shape import Shape, shape

BARE: Final = r"(?:\\.|[^\s\"',;&)}\]<>\\]){1,2000}"
QUOTED: Final = r"\"{3}[^\"]{1,2000}\"{3}|'{3}[^']{1,2000}'{3}|\"(?:[^\"\\]|\\.){1,2000}\"|'(?:[^'\\]|\\.){1,2000}'|[\"'][^\"']{1,2000}"
VALUE: Final = rf"(?P<secret>{QUOTED}|{BARE})"
_PHRASE: Final = rf"(?P<secret>{QUOTED}|[^\s\"',;&)}}\]<>]{{1,400}}(?:[ ][^\s\"',;&)}}\]<>:=⏎]{{1,60}}(?![:=\w\"'(])){{0,5}})"
_MIXED: Final = r"(?=[^\s]{0,200}[\d!@#$%^&*+=/~])"
_LETTERS_AND_DIGITS: Final = r"(?=[^\s]{0,60}\d)(?=[^\s]{0,60}[A-Za-z])"
_ANY: Final = rf"(?:{PASSWORD}|{KEY})"
_REST: Final = r"[A-Za-z0-9_.\-]{0,60}"
_SHUT: Final = r"(?:\s{0,3}\[/?[a-z]{1,12}\])?\\?[\"'`]?\]?"
_DRESS: Final = r"(?:(?:[|>][+-]?[\s⏎]{1,6}|!{1,2}\w{1,20} |&\w{1,20} |\(\s{0,4}))?(?:[a-z]\w{0,30}\((?=[\"'])|[bruf]{1,2}(?=[\"']))?\\?(?![|>][+-]?[\s⏎])"
"""What a language puts before a value: a block's mark, a tag, a bracket, a wrapping call, the letter of a literal."""
_IS: Final = r"(?:is|was|are|ist|war|lautet|es|est|era|é|è|e'|of|to|set to)"
_OF_WHOM: Final = r"(?:\s(?:for|of|de|del|do|da|du|des|dell?['’]?|für|von|voor|van)\s{0,2}[^\s:=]{1,40}(?:\s{1,2}[^\s:=]{1,40}){0,2})?"

NAMED: Final[tuple[Shape, ...]] = tuple(
    shape("named secret", pattern, re.IGNORECASE, STEMS)
    for pattern in (
        # connection strings: braces and semicolons are their quotes
        r"\b(?:pwd|password)\s?=\s?\{(?!\{)(?P<secret>[^}\n]{1,200}(?:\}\}[^}\n]{0,200}){0,3})\}",
        rf"(?:;|\A|\s)(?:pwd|password)=(?!\{{){NO_SECRET}(?P<secret>[^;=\n\"']{{1,200}})(?=;)",
        # a name and its value apart
        rf"{_ANY}\w{{0,30}}[\"']?[\s,;]{{1,6}}[\"']?value\\?[\"']?\s{{0,3}}[:=]\s{{0,3}}{NO_SECRET}{NO_COUNT}{VALUE}",
        # settings
        rf"{PASSWORD}{ABOUT}{_REST}{_SHUT}{_OF_WHOM}\s{{1,4}}(?:=>|:=|=)\s{{1,4}}{NO_SECRET}{_DRESS}{NO_SECRET}{_PHRASE}",
        rf"{_ANY}{ABOUT}{_REST}{_SHUT}\s{{0,4}}(?:=>|:=|=(?!=)|%3D)\s{{0,4}}{NO_SECRET}{_DRESS}{NO_SECRET}{NO_COUNT}{VALUE}",
        rf"{PASSWORD}{ABOUT}{_REST}{_SHUT}\s{{0,4}}(?:=|%3D)\s{{0,4}}{NO_SECRET}{_DRESS}{NO_SECRET}{VALUE}",
        rf"{VAGUE}{_SHUT}\s{{0,4}}(?:=|%3D|:)\s{{0,4}}{NO_SECRET}{_DRESS}{NO_SECRET}(?P<secret>(?=[^\s]{{0,200}}\d)[\"']?[^\s\"',;&)}}\]<>(]{{12,2000}})",
        # documents
        rf"{_ANY}{ABOUT}\w{{0,20}}\\?[\"']\]?\s{{0,4}}[:,：]\s{{0,4}}(?![\[{{]){NO_SECRET}{_DRESS}{NO_SECRET}{NO_COUNT}{VALUE}",
        rf"{_ANY}s?\\?[\"']?\s{{0,4}}[:=]\s{{0,4}}[\[(]\s{{0,4}}(?P<secret>(?:[bu]?[\"'][^\"'\n]{{1,500}}[\"'](?:,\s{{0,3}})?){{1,20}})",
        rf"<\w{{0,30}}{_ANY}\w{{0,30}}>\s{{0,8}}(?:<!\[CDATA\[)?(?P<secret>[^<>\]\n]{{1,500}})",
        rf"{PASSWORD}{ABOUT}\w{{0,20}}{_SHUT}{_OF_WHOM}[ \t]{{0,2}}[:：](?:\s{{1,4}}|[\s⏎]{{1,6}}|(?<=：)){NO_SECRET}{_DRESS}{NO_SECRET}{_PHRASE}",
        (rf"(?<!such )(?<!missing )(?<!unexpected )(?<!invalid )(?<!unknown ){KEY}{ABOUT}\w{{0,20}}{_SHUT}[ \t]{{0,2}}[:：](?:\s{{1,4}}|[\s⏎]{{1,6}}){NO_SECRET}{_DRESS}{NO_SECRET}{NO_COUNT}"
            r"(?P<secret>\"[^\"]{3,2000}\"|'[^']{3,2000}'|(?=[^\s]{0,200}[\d!@#$%^&*+=/~])[^\s\"',;&)}\]]{4,2000}|[^\s\"',;&)}\]]{3,2000}(?=\s{0,9}(?:\Z|[,;)}\]⏎])))"),
        rf"{_ANY}{ABOUT}\w{{0,20}}:{NO_SECRET}{NO_COUNT}(?P<secret>[^\s\"',;:&)}}\]]{{4,2000}})",
        rf"(?-i:\bSecret)(?:Str|Bytes)?\(\s?(?:value\s?=\s?)?(?P<secret>{QUOTED})",
        # sentences
        rf"\bcredentials?\s(?:(?:of|for)\s)?[^\s:]{{1,60}}:(?P<secret>{_MIXED}[^\s\"',;]{{4,200}})",
        rf"{PASSWORD}{_OF_WHOM}\s{{1,2}}{_IS}\s{{1,2}}(?!/){NO_SECRET}(?!\w{{1,40}}(?:ed|ing|ent|able)\b)(?P<secret>{QUOTED}|[^\s\"',;]{{4,400}}(?<![.!?]))",
        rf"{PASSWORD}{_OF_WHOM}\s{{1,3}}\(?{NO_SECRET}(?P<secret>{_LETTERS_AND_DIGITS}[^\s\"',;:()=/]{{6,200}})",
        rf"\b(?:identified by|{PASSWORD})\s{{1,3}}(?P<secret>'[^'\n]{{1,500}}'|\"[^\"\n]{{1,500}}\")",
        rf"\b(?:token|secret|api key) {_IS}\s{{1,3}}{NO_SECRET}(?P<secret>{_MIXED}[^\s\"',;]{{6,500}})",
        r"(?<![A-Za-z_-])pass (?P<secret>(?=[^\s]{0,60}\d)(?=[^\s]{0,60}[A-Za-z])[^\s\"',;:()=/]{6,200})",
    )
)  # fmt: skip
