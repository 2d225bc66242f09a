# ruff: noqa: E501
"""Generated log lines: secrets with a shape, a name, an address or nothing at all, and lines that only look like it."""

import base64
import json
import random
from typing import Final

from tests.summarizer.corpus.line import HEX, LETTERS, UPPER, Line, Make, of


def _jwt(dice: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": dice.randrange(10**9), "iat": dice.randrange(10**9)}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{of(LETTERS + '-_', 43)(dice)}"


def _pem(dice: random.Random) -> str:
    return "-----BEGIN PRIVATE KEY-----\\n" + "\\n".join(of(LETTERS + "+/", 64)(dice) for _ in range(6)) + "\\n-----END PRIVATE KEY-----"


def _password(dice: random.Random) -> str:
    word = dice.choice(["winter", "hunter", "orders", "correct", "dragon", "letmein"])
    return dice.choice(
        [
            f"{word}{dice.randrange(10, 9999)}!",
            of(LETTERS, 12)(dice),
            of(LETTERS + "!#$%^*-_", 16)(dice),
            f"{word.title()}-{dice.randrange(99)}",
        ]
    )


SHAPED: Final[dict[str, Make]] = {
    "jwt": _jwt,
    "private key": _pem,
    "AWS key id": of(UPPER, 16, "AKIA"),
    "Google API key": of(LETTERS + "-_", 35, "AIza"),
    "Google access token": of(LETTERS + "-_", 60, "ya29.a0"),
    "Azure client secret": lambda dice: f"{of(LETTERS, 3)(dice)}8Q~{of(LETTERS + '-_.~', 33)(dice)}a",
    "Databricks token": of(HEX, 32, "dapi"),
    "dbt token": of(LETTERS, 40, "dbtc_"),
    "Prefect key": of(LETTERS, 36, "pnu_"),
    "GitHub token": of(LETTERS, 36, "ghp_"),
    "GitHub fine-grained": of(LETTERS + "_", 82, "github_pat_"),
    "GitLab token": of(LETTERS + "-_", 20, "glpat-"),
    "Slack token": lambda dice: f"xoxb-{dice.randrange(10**11, 10**12)}-{dice.randrange(10**12, 10**13)}-{of(LETTERS, 24)(dice)}",
    "Slack webhook": lambda dice: (
        f"https://hooks.slack.com/services/T{of(LETTERS, 8)(dice).upper()}/B{of(LETTERS, 8)(dice).upper()}/{of(LETTERS, 24)(dice)}"
    ),
    "Stripe key": of(LETTERS, 24, "sk_live_"),
    "OpenAI key": of(LETTERS + "-_", 48, "sk-proj-"),
    "Snowflake session": lambda dice: f"ver:1-hint:{dice.randrange(10**12)}-{of(LETTERS + '+/', 80)(dice)}",
}
NAMED: Final[dict[str, Make]] = {
    "AWS secret": of(LETTERS + "+/", 40),
    "password": _password,
    "hex key": of(HEX, 40),
    "base64 key": lambda dice: base64.b64encode(dice.randbytes(32)).decode(),
    "random token": of(LETTERS, 32),
}
_NAMES: Final = (
    "password",
    "DB_PASSWORD",
    "aws_secret_access_key",
    "api_key",
    "token",
    "client_secret",
    "SNOWFLAKE_PASSWORD",
    "apiKey",
    "x-api-key",
    "AccountKey",
    "access_token",
)
_DRESSES: Final = (
    "{name}={secret}",
    "{name}='{secret}' host=db.test",
    '{{"{name}": "{secret}", "host": "db.test"}}',
    "{{'{name}': '{secret}'}}",
    '  {name}: "{secret}"',
    "{name}: {secret}",
    "export {name}={secret}",
    "connecting with {name} = {secret}; retrying",
    "loader --{flag} {secret} --verbose",
    "GET https://api.test/v1/x?{flag}={url}&page=2 failed",
)
_BARE: Final = (
    "02:00:01 ERROR request failed: {secret}",
    "refused credential {secret} for user etl",
    'headers={{"x": "{secret}"}}',
    "({secret})",
    "[{secret}] is not accepted",
    "value was '{secret}',",
)


_UNNAMED: Final[dict[str, Make]] = {
    "bearer header": of(LETTERS + "-._", 40),
    "basic header": lambda dice: base64.b64encode(dice.randbytes(24)).decode(),
    "bare random": of(LETTERS, 32),
    "bare base64": lambda dice: base64.b64encode(dice.randbytes(30)).decode(),
}


def _quoted(secret: str) -> str:
    return secret.replace("%", "%25").replace("#", "%23").replace("&", "%26").replace("+", "%2B").replace("^", "%5E")


def secrets(count: int = 2_000, seed: int = 7) -> list[Line]:
    """Lines with a secret each: shaped ones bare and named, unshaped ones named, in addresses and headers, and random ones bare."""
    dice = random.Random(seed)
    lines: list[Line] = []
    for number in range(count):
        form = number % 5
        if form == 0:
            sort = dice.choice(list(SHAPED))
            secret = SHAPED[sort](dice)
            shown = dice.choice(_BARE).format(secret=secret)
        elif form in (1, 2):
            sort = dice.choice(list(NAMED)) if form == 1 else dice.choice(list(SHAPED))
            secret = (NAMED | SHAPED)[sort](dice)
            name = dice.choice(_NAMES)
            dress = dice.choice(_DRESSES)
            shown = dress.format(name=name, flag=dice.choice(["password", "token", "api-key"]), secret=secret, url=_quoted(secret))
            secret = _quoted(secret) if "{url}" in dress else secret
            sort = f"named {sort}" if form == 1 else sort
        elif form == 3:
            sort, secret = "connection URL", _password(dice).replace("#", "-")
            scheme = dice.choice(["postgresql", "postgresql+psycopg2", "snowflake", "mysql", "redis", "amqp", "https", "mongodb+srv"])
            shown = f"could not connect to {scheme}://{dice.choice(['etl', 'svc_loader', ''])}:{secret}@db-7.internal.test:5432/dwh?sslmode=require"
        else:
            sort = dice.choice(list(_UNNAMED))
            secret = _UNNAMED[sort](dice)
            word = {"bearer header": "Authorization: Bearer {s}", "basic header": "'Authorization': 'Basic {s}'"}.get(
                sort, "sent {s} and got 403"
            )
            shown = word.format(s=secret)
        # of an address the host is no secret
        lines.append(Line(sort, shown, secret.rpartition("/services/")[2]))
    return lines


HARMLESS: Final[dict[str, Make]] = {
    "git commit": lambda d: f"HEAD is now at {of(HEX, 40)(d)} Fix the join",
    "sha256": lambda d: f"image digest sha256:{of(HEX, 64)(d)} pulled",
    "UUID": lambda d: f"Flow run '{_uuid(d)}' finished in state Failed()",
    "dbt unique id": lambda d: (
        f"test.shop.{d.choice(['not_null', 'unique', 'accepted_values'])}_{_name(d)}_{_name(d)}.{of(HEX, 10)(d)} failed"
    ),
    "dbt compiled path": lambda d: (
        f"compiled code at target/compiled/shop/models/{_name(d)}/{_name(d)}_{d.choice(['daily', 'v2', '2024'])}.sql"
    ),
    "Python path": lambda d: (
        f'  File "/opt/venv/lib/python3.12/site-packages/{_name(d)}/{_name(d)}/{_name(d)}_2.py", line {d.randrange(900)}, in {_name(d)}'
    ),
    "Java frame": lambda d: (
        f"\tat org.apache.spark.sql.catalyst.{_camel(d)}.{_camel(d)}$${_camel(d)}.apply({_camel(d)}.scala:{d.randrange(999)})"
    ),
    "exception": lambda d: f'sqlalchemy.exc.{_camel(d)}Error: (psycopg2.errors.{_camel(d)}) relation "{_name(d)}" does not exist',
    "pod": lambda d: (
        f"pod {_name(d).replace('_', '-')}-worker-{of('bcdfghjklmnpqrstvwxz2456789', 10)(d)}-{of('bcdfghjklmnpqrstvwxz2456789', 5)(d)} evicted"
    ),
    "Snowflake query": lambda d: f"002003 (42S02): 01b{of(HEX, 5)(d)}-0603-{of(HEX, 4)(d)}-0000-{of(HEX, 12)(d)}: SQL compilation error",
    "BigQuery job": lambda d: f"Job ID: {_uuid(d)}, Location: EU",
    "Spark application": lambda d: f"application_{d.randrange(10**12, 10**13)}_{d.randrange(9999):04} failed 2 times",
    "S3 path": lambda d: f"s3://acme-lake/bronze/{_name(d)}/year=2026/month=03/part-{d.randrange(99999):05}-{_uuid(d)}-c000.snappy.parquet",
    "timing": lambda d: (
        f"2026-03-02T02:{d.randrange(60):02}:11.{d.randrange(10**6):06}+00:00 [error] took {d.random() * 9:.6f}s, 1,234,567 rows"
    ),
    "token as a word": lambda d: d.choice(
        [
            "mismatched input 'token' expecting {'(', 'select'}",
            "Unexpected token: expected an identifier",
            "invalid token: SELECT at line 3",
            "SyntaxError: Unexpected token < in JSON at position 0",
            "The provided token has expired.",
            "KeyError: 'api_key'",
            "password authentication failed for user etl",
            "missing required setting: api_key",
        ]
    ),
    "SQL": lambda d: (
        f"select {_name(d)}, count(distinct {_name(d)}_id) from {_name(d)}.{_name(d)} where key = {d.randrange(9999)} group by 1"
    ),
    "constraint": lambda d: (
        f'duplicate key value violates unique constraint "{_name(d)}_pkey" DETAIL: Key ({_name(d)}_id)=({d.randrange(10**6)}) already exists.'
    ),
    "address": lambda d: f"could not connect to postgresql://db-{d.randrange(9)}.internal.test:5432/{_name(d)}: Connection refused",
    "image": lambda d: f"pulling registry.test/acme/{_name(d)}:1.{d.randrange(30)}.{d.randrange(9)}-bookworm-slim-20260302",
    "airflow": lambda d: f"<TaskInstance: {_name(d)}.{_name(d)} scheduled__2026-03-02T02:00:00+00:00 [failed]>",
}


def _uuid(dice: random.Random) -> str:
    return "-".join(of(HEX, length)(dice) for length in (8, 4, 4, 4, 12))


def _name(dice: random.Random) -> str:
    words = [
        "orders",
        "customers",
        "stg",
        "fct",
        "daily",
        "payments",
        "invoice",
        "lines",
        "session",
        "events",
        "dim",
        "history",
        "snapshot",
        "revenue",
    ]
    return "_".join(dice.sample(words, dice.randint(1, 3)))


def _camel(dice: random.Random) -> str:
    words = ["Analysis", "Query", "Execution", "Undefined", "Table", "Resolver", "Column", "Plan", "Task", "Scheduler", "Rule", "Optimizer"]
    return "".join(dice.sample(words, dice.randint(1, 4)))


def harmless(count: int = 2_000, seed: int = 11) -> list[Line]:
    """Lines without any secret."""
    dice = random.Random(seed)
    sorts = list(HARMLESS)
    return [Line(sort, HARMLESS[sort](dice)) for sort in (sorts[number % len(sorts)] for number in range(count))]
