# ruff: noqa: E501
"""What no pattern is fitted to: other words, other tools, other dress. Who widens the patterns does so by the other parts."""

import random
from typing import Final

from tests.summarizer.corpus.line import LETTERS, Line, of
from tests.summarizer.corpus.wide import filled, without

_SECRETS: Final = {
    "settings": ("spring.mail.password: {p}", "hive.metastore.token.signature={t}", "fs.s3a.access.key={t}", "[connection] passwd = {p}", "SMTP_PASS={p}", "DJANGO_SECRET_KEY={b}", "dwh_pwd: '{w}'", "ftp.password={n}", "mqtt_password => {p}", "sasl.password={p}", "redshift_password := {p}", "neo4j.auth=neo4j/{p}", "KAFKA_CLIENT_SECRET: {t}", "keystorePassword={p}, truststore=x", "proxy_pass_word={p}", "DBT_ENV_SECRET_GIT_TOKEN={t}"),
    "languages": ("Ihr Passwort: {p}", "Passwort für den Nutzer etl: {p}", "Neues Kennwort: {p}", "votre mot de passe est {p}", "mot de passe incorrect : {p}", "contraseña del usuario etl = {p}", "tu contraseña es {w}", "senha atual: {p}", "a sua senha é {p}", "password attuale: {p}", "nuovo wachtwoord: {p}", "het wachtwoord van etl is {p}", "Clé secrète={t}", "API-Schlüssel lautet {t}", "hasło użytkownika: {p}"),
    "sentences": ("refused: user etl with password {p}", "I set the password to {p} yesterday", "could not decrypt with passphrase {p}", "changed pwd from {p} to something else", "Using token: {t}", "api token ({t}) expired", "logging in as etl:{p}@dwh", "password ({w}) refused", "server said: bad password \"{p}\"", "with secret {t} the call works", "your one-time password is {p}", "admin password for cluster: {p}", "user: etl pass: {p} db: dwh", "passwd={p};", "secret key is {t}"),
    "tools": ("snowsql --password {p} -a acme", "bq --api_key={t} ls", "gsutil -o Credentials:gs_secret_access_key={b} ls", "rclone obscure --password {p}", "restic -r x --password-command 'echo {p}' # password {p}", "mongodump --uri mongodb://etl:{p}@db.test/x", "wget --http-password={p} https://x.test", "pg_dump postgresql://etl:{p}@db.test/dwh", "sftp --pass={p}", "prefect cloud login --key {t}", "dbt debug --vars '{{\"token\": \"{t}\"}}'", "terraform apply -var db_password={p}", "docker run -e DB_PASSWORD={p} x", "kubectl --token={t} get pods", "htpasswd -b users etl {p} # pwd: {p}"),
    "documents": ("{{\n  ERROR\n  \"db\": {{\"pwd\": \"{w}\"}}\n}}", "<connection password='{p}' user='etl'/>", "ERROR\npasswords:\n  - {p}\n", "| password | {p} |", "password\t{p}", "ERROR config {{password={p}, user=etl}}", "!!python/object {{token: {t}}}", "Password : {w}", "\"PASSWORD\":\"{w}\"", "ERROR --- dwh:\n      pass: {p}\n      host: x", "db.yml: {{ pwd: '{w}', host: x }}", "b'{{\"password\":\"{p}\"}}'", "%7B%22password%22%3A%22{p}%22%7D", "&password={p}&x=1", "ERROR\nsecret_key:\n    {t}"),
    "headers": ("X-API-TOKEN={t}", "-H 'Authorization: Token {t}'", "authorization=Bearer%20{t}", "Auth header was 'Bearer {t}'", "X-Gitlab-Token: {t}", "x-goog-api-key: {t}", "Proxy-Authorization: NTLM {b}", "{{\"set-cookie\": \"sid={t}\"}}", "X-CSRF-Token: {t}", "apikey: {t}"),
}  # fmt: skip
_HARMLESS: Final = {
    "prose": ("password prompt timed out after {i} s", "the password store is sealed", "no password for role etl", "password policy violated", "passwords differ", "token stream ended early", "tokenizer loaded {n}", "the secret to speed is an index", "keys: {i}", "public key of etl was added", "key=value pairs expected", "auth provider: github", "sessions: {i}", "password recovery mail sent", "Keyword: {n}", "passive mode: on", "passport: {i} rows", "cookie banner: shown", "asset: {n}_signature", "the token is not a string"),
    "logs": ("INFO passed {i} tests", "PASS {n}_not_null", "token={i} seq={i}", "partition_key={n}_2026", "etag={h}", "checksum: {h40}", "flow run '{n}-{h5}' - Finished in state Failed('{n}')", "task_key={n}", "dag_id={n} run_id=scheduled__2026-03-02", "x-b3-traceid: {h}", "Snapshot {h16} of {n}", "invocation {u}", "key_columns: [order_id]", "primary_key=order_id", "cluster_key: day", "kid: {h10}", "ssh-ed25519 host key changed", "tokens/s: {i}"),
    "code": ("password = getpass.getpass()", "token: Token = parse(line)", "secret_key = os.getenv('SECRET_KEY')", "return self._password", "with_password(password)", "password: Mapped[str]", "pwd = Path.cwd()", "api_key = kwargs.pop('api_key')", "token = tok.next()", "for token in tokens:", "if password is None:", "token_ids = tokenizer(text)", "credentials = None", "except TokenExpired as error:", "password=None)", "secrets: list[str] = []", "KeyError: 'password'", "\"password\": null", "password_hasher = Argon2()", "raise InvalidToken(token)"),
}  # fmt: skip


def secrets(count: int = 1_000, seed: int = 41) -> list[Line]:
    """Lines with a secret each."""
    dice = random.Random(seed)
    sorts = list(_SECRETS)
    chosen = [sorts[number % len(sorts)] for number in range(count)]
    return [Line(sort, *filled(dice.choice(_SECRETS[sort]), dice)) for sort in chosen] + [
        Line("shapes", f"login with {secret} refused", secret) for secret in (of(LETTERS, 40)(dice) for _ in range(count // 20))
    ]


def harmless(count: int = 1_000, seed: int = 42) -> list[Line]:
    """Lines without any secret."""
    dice = random.Random(seed)
    sorts = list(_HARMLESS)
    return [Line(sort, without(dice.choice(_HARMLESS[sort]), dice)) for sort in (sorts[number % len(sorts)] for number in range(count))]
