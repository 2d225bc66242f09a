# ruff: noqa: E501
"""More of it: sentences, documents and tools that were held out at first, until the patterns had been measured by them."""

import random
from typing import Final

from tests.summarizer.corpus.line import HEX, LETTERS, Line, Make, of
from tests.summarizer.corpus.wide import filled, weak, without

_SECRETS: Final = {
    "languages": ("Das Passwort für etl lautet {p}", "le mot de passe de etl est {p}", "su contraseña: {w}", "Clé d’API : {t}", "senha do banco: {p}", "password dell'utente: {p}", "wachtwoord voor etl: {p}", "Zugangspasswort: {p}", "Benutzerpasswort={n}"),
    "sentences": ("could not log in as etl with passwd {p}", "tried etl/{p} on dwh", "his password ({p}) was refused", "password \"{w}\" is not accepted", "new pwd: {p}", "login: etl, pass: {p}", "user etl pass {p}", "credentials etl:{p} rejected", "root password set to {p}", "temporary password: {n}", "pw={p}", "PW: {p}", "db_pass={n}", "the secret was {t}", "auth token {t} is stale", "api key {h} is not active", "passkey: {p}"),
    "tools": ("psql \"host=db user=etl password={p}\"", "mongo --username etl --password '{w}'", "PGPASSFILE=x PGPASSWORD=\"{w}\" pg_dump", "ldapsearch -D cn=etl -w {p}", "smbclient //nas/x -U etl%{p}", "http -a etl:{p} api.test", "spark-submit --conf spark.db.password={p}", "kubectl create secret generic x --from-literal=password={p}", "helm install x --set auth.password={p}", "airflow users create --username a --password {p}", "aws configure set aws_secret_access_key {b}", "dbt run --vars '{{db_password: {p}}}'", "echo {p} | docker login --password-stdin # password: {p}", "vault kv put secret/dwh password={p}", "svn co --username etl --password {p}", "isql dwh etl {p} # Pwd={p}", "ansible-vault --vault-password {p}"),
    "documents": ("{{\"credentials\": {{\"user\": \"etl\", \"password\": \"{w}\"}}}}", "dwh:\n  ERROR\n  outputs:\n    password: {w}", "[dwh]\nERROR here\npassword = {w}", "ERROR\n{{'user': 'etl',\n 'password': '{w}'}}", "password = '''{w}'''", "ERROR dict(password=\"{w}\", user=\"etl\")", "{{'conn': \"postgresql://etl:{p}@db/dwh\"}}", "password=u'{w}'", "db:\n  ERROR\n  api_token: |-\n    {t}", "ERROR\nspring.datasource.password={n}", "<Password><![CDATA[{p}]]></Password>", "\"aws_secret_access_key\" = \"{b}\"", "ERROR\n  \"client_secret\" :\n  \"{t}\"", "Secret(value='{w}', password='{w}')"),
    "headers": ("x-functions-key: {b}", "X-Shopify-Access-Token: {t}", "> authorization: bearer {t}", "Authorization = Bearer {t}", "{{\"Authorization\": \"token {t}\"}}", "headers: Authorization=Basic {b}", "api-key: {h}", "X-Amz-Security-Token: {b}", "cookie = session={t}; a=b", "set-cookie: __Host-id={t}; Secure", "Authorization: Hawk id=\"x\", mac=\"{b}\"", "grpc metadata: ('authorization', 'Bearer {t}')"),
}  # fmt: skip
_SHAPED: Final[dict[str, Make]] = {
    "Linear": of(LETTERS, 40, "lin_api_"), "Grafana": of(LETTERS, 40, "glsa_"), "Sentry": of(LETTERS, 60, "sntrys_"), "Netlify": of(LETTERS, 36, "nfp_"), "Render": of(LETTERS, 28, "rnd_"), "Fly": of(LETTERS + "_", 60, "fo1_"),
    "Tailscale": lambda d: f"tskey-auth-{of(LETTERS, 12)(d)}-{of(LETTERS, 32)(d)}", "Supabase": of(HEX, 40, "sbp_"), "Contentful": of(LETTERS, 43, "CFPAT-"), "Telegram": lambda d: f"{d.randrange(10**9, 10**10)}:AA{of(LETTERS + '-_', 33)(d)}",
    "OpenRouter": of(HEX, 64, "sk-or-v1-"), "Discord bot": lambda d: f"M{of(LETTERS, 23)(d)}.{of(LETTERS, 6)(d)}.{of(LETTERS, 38)(d)}", "Cloudflare": of(LETTERS, 40), "Atlassian": of(LETTERS, 180, "ATATT3xFfGF0"),
}  # fmt: skip
_HARMLESS: Final = {
    "words": ("the password field is empty", "password: cannot be blank", "password - required", "a password is needed to go on", "password reset was sent", "token: invalid character at 3", "Token NAME at line {i}", "tokens per minute: {i}", "expected token: identifier", "secret manager is unreachable", "Secrets: 4 loaded", "no such secret: dwh", "key: {n}", "keys: ['order_id', 'line_no']", "passes: {i}", "pass: 12, fail: 0", "PASS=30 WARN=0 ERROR=1 SKIP=2 TOTAL=33", "passed: {i}", "bypass: true", "compass=north", "cookie consent: {i} events", "auth: oauth2", "auth_type=basic"),
    "ids": ("flow_run_id={u} deployment={u}", "Bundle hash: {h40}", "git sha {h40}", "request id {u} failed", "x-request-id: {u}", "dag_run manual__2026-03-02T02:00:00+00:00", "arn:aws:iam::{i}:role/etl", "node test.shop.unique_{n}_id.{h10}", "projects/acme/locations/eu/jobs/{u}", "s3://raw/{n}/dt=2026-03-02/{u}.parquet", "rowkey: {h16}", "partition_token: 2026-03-02"),
    "code": ("def login(self, password: str) -> None:", "    password: SecretStr", "    token: str | None = None", "raise ValueError('password missing')", "api_key: Optional[str] = None", "conn = connect(user=user, password=password)", "if not token: raise Unauthorized", "secret = Variable.get('dwh')", "password=settings.DB_PASSWORD.get_secret_value()", "assert token == expected_token", "token = next(tokens)", "SELECT token, count(*) FROM {n} GROUP BY token", "password VARCHAR(255) NOT NULL", "ALTER USER etl SET PASSWORD", "credentials=service_account.Credentials"),
    "counts": ("tokens processed: {i}", "{i} tokens", "token_count {i}", "\"tokens\": {i}", "n_tokens: {i}", "max_new_tokens: {i}", "session {i} closed", "session ids: {i}, {i}", "key size: 2048", "signature size: 64", "cookie size: {i}", "password length: 12", "password age: {i} days", "secret version: 3", "token ttl: {i}s", "access key age: 90 days"),
}  # fmt: skip


def secrets(count: int = 1_000, seed: int = 31) -> list[Line]:
    """Lines with a secret each."""
    dice = random.Random(seed)
    lines: list[Line] = []
    for number in range(count):
        sort = (*_SECRETS, "shapes")[number % (1 + len(_SECRETS))]
        if sort == "shapes":
            secret = dice.choice(list(_SHAPED.values()))(dice)
            text = dice.choice(["used {s} and got 401", "with ({s}) as {w}"]).format(s=secret, w=weak(dice))
        else:
            text, secret = filled(dice.choice(_SECRETS[sort]), dice)
        lines.append(Line(sort, text, secret))
    return lines


def harmless(count: int = 1_000, seed: int = 32) -> list[Line]:
    """Lines without any secret."""
    dice = random.Random(seed)
    sorts = list(_HARMLESS)
    return [Line(sort, without(dice.choice(_HARMLESS[sort]), dice)) for sort in (sorts[number % len(sorts)] for number in range(count))]
