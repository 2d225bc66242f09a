# ruff: noqa: E501
"""The same in the words of many languages and in the dress of tools: headers, command lines, connection strings, reprs, YAML, line breaks."""

import base64
import random
from typing import Final

from tests.summarizer.corpus.line import HEX, LETTERS, UPPER, Line, Make, of

WORDS: Final = ("winter", "hunter", "sunshine", "correct", "dragon", "letmein", "battery", "monsoon")


def weak(dice: random.Random) -> str:
    """A password as people make them."""
    return f"{dice.choice(WORDS)}{dice.randrange(1, 999)}{dice.choice(['', '!', '#'])}"


def plain_word(dice: random.Random) -> str:
    """A password of letters alone."""
    return dice.choice(WORDS) + dice.choice(WORDS)


def two_words(dice: random.Random) -> str:
    """A passphrase."""
    return " ".join(dice.sample(WORDS, dice.randint(2, 4)))


def base64_key(dice: random.Random) -> str:
    """A key of 32 bytes."""
    return base64.b64encode(dice.randbytes(32)).decode()


LABELS: Final = {
    "German": ("Passwort", "Kennwort", "DB_KENNWORT", "passwort", "Zugriffstoken", "API-Schlüssel", "Geheimnis"),
    "French": ("mot de passe", "Mot de passe", "mot_de_passe", "mdp", "clé API", "clé d'API", "clé secrète", "jeton d'accès"),
    "Spanish": ("contraseña", "Contraseña", "contrasena", "clave de acceso", "clave API", "clave secreta"),
    "Portuguese": ("senha", "Senha", "palavra-passe", "chave de API", "chave secreta"),
    "Italian": ("parola d'ordine", "parola chiave segreta", "chiave API", "chiave segreta"),
    "Dutch": ("wachtwoord", "Wachtwoord", "API-sleutel", "toegangssleutel", "geheime sleutel"),
    "others": ("hasło", "lösenord", "adgangskode", "passord", "heslo", "salasana", "пароль", "密码", "パスワード", "비밀번호", "şifre"),
    "English": ("password", "Password", "passwd", "pwd", "passphrase", "DB_PWD", "db.password", "passcode"),
}
_IN_LANGUAGES: Final = (
    "{label}: {s}",
    "{label} = {s}",
    "ERROR - {label}={s}",
    "'{label}': '{s}'",
    "{label} : {s}",
    "connexion etl, {label} : {s}, base dwh",
)
SAID: Final = (
    "passwd {p} rejected", "pwd is {p}", "using password {p} for etl", "the password was {p}.", "mit Passwort {p} abgelehnt", "mot de passe {p} refusé",
    "la contraseña es {p}", "a senha é {p}", "het wachtwoord is {p}", "la password è {p}", "das Kennwort lautet {p}", "password {p}", "login etl password {p} host db",
    "password: {w}", "Passwort: {w}", "passphrase = {w}", "wachtwoord: {w}", "pwd is {n}", "the password is {n}", "kennwort: {n}", "ERROR bad login (password: {w})",
    "password: {w}, host: db-7", "secret: {n}", "passwd={n} host=db",
)  # fmt: skip
TOOLS: Final = {
    "curl": ("curl -u etl:{p} https://api.test/v1", "curl -sS -uetl:{p} https://api.test", "curl --user 'etl:{w}' https://api.test", "+ curl --user=etl:{p} -X POST https://api.test", "wget --user etl --password {p} https://api.test", "curl -H 'X-Api-Key: {t}' https://api.test", "curl -H \"PRIVATE-TOKEN: {t}\" https://git.test"),
    "command line": ("mysql -h db.test -u root -p{p} shop", "mysqldump --single-transaction -uroot -p{p} shop", "mysqladmin -u root --password={p} status", "loader --password={p}", "loader --db-password '{w}'", "sqlplus scott/{p}@dwh", "sshpass -p {p} ssh etl@db.test", "sshpass -p '{w}' ssh etl@db.test", "snowsql -a acme --private-key-passphrase {p}", "docker login -u etl -p {p} registry.test", "bcp shop.dbo.orders out x.csv -S db -U sa -P {p}", "sqlcmd -S db -U sa -P {p} -Q 'select 1'", "redis-cli -h cache -a {p} ping", "az login --service-principal -u app -p {t} --tenant acme", "openssl rsa -in key.pem -passin pass:{p}", "export PGPASSWORD={p}", "export SNOWFLAKE_PASSWORD='{w}'", "set DB_PASSWORD={p}", "PGPASSWORD='{w}' psql -h db", "export TOKEN=\"{w}\"", "$env:DB_PASSWORD = \"{w}\"", "DB_PASSWORD={n}\\ {p}", "ENV DB_PASSWORD {p}", "loader --password \"{w}"),
    "header": ("Authorization: Bearer {t}", "Authorization: Token {p}", "Authorization: ApiKey {b}", "authorization: Basic {b}", "> Authorization: Digest username=\"etl\", realm=\"x\", nonce=\"dcd98b\", response=\"{h}\"", "Authorization: Negotiate {b}", "Authorization: GoogleLogin auth={t}", "Authorization: Snowflake Token=\"{t}\"", "Authorization: SharedKey lake:{b}", "Authorization: GenieKey {h}", "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260302/eu/s3/aws4_request, SignedHeaders=host, Signature={h64}", "'Authorization': 'OAuth {t}'", "\"authorization\": [\"Bearer {t}\"]", "X-Auth-Token: {h}", "X-Vault-Token: {t}", "Proxy-Authorization: Basic {b}", "headers={{'x-api-key': '{p}'}}", "(b'authorization', b'Bearer {t}')", "Ocp-Apim-Subscription-Key: {h}", "DD-API-KEY: {h}"),
    "cookie": ("Cookie: theme=dark; session={t}", "Set-Cookie: sid={p}; Path=/; HttpOnly", "'Cookie': 'csrftoken={t}; sessionid={p}'", "('cookie', 'sid={p}')", "JSESSIONID={H}", "PHPSESSID={h}"),
    "connection string": ("Driver={{ODBC Driver 18 for SQL Server}};Server=tcp:db.test,1433;Uid=etl;Pwd={p};Encrypt=yes;", "Server=db;Database=dwh;User Id=etl;Password={w};TrustServerCertificate=True", "DSN=dwh;UID=etl;PWD={{{w};x}};", "jdbc:sqlserver://db.test:1433;databaseName=dwh;user=etl;password={p};encrypt=true", "jdbc:postgresql://db.test/dwh?user=etl&password={p}&ssl=true", "jdbc:snowflake://acme.test/?user=etl&password={p}&warehouse=wh", "jdbc:databricks://x.test:443/default;transportMode=http;UID=token;PWD={t}", "jdbc:oracle:thin:etl/{p}@//db.test:1521/dwh", "jdbc:mysql://etl:{p}@db.test/shop", "DefaultEndpointsProtocol=https;AccountName=lake;AccountKey={b};EndpointSuffix=core.windows.net", "Endpoint=sb://bus.test/;SharedAccessKeyName=Root;SharedAccessKey={b}", "SharedAccessSignature=sv=2024-08-04&ss=b&srt=o&sp=r&se=2026-12-01&sig={u}", "BlobEndpoint=https://lake.test/;SharedAccessSignature=sv=2024-08-04&sig={u}", "https://lake.test/raw?sv=2024-08-04&st=2026&se=2027&sr=b&sp=r&sig={u}", "https://storage.test/b/o?X-Goog-Credential=x&X-Goog-Signature={h64}", "https://s3.test/b/o?X-Amz-Credential=AKIA/2026&X-Amz-Signature={h64}&X-Amz-Security-Token={t}", "host=db.test user=etl password='{w}' dbname=dwh", "snowflake://etl:{p}@acme/dwh?role=x", "databricks://token:{t}@x.test?http_path=/sql", "redis://:{p}@cache.test:6379/0", "Data Source=dwh;Persist Security Info=True;User ID=etl;Password=\"{w}\";", "amqps://etl:{p}@mq.test//"),
    "repr and JSON": ("{{'user': 'etl', 'password': \"it's {p}\"}}", "{{'password': 'it\\'s {p}'}}", "{{\"password\": \"say \\\"{p}\\\"\"}}", "Credentials(user='etl', password='{w}')", "Config(password=SecretStr('{p}'))", "{{'passwords': ['{p}', 'x']}}", "{{\"token\": [\"{t}\"]}}", "Namespace(user='etl', password='{p}')", "connect(host='db', password=b'{p}')", "('password', '{w}')", "{{\\\"api_key\\\": \\\"{t}\\\"}}", "{{\"name\": \"DB_PASSWORD\", \"value\": \"{p}\"}}", "- name: API_TOKEN value: {t}", "<password>{p}</password>", "<property name=\"password\" value=\"{p}\"/>", "<add key=\"ApiKey\" value=\"{t}\" />", "password => '{p}'", "environ({{'PATH': '/bin', 'PGPASSWORD': '{w}'}})", "OrderedDict([('user', 'etl'), ('password', '{w}')])", "\"private_key_id\": \"{h}\", \"client_email\": \"etl@acme.test\"", "password: !!str {p}", "password: &pw {p}", "kwargs: {{\"password\":\"{n}\"}}"),
    "line break": ("ERROR login failed\npassword:\n  {p}\nhost: db", "ERROR in config\npassword: |\n  {w}\n  {p}\nuser: etl", "ERROR in config\n  token: >-\n    {t}\n  user: etl", "ERROR\nexport DB_PASSWORD=\\\n{p}\nnext", "ERROR\nloader --password \\\n  {p} \\\n  --host db", "ERROR bad\n{{\n  \"password\":\n    \"{p}\",\n  \"host\": \"db\"", "ERROR bad\nPasswort:\n{p}", "10:00:01 ERROR password:\n10:00:01 ERROR {p}\n10:00:02 INFO end", "ERROR\n-----BEGIN PRIVATE KEY-----\n{b}\n-----END PRIVATE KEY-----", "ERROR\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{b}\n-----END PGP PRIVATE KEY BLOCK-----", "ERROR\npassword = (\n    '{w}'\n)", "ERROR\n'password':\n  '{w}'", "ERROR\nclient_secret: \"{n}\\\n  {p}\"\nhost: db", "ERROR\nAuthorization:\n  Bearer {t}", "ERROR\n> Cookie:\n> sid={p}"),
}  # fmt: skip
SHAPED: Final[dict[str, Make]] = {
    "dbt user token": of(LETTERS + "_-", 32, "dbtu_"), "Prefect key": of(LETTERS, 36, "pnb_"), "GitHub app token": of(LETTERS, 36, "ghs_"), "GitLab runner": of(LETTERS, 20, "glrt-"),
    "Slack app": lambda d: f"xapp-1-A{of(UPPER, 10)(d)}-{d.randrange(10**12)}-{of(HEX, 64)(d)}", "Stripe restricted": of(LETTERS, 40, "rk_live_"), "Twilio key": of(HEX, 32, "SK"),
    "SendGrid": lambda d: f"SG.{of(LETTERS, 22)(d)}.{of(LETTERS + '-_', 43)(d)}", "npm": of(LETTERS, 36, "npm_"), "PyPI": of(LETTERS + "-_", 80, "pypi-AgEIcHlwaS5vcmc"), "HuggingFace": of(LETTERS, 34, "hf_"),
    "OpenAI": of(LETTERS + "-_", 100, "sk-svcacct-"), "Anthropic": of(LETTERS + "-_", 95, "sk-ant-api03-"), "Google OAuth secret": of(LETTERS + "-_", 28, "GOCSPX-"), "Google refresh": of(LETTERS + "-_", 80, "1//0g"),
    "age key": of("023456789ACDEFGHJKLMNPQRSTUVWXYZ", 58, "AGE-SECRET-KEY-1"), "Databricks account": of(HEX, 32, "dose"), "Vault": of(LETTERS, 24, "hvs."), "AWS temporary": of(UPPER, 16, "ASIA"),
    "Groq": of(LETTERS, 52, "gsk_"), "xAI": of(LETTERS, 80, "xai-"), "Replicate": of(LETTERS, 37, "r8_"), "Perplexity": of(LETTERS, 48, "pplx-"), "Airtable": lambda d: f"pat{of(LETTERS, 14)(d)}.{of(HEX, 64)(d)}",
    "Notion": of(LETTERS, 46, "ntn_"), "Figma": of(LETTERS + "-_", 40, "figd_"), "DockerHub": of(LETTERS + "-_", 27, "dckr_pat_"), "PlanetScale": of(LETTERS, 43, "pscale_tkn_"), "Doppler": of(LETTERS, 43, "dp.pt."),
    "Terraform": lambda d: f"{of(LETTERS, 14)(d)}.atlasv1.{of(LETTERS, 67)(d)}", "Mailchimp": of(HEX, 32, suffix="-us14"), "Square": of(LETTERS, 60, "EAAA"), "New Relic": of(UPPER, 27, "NRAK-"), "Fivetran-like hex": of(HEX, 32, "key-"),
}  # fmt: skip
_BARE: Final = ("request with {s} was refused", "got '{s}', status 401", "url?x={s}&y=1", "[{s}]", "{s}", "\tat call({s})")


def filled(template: str, dice: random.Random) -> tuple[str, str]:
    """The template with a secret in each place, and the last of them that was put in."""
    parts = {
        "p": weak(dice), "n": plain_word(dice), "w": two_words(dice), "t": of(LETTERS, 36)(dice), "b": base64_key(dice), "h": of(HEX, 32)(dice), "H": of(HEX, 32)(dice).upper(),
        "h64": of(HEX, 64)(dice), "u": base64_key(dice).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    }  # fmt: skip
    used = [name for name in parts if "{" + name + "}" in template]
    return template.format(**parts), parts[used[0]]


def secrets(count: int = 3_000, seed: int = 21) -> list[Line]:
    """Lines with a secret each, as many of one sort as of another."""
    dice = random.Random(seed)
    return [_secret(dice, ("language", "said", "shaped", *TOOLS)[number % (3 + len(TOOLS))]) for number in range(count)]


def _secret(dice: random.Random, sort: str) -> Line:
    if sort == "language":
        language = dice.choice(list(LABELS))
        secret = dice.choice([weak, plain_word])(dice)
        return Line(f"label in {language}", dice.choice(_IN_LANGUAGES).format(label=dice.choice(LABELS[language]), s=secret), secret)
    if sort == "shaped":
        shape = dice.choice(list(SHAPED))
        secret = SHAPED[shape](dice)
        return Line(shape, dice.choice(_BARE).format(s=secret), secret)
    text, secret = filled(dice.choice(SAID if sort == "said" else TOOLS[sort]), dice)
    return Line("said in a sentence" if sort == "said" else sort, text, secret)


NO_SECRETS: Final = {
    "signature": ("signature: f(x)", "signature = inspect.signature(f)", "TypeError: signature: nightly(day: str) -> None", "got signature (x, y)", "missing a required argument: signature mismatch"),
    "tokens counted": ("Tokens: {i} of 4000", "max_tokens={i}", "tokens={i}", "token limit: {i}", "token count: {i}, cost 0.01", "prompt_tokens: {i}", "completion_tokens={i}", "\"total_tokens\": {i}", "usage: {{'prompt_tokens': {i}, 'completion_tokens': 4}}", "token limit exceeded: {i} > 4096", "tokens used {i}", "token bucket: {i} left"),
    "keys of tables": ("primary key: order_id", "foreign key: customer_id -> dim_customer", "key error: 'customer_id'", "partition key: day", "sort_key=order_id", "unique key: [order_id, line_no]", "surrogate_key={h}", "cache key: orders:{i}", "distribution key: {n}", "KeyError: 'token_count'", "natural key: {n}_id", "idempotency key: {u}"),
    "ids": ("Flow run {u} failed", "commit {h40} by ana", "run_id={u}", "invocation_id: {u}", "deployment id: {u}", "query id 01b2{h5}-0001-{h4}-0000-{h12}", "session_id={i}", "Session ID: {i}", "trace_id={h}", "span_id={h16}", "etag: \"{h}\"", "test.shop.not_null_{n}_id.{h10}", "model.shop.{n}", "sha256:{h64}", "job id bqjob_r{h16}_{i}"),
    "settings named": ("password_file=/run/secrets/dwh", "credentials_path=/etc/gcp/key.json", "secret_name=projects/acme/secrets/dwh", "token_type: bearer", "token_url=https://sso.test/oauth2/token", "api_key_name: dwh", "password_policy=strict", "private_key_path: /keys/rsa.p8", "passwordless: true", "password_reset_required: false", "credential type: oauth", "credentials: default", "secretRef: dwh", "secretKeyRef: name: dwh", "cookies: disabled", "token_lifetime=3600", "password_min_length=12", "authenticator: externalbrowser", "token refresh: ok", "key_prefix=raw/"),
    "said of passwords": ("password: too short", "password: Field required", "password is required", "password is incorrect", "Passwords do not match", "the password has expired", "password must be changed", "invalid password for user etl", "Passwort ist falsch", "mot de passe incorrect", "contraseña incorrecta", "senha inválida", "wachtwoord is onjuist", "password authentication failed for user etl", "pwd: command not found", "pwd is /srv/etl", "passwd: unrecognized option", "no password supplied", "fe_sendauth: no password supplied", "Enter password:", "password not set", "using password: YES", "token was rejected", "token expired at 2026-03-02", "unexpected token: ';'", "secret not found", "secret is missing", "Authorization failed: 403", "authorization required", "password expires in {i} days", "wrong password 3 times", "cookie was not sent", "password hash mismatch", "la contraseña es obligatoria", "password changed 12 days ago", "ein Passwort wird benötigt", "API key is invalid", "clé primaire : order_id", "clave primaria: order_id", "chave primária: order_id", "chiave primaria: order_id", "Primärschlüssel: order_id", "primaire sleutel: order_id"),
    "names": ("select password_hash, token_id from {n}.users", "table dim_tokens has {i} rows", "relation \"user_passwords\" does not exist", "column \"api_key\" does not exist", "model.shop.stg_tokens", "dropping table secrets_rotation", "reading raw.{n}.session_cookies", "column secret of type text", "invalid identifier 'TOKEN'", "File \"/opt/flows/secrets.py\", line {i}, in load", "from tokens import count", "column pwd: varchar(20) is not null", "token column: text", "select * from {n} where token = :token", "UPDATE users SET password = %s WHERE id = {i}", "password = os.environ['DB_PASSWORD']", "password=config.password", "password = get_secret('dwh')", "token = response.json()['access_token']", "self.password = password", "api_key=API_KEY,", "auth=HTTPBasicAuth(user, password)", "password={{{{ env_var('DBT_PASSWORD') }}}}", "password: \"{{{{ env_var('DBT_PASSWORD') }}}}\"", "password=${{DB_PASSWORD}}", "password: *****", "password=<hidden>", "token=$TOKEN"),
    "flags": ("docker run -p 8080:80 registry.test/x", "mkdir -p /opt/data/raw", "cp -p a.csv b.csv", "ssh -p 2222 etl@db.test", "psql -U etl -d dwh -p 5432", "sort -u names.txt", "rsync -u a b", "sudo -u etl:staff ls", "docker run -u 1000:1000 x", "python -u flow.py", "nmap -p 80 x", "ls -a data", "git push -u origin main", "pytest -p no:cacheprovider", "mysql -h db -P 3306 -u etl shop", "tail -n 5 -u x"),
    "line break": ("ERROR bad\npassword:\n\nINFO end", "ERROR unexpected token:\n  select * from {n}", "ERROR primary key:\n  order_id", "ERROR tokens:\n  {i}", "ERROR signature:\n  f(x)", "ERROR the key:\nINFO next line", "ERROR Enter password:\nINFO connecting to db.test again", "ERROR missing required setting: password\nTraceback (most recent call last):", "ERROR cookies:\n  disabled", "ERROR invalid token:\nline 3, column 4"),
}  # fmt: skip
NAMES: Final = ("orders", "customers", "stg_payments", "fct_revenue", "dim_date", "invoice_lines", "events_daily")


def without(template: str, dice: random.Random) -> str:
    """The template with harmless things in its places."""
    uuid = "-".join(of(HEX, length)(dice) for length in (8, 4, 4, 4, 12))
    sizes = {f"h{length}": of(HEX, length)(dice) for length in (4, 5, 10, 12, 16, 40, 64)}
    return template.format(i=dice.randrange(2, 99_999), n=dice.choice(NAMES), u=uuid, h=of(HEX, 32)(dice), **sizes)


def harmless(count: int = 2_000, seed: int = 22) -> list[Line]:
    """Lines without any secret."""
    dice = random.Random(seed)
    sorts = list(NO_SECRETS)
    return [Line(sort, without(dice.choice(NO_SECRETS[sort]), dice)) for sort in (sorts[number % len(sorts)] for number in range(count))]
