# ruff: noqa: E501
"""What secrets look like: those with a shape of their own, and those that a name gives away.

No pattern has an unbounded run before a point where it may fail, so a hostile line costs linear time.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Shape:
    """One sort of secret. Where the pattern has a group `secret`, only that is taken out."""

    name: str
    pattern: re.Pattern[str]


def _shape(name: str, pattern: str, flags: int = 0) -> Shape:
    return Shape(name, re.compile(pattern, flags))


_EDGE: Final = r"(?<![A-Za-z0-9])"
_VALUE: Final = r"(?:[bruf]{1,2}(?=[\"']))?(?P<secret>\"(?:[^\"\\]|\\.){1,2000}\"|'(?:[^'\\]|\\.){1,2000}'|[\"'][^\"']{1,2000}|[^\s\"',;&)}\]<>]{1,2000})"
_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase|wort)|(?<![A-Za-z])pwd|secret(?:[._\- ]?(?:access)?[._\- ]?key)?|token|api[_\- ]?key|access[_\- ]?key(?:[_\- ]?id)?"
    r"|account[._\- ]?key|shared[_\- ]?access[_\- ]?key|private[_\- ]?key|encryption[_\- ]?key|signing[_\- ]?key|master[_\- ]?key|credentials?"
    r"|client[_\- ]?secret|auth[_\- ]?key|subscription[_\- ]?key|fernet[_\- ]?key|(?<![A-Za-z])sig(?:nature)?|session[_\- ]?id|cookie)"
)
_NO_SECRET: Final = (
    r"(?!\[redacted|\*{2,}|<|\$\{|\{\{|%\(|env:|env_var|os\.environ|(?:none|null|nil|true|false|undefined|missing|required|optional|invalid|incorrect|expired"
    r"|empty|is|was|not|must|has|the|for|in|of|or|and|to|are|cannot|could|failed|unset|yes|string|str|int|bytes|expecting|expected|unexpected|unknown|wrong)(?=[\s,;:.)\"'\]}]|\Z))"
)

SHAPES: Final = (
    _shape("private key", r"-----BEGIN [A-Z0-9 ]{0,40}(?:KEY|CERTIFICATE)[A-Z ]{0,20}-----.{0,16000}?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.DOTALL),
    _shape("connection password", r"://[^\s/:@\"'<>]{0,200}:(?!\d{1,5}(?:[/?#\s\"',;)]|\Z))(?P<secret>[^\s\"'<>]{1,256})@"),
    _shape("token in an address", r"https?://(?P<secret>[^\s/:@\"'<>]{12,256})@"),
    _shape("jwt", r"\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,6000}(?:\.[A-Za-z0-9_-]{0,2000})?"),
    _shape("aws key id", _EDGE + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _shape("google key", r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_.-]{20,2000}|\bGOCSPX-[A-Za-z0-9_-]{20,60}|\b1//0[A-Za-z0-9_-]{30,200}"),
    _shape("azure secret", _EDGE + r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    _shape("snowflake session", r"\bver:\d{1,3}-hint:\d{1,20}-[A-Za-z0-9+/=_%-]{16,2000}"),
    _shape("databricks token", _EDGE + r"(?:dapi|dose|dkea|dsapi)[0-9a-f]{30,40}(?:-\d{1,2})?"),
    _shape("dbt token", _EDGE + r"dbt[cus]_[A-Za-z0-9_\-=]{16,200}"),
    _shape("prefect key", _EDGE + r"pn[ubs]_[A-Za-z0-9]{16,100}"),
    _shape("github token", _EDGE + r"(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})"),
    _shape("gitlab token", _EDGE + r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_.-]{16,200}"),
    _shape("slack token", _EDGE + r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,300}|\bxapp-[A-Za-z0-9-]{10,300}"),
    _shape("stripe key", _EDGE + r"(?:[srp]k_(?:live|test)_[A-Za-z0-9]{10,200}|whsec_[A-Za-z0-9+/=]{16,200})"),
    _shape("api key", _EDGE + r"sk-(?:[a-z]{2,12}-)?[A-Za-z0-9_-]{20,300}"),
    _shape(
        "service token",
        _EDGE + r"(?:hf_[A-Za-z0-9]{20,100}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,100}|SK[0-9a-f]{32}|npm_[A-Za-z0-9]{30,60}|pypi-AgE[A-Za-z0-9_-]{30,400}"
        r"|do[opr]_v1_[0-9a-f]{40,80}|glsa_[A-Za-z0-9_]{30,60}|glc_[A-Za-z0-9+/=]{30,400}|NRAK-[A-Z0-9]{20,40}|hvs\.[A-Za-z0-9_-]{20,200}|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}"
        r"|key-[0-9a-f]{32}|PMAK-[0-9a-f-]{30,80}|lin_api_[A-Za-z0-9]{30,60}|ATATT[A-Za-z0-9_=-]{40,300}|sntrys_[A-Za-z0-9+/=_-]{30,400}|tfe?\.v1\.[A-Za-z0-9]{30,100}"
        r"|\d{8,10}:AA[A-Za-z0-9_-]{32,36}|AGE-SECRET-KEY-1[A-Z0-9]{50,60})",
    ),
    _shape("webhook address", r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|webhook\.office\.com/webhookb2|hc-ping\.com|/api/push|/webhooks/[\w-]{1,80}/[\w-]{1,80})/(?P<secret>[\w/@-]{6,400})"),
    _shape("authorization", r"\b(?:proxy-)?authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?P<secret>(?:(?:bearer|basic|token|digest|apikey|negotiate|aws4-hmac-sha256)\s{1,4})?[^\s\"',;]{4,4000}(?:[^\n\"']{0,1000}signature=[0-9a-f]{16,128})?)", re.IGNORECASE),
    _shape("authorization", r"\b(?:bearer|basic)\s{1,4}(?P<secret>(?=[A-Za-z0-9._~+/-]{0,400}[0-9=_.])[A-Za-z0-9._~+/-]{12,4000}={0,2})", re.IGNORECASE),
    _shape("cookie", r"\b(?:set-)?cookie[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?P<secret>[\w.-]{1,100}=[^\n\"']{4,4000})", re.IGNORECASE),
    _shape("named secret", _NAMES + r"[A-Za-z0-9_.\-]{0,60}\\?[\"']?\]?\s{0,4}(?:=>|:=|=|%3D)\s{0,4}\\?" + _NO_SECRET + _VALUE, re.IGNORECASE),
    _shape("named secret", _NAMES + r"[A-Za-z0-9_]{0,20}\\?[\"']\s{0,4}[:,]\s{0,4}\\?" + r"(?![\[{])" + _NO_SECRET + _VALUE, re.IGNORECASE),
    _shape("named secret", _NAMES + r"[A-Za-z0-9_]{0,20}:\s{1,4}" + _NO_SECRET + r"(?P<secret>\"[^\"]{1,2000}\"|'[^']{1,2000}'|(?=[^\s]{0,200}[\d!@#$%^&*+=/~])[^\s\"',;&)}\]]{4,2000}|[^\s\"',;&)}\]]{3,2000}(?=\s{0,9}(?:\Z|[,;)}\]])))", re.IGNORECASE),
    _shape("named secret", _NAMES + r"[A-Za-z0-9_]{0,20}:" + _NO_SECRET + r"(?P<secret>[^\s\"',;:&)}\]]{4,2000})", re.IGNORECASE),
    _shape("named secret", r"(?<![\w-])--?(?:[a-z]{1,20}-){0,3}(?:password|passwd|pass|token|secret|api-?key|access-?key|key)[ =]{1,2}" + _NO_SECRET + r"(?!--?[a-z])" + _VALUE, re.IGNORECASE),
    _shape("named secret", r"\b(?:identified by|with password|password is|passwort ist|encrypted password|password)\s{1,3}(?P<secret>'[^']{1,500}'|\"[^\"]{1,500}\")", re.IGNORECASE),
    _shape("named secret", r"\b(?:password|token|secret|api key) (?:is|was|of)\s{1,3}(?P<secret>(?=[^\s]{0,200}[\d!@#$%^&*+=/~])[^\s\"',;]{6,500})", re.IGNORECASE),
    _shape("named secret", r"\bmysql\w{0,10}\b[^\n]{0,200}? -p(?P<secret>[^\s-][^\s]{2,200})"),
    _shape("named secret", r"(?<![\w-])(?:-u|--user|--proxy-user)[ =]{1,2}[\"']?[^\s:\"']{1,100}:(?P<secret>[^\s\"']{1,500})"),
    _shape("named secret", r"\bsshpass -p ?" + _VALUE),
    _shape("named secret", r"\bauth\s?=\s?\(\s?[\"'][^\"']{0,200}[\"']\s?,\s?(?P<secret>[\"'][^\"']{1,500}[\"'])"),
    _shape("connection password", r"\bthin:[^\s/@:]{1,100}/(?P<secret>[^\s@]{1,200})@"),
    _shape("tocsin token", _EDGE + r"tocsin_[A-Za-z0-9_-]{40,50}"),
)  # fmt: skip

EMAIL: Final = _shape("e-mail address", r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}")
