# ruff: noqa: E501
"""What secrets look like: those with a shape of their own, and, from `named`, those that a name gives away."""

import re
from typing import Final

from summarizer.redact.commands import COMMANDS
from summarizer.redact.labels import NO_SECRET
from summarizer.redact.named import NAMED
from summarizer.redact.shape import shape

_EDGE: Final = r"(?<![A-Za-z0-9])"

_AUTHORIZATION: Final = r"\b(?:proxy-)?authorization\\?[\"']?\s{0,4}[:=,]\s{0,4}\[?b?\\?[\"']?"

SHAPES: Final = (
    shape("private key", r"-----BEGIN [A-Z0-9 ]{0,40}(?:KEY|CERTIFICATE)[A-Z ]{0,20}-----.{0,16000}?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.DOTALL),
    shape("authorization", _AUTHORIZATION + r"(?P<secret>(?:digest|hawk|oauth|aws4-hmac-sha256|googlelogin|snowflake|signature|mac)\s[^\n]{4,4000})", re.IGNORECASE),
    shape("authorization", _AUTHORIZATION + r"(?P<secret>(?:bearer|basic|token|apikey|negotiate|ntlm|sharedkey(?:lite)?|geniekey|splunk|bot|ssws|jwt|key|[a-z][\w-]{1,30}key)\s{1,4}[^\s\"',;]{1,4000})", re.IGNORECASE),
    shape("authorization", _AUTHORIZATION + NO_SECRET + r"(?P<secret>[^\s\"',;]{4,4000})", re.IGNORECASE),
    shape("connection password", r"://[^\s/:@\"'<>]{0,200}:(?!\d{1,5}(?:[/?#\s\"',;)]|\Z))(?P<secret>[^\s\"'<>]{1,256})@"),
    shape("token in an address", r"https?://(?P<secret>[^\s/:@\"'<>]{12,256})@"),
    shape("jwt", r"\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,6000}(?:\.[A-Za-z0-9_-]{0,2000})?"),
    shape("aws key id", _EDGE + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    shape("google key", r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_.-]{20,2000}|\bGOCSPX-[A-Za-z0-9_-]{20,60}|\b1//0[A-Za-z0-9_-]{30,200}"),
    shape("azure secret", _EDGE + r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    shape("snowflake session", r"\bver:\d{1,3}-hint:\d{1,20}-[A-Za-z0-9+/=_%-]{16,2000}"),
    shape("databricks token", _EDGE + r"(?:dapi|dose|dkea|dsapi)[0-9a-f]{30,40}(?:-\d{1,2})?"),
    shape("dbt token", _EDGE + r"dbt[cus]_[A-Za-z0-9_\-=]{16,200}"),
    shape("prefect key", _EDGE + r"pn[ubs]_[A-Za-z0-9]{16,100}"),
    shape("github token", _EDGE + r"(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})"),
    shape("gitlab token", _EDGE + r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_.-]{16,200}"),
    shape("slack token", _EDGE + r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,300}|\bxapp-[A-Za-z0-9-]{10,300}"),
    shape("stripe key", _EDGE + r"(?:[srp]k_(?:live|test)_[A-Za-z0-9]{10,200}|whsec_[A-Za-z0-9+/=]{16,200})"),
    shape("api key", _EDGE + r"sk-(?:[a-z]{2,12}-)?[A-Za-z0-9_-]{20,300}"),
    shape(
        "service token",
        _EDGE + r"(?:hf_[A-Za-z0-9]{20,100}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,100}|SK[0-9a-f]{32}|npm_[A-Za-z0-9]{30,60}|pypi-AgE[A-Za-z0-9_-]{30,400}"
        r"|do[opr]_v1_[0-9a-f]{40,80}|glsa_[A-Za-z0-9_]{30,60}|glc_[A-Za-z0-9+/=]{30,400}|NRAK-[A-Z0-9]{20,40}|hvs\.[A-Za-z0-9_-]{20,200}|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}"
        r"|key-[0-9a-f]{32}|PMAK-[0-9a-f-]{30,80}|lin_api_[A-Za-z0-9]{30,60}|ATATT[A-Za-z0-9_=-]{40,300}|sntrys_[A-Za-z0-9+/=_-]{30,400}|tfe?\.v1\.[A-Za-z0-9]{30,100}"
        r"|sbp_[0-9a-f]{40}|tskey-[a-z]{3,10}-[A-Za-z0-9-]{20,80}|CFPAT-[A-Za-z0-9_-]{40,50}|[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}|gsk_[A-Za-z0-9]{30,80}|xai-[A-Za-z0-9]{40,120}|r8_[A-Za-z0-9]{30,60}|pplx-[A-Za-z0-9]{30,80}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|ntn_[A-Za-z0-9]{30,60}|fig[a-z]{1,3}_[A-Za-z0-9_-]{30,60}"
        r"|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,60}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{20,80}|dp\.[a-z]{2,6}\.[A-Za-z0-9]{30,60}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{50,90}|[0-9a-f]{32}-us\d{1,2}|EAAA[A-Za-z0-9_-]{50,80}"
        r"|\d{8,10}:AA[A-Za-z0-9_-]{32,36}|AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{50,2100})",
    ),
    shape("webhook address", r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|webhook\.office\.com/webhookb2|hc-ping\.com|/api/push|/webhooks/[\w-]{1,80}/[\w-]{1,80})/(?P<secret>[\w/@-]{6,400})"),
    shape("authorization", r"\b(?:bearer|basic)\s{1,4}(?P<secret>(?=[A-Za-z0-9._~+/-]{0,400}[0-9=_.])[A-Za-z0-9._~+/-]{12,4000}={0,2})", re.IGNORECASE),
    shape("cookie", r"\b(?:set-)?cookie\\?[\"']?\s{0,4}[:=,]\s{0,4}b?\\?[\"']?(?P<secret>[\w.-]{1,100}=[^\n\"']{4,4000})", re.IGNORECASE),
    shape("cookie", r"\b(?:JSESSIONID|PHPSESSID|ASP\.NET_SessionId|connect\.sid|laravel_session|(?:django_?)?sessionid|csrf_?token|xsrf-token|sid)=(?P<secret>(?!\d{1,6}\b)[^\s\"',;&)}\]<>]{6,1000})", re.IGNORECASE),
    *NAMED,
    *COMMANDS,
    shape("connection password", r"\bthin:[^\s/@:]{1,100}/(?P<secret>[^\s@]{1,200})@"),
    shape("tocsin token", _EDGE + r"tocsin_[A-Za-z0-9_-]{40,50}"),
)  # fmt: skip

EMAIL: Final = shape("e-mail address", r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}")
