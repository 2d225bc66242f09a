"""Makes plain text of what a model wrote: no links, no Markdown, no HTML, nothing to run, no more than fits."""

import html
import re
from collections.abc import Mapping
from typing import Final

from summarizer.text import clip, squeezed, tidy

_LONGEST: Final = 4_000
_LINK: Final = re.compile(
    r"!?\[(?P<label>[^\]\n]{0,200})\]\([^)\n]{0,600}\)|\b[a-z][a-z0-9+.-]{1,15}://\S{0,600}|\b(?:www\.|mailto:|javascript:|data:text)\S{0,600}",
    re.IGNORECASE,
)
_HOST: Final = (
    r"\b(?:[a-z0-9-]{1,63}\.){1,5}(?:com|net|org|io|dev|app|co|ru|cn|xyz|info|biz|me|ai|top|site"
    r"|online|shop|link|click|cc|tk|ly|gl|sh|to|uk|de|test|example)\b"
)
_DOMAIN: Final = re.compile(rf"{_HOST}(?:/\S{{0,300}})?", re.IGNORECASE)
_SENDS_AWAY: Final = re.compile(
    rf"\b(?:visit|open|go to|browse|navigate to|download|click|follow|see|read|runbook)\b.{{0,60}}?{_HOST}|{_HOST}/\S", re.IGNORECASE
)
_LOOK_ALIKES: Final[Mapping[int, int | str]] = {
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "\u3002\uff61\u2024\uff0e"), "."),
}
"""Letters of double width and other full stops: a browser takes them for what they look like."""
_SPREAD: Final = re.compile(r"(?<=\w)\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?(?=\w)|\bhxxp", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z!][^<>]{0,300}>")
_MARKUP: Final = re.compile(r"```\w{0,20}|`|\*\*|__(?=\s|$)|(?:^|(?<=\n))\s{0,3}(?:#{1,6}|>|[-*+])\s+")
_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PHONE: Final = re.compile(r"(?<![\w.:-])(?:\+\d|\(\d|0\d)[\d ()/-]{6,20}\d(?![\w.])")
_TO_RUN: Final = re.compile(
    r"\$\(|&&|\|\s*(?:sh|bash|python|zsh)\b|>\s*/"
    r"|\b(?:curl|wget|powershell|bash|chmod|chown|sudo|eval|ssh|scp|nc|rm|kill|base64|pip3? install|npm install)\s+[-\w/\"'.~$]+"
    r"|\b(?:drop (?:table|column|schema|database|view|index|role|user)"
    r"|truncate (?:table )?\w|delete from|grant all|alter user|insert into|update \w+ set)\b"
    r"|\b(?:disable|turn off|switch off|bypass|skip)\b.{0,40}\b"
    r"(?:tls|ssl|verification|certificate|authentication|auth|alert|monitor|check|test|firewall|security)",
    re.IGNORECASE,
)
_HANDS_OVER: Final = re.compile(
    r"(?:^|[.;:,!]\s*|\b(?:please|must|should|and|then|you|need to|have to)\s+)"
    r"(?:send|share|post|paste|enter|e-?mail|give|tell|type|provide|forward|upload|reveal|print|show)\b"
    r".{0,60}\b(?:passwords?|tokens?|secrets?|api keys?|credentials?|login|one-time code)\b"
    r"|\b(?:call|phone|dial|contact|visit|log ?in (?:at|to))\b.{0,60}(?:\d{4,}|@|support|help ?desk)",
    re.IGNORECASE,
)
_ALL_WELL: Final = re.compile(
    r"\bno (?:error|failure|problem|issue|action)s?\b(?! (?:message|detail|log|text|output|handling))"
    r"|\b(?:all|everything)\b.{0,30}\b(?:succe\w+|passed|fine|good|ok|well|healthy)"
    r"|(?<!previous )(?<!earlier )(?<!last )(?<!upstream )(?<!other )\b(?:run|job|flow|pipeline|build|it)\b (?:has |was |is )?"
    r"(?:(?:completed|finished|ended) success\w*|succeeded|successful|passed|fine|healthy)"
    r"|\b(?:completed|finished|ran|ended) successfully\b|\bfalse alarm\b|\bnothing (?:failed|to do|is wrong|went wrong)"
    r"|\bcan be ignored\b|\bsafe(?:ly)? (?:to )?ignored?\b|\bignore (?:this|all|the|previous)\b",
    re.IGNORECASE,
)


def plain(text: str, limit: int, standing: str) -> str:
    """One line of plain text. Host names stay only where they stand in `standing`, what the model was shown."""
    lines = [tidy(line) for line in _undisguised(html.unescape(text[:_LONGEST])).splitlines()]
    bare = _MARKUP.sub(" ", "\n".join(lines))
    for _ in range(3):
        bare = _TAG.sub(" ", bare)
    bare = _LINK.sub(lambda found: found.group("label") or "", bare).replace("<", "‹").replace(">", "›")
    bare = _DOMAIN.sub(lambda found: found.group() if found.group() in standing else "", bare)
    return clip(squeezed(bare).strip(" -*#"), limit)


def may_be_advised(step: str) -> bool:
    """Whether a next step is one that a person may be given: nothing to run, to hand over, to call or to switch off."""
    bare = _undisguised(step)
    return not any(one.search(bare) for one in (_LINK, _SENDS_AWAY, _TO_RUN, _HANDS_OVER, _EMAIL, _PHONE, _ALL_WELL))


def _undisguised(text: str) -> str:
    """With addresses as they are meant: `ｅｖｉｌ。example` and `hxxps://evil[.]example`."""
    return _SPREAD.sub(lambda found: "http" if found.group().lower() == "hxxp" else ".", text.translate(_LOOK_ALIKES))


def says_all_is_well(text: str) -> bool:
    """Whether a text about a failure denies it."""
    return bool(_ALL_WELL.search(text))
