"""The `auth` of a source: what is written wrongly is an error that names its place, and never shows the secret."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.config.document import Auth, ConfigurationError, read_configuration
from gateway.proofs import opened, stored
from gateway.vault import Vault
from mappers.contract.signature import Scheme, Shape

VAULT = Vault("0123456789abcdef0123456789abcdef")
SECRET = "a-secret-that-is-not-shown"


def auth(text: str) -> Auth:
    return Auth.model_validate(tomllib.loads(f"auth = {text}")["auth"])


def fault(directory: Path, text: str) -> str:
    path = directory / "tocsin.toml"
    source = f'[[source]]\nteam = "acme"\nslug = "hooks"\nkind = "prefect"\nauth = {text}\n'
    path.write_text(f'[[team]]\nslug = "acme"\n\n{source}', encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(path, {})
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{ bearer = [] }", "auth.bearer"),
        ('{ bearer = ["short"] }', "auth.bearer.0.secret"),
        ('{ basic = ["no-password-in-it"] }', "auth.basic: a secret is written user:password"),
        ('{ header = { name = "X Y", secrets = ["SECRET"] } }', "auth.header.name"),
        ('{ standard_webhooks = ["whsec_cm90YXRpbmc=", "whsec_SECRET"] }', "auth.standard_webhooks: secret 2 is not base64"),
        ('{ slack = { secrets = ["SECRET"], tolerance = "0s" } }', "auth.slack.tolerance"),
        ('{ slack = { tolerance = "5m" } }', "auth.slack.secrets: is missing"),
        ('{ slack = { secrets = ["SECRET"], header = "X" } }', "auth.slack.header: there is no such key"),
        ('{ grafana = { secrets = ["SECRET"], tolerance = "5m" } }', "auth.grafana: tolerance: without a timestamp_header"),
        ('{ hmac = { secrets = ["SECRET"] } }', "auth.hmac.header: is missing"),
        ('{ hmac = { secrets = ["SECRET"], header = "X", algorithm = "sha1" } }', "auth.hmac.algorithm"),
        ('{ hmac = { secrets = ["SECRET"], header = "X", message = "{time}{body}" } }', "auth.hmac: message: there is no field {time}"),
        ('{ hmac = { secrets = ["SECRET"], header = "X", message = "{timestamp}.{body}" } }', "auth.hmac: message: {timestamp} is signed"),
        ('{ hmac = { secrets = ["SECRET"], header = "X", timestamp_header = "Y" } }', "auth.hmac: timestamp_header: the message does not"),
        ('{ hmac = { secrets = ["SECRET"], header = "X", tolerance = "5m" } }', "auth.hmac: tolerance: without a timestamp_header"),
    ],
)
def test_a_fault_names_its_place_and_not_the_secret(tmp_path: Path, text: str, told: str) -> None:
    message = fault(tmp_path, text.replace("SECRET", SECRET))
    assert f"[[source]] 1 (acme/hooks): {told}" in message
    assert SECRET not in message


SEVERAL_WAYS = ('"SECRET"', '["SECRET"]', '{ secret = "SECRET" }', '[{ secret = "SECRET" }]', '{ secrets = "SECRET" }')


@pytest.mark.parametrize("written", SEVERAL_WAYS)
def test_secrets_may_be_written_alone_as_a_list_or_with_what_belongs_to_them(written: str) -> None:
    read = auth(f"{{ slack = {written} }}".replace("SECRET", SECRET)).slack
    assert read is not None
    assert [one.secret for one in read.secrets] == [SECRET]
    assert read.tolerance == timedelta(minutes=5)


@pytest.mark.req("R98")
def test_what_is_kept_comes_back_as_it_was_said_and_is_sealed() -> None:
    given = auth(
        f"""{{ header = {{ name = "X-Own-Key", secrets = ["{SECRET}"] }}, slack = {{ secrets = "{SECRET}", tolerance = "90s" }}, """
        f"""hmac = {{ secrets = ["{SECRET}"], header = "X-Sig", prefix = "v1=", encoding = "base64", algorithm = "sha512", """
        f"""message = "{{id}}.{{timestamp}}.{{body}}", timestamp_header = "X-Time", id_header = "X-Id", tolerance = "1h" }}, """
        f"""grafana = {{ secrets = ["{SECRET}"], timestamp_header = "X-Time" }} }}"""
    )
    kept = stored(given, VAULT)
    assert SECRET not in repr(kept)
    header, grafana, slack, hmac = opened(kept, VAULT)
    assert header.shape == Shape("X-Own-Key")
    assert grafana.shape == Shape("X-Grafana-Alerting-Signature", message="{timestamp}:{body}", timestamp_header="X-Time")
    assert (slack.shape, slack.tolerance) == (None, timedelta(seconds=90))
    assert hmac.shape == Shape(
        "X-Sig", "v1=", "base64", "sha512", "{id}.{timestamp}.{body}", timestamp_header="X-Time", id_header="X-Id"
    )  # fmt: skip
    assert (hmac.tolerance, hmac.secrets[0].key) == (timedelta(hours=1), SECRET.encode())
    assert all(proof.secrets == () for proof in opened(kept, Vault("another key of at least 32 letters")) if proof.scheme.signs_body)


def test_what_an_earlier_version_kept_is_still_understood() -> None:
    old: dict[str, Any] = {"scheme": "hmac", "header": "X-Sig", "prefix": "", "encoding": "hex", "algorithm": "sha512"}
    secrets = [{"sealed": VAULT.seal(b"key"), "expires_at": None}]
    (proof, preset) = opened([{**old, "secrets": secrets}, {"scheme": "github", "secrets": secrets}], VAULT)
    assert (proof.scheme, proof.shape, proof.tolerance) == (Scheme.HMAC, Shape("X-Sig", algorithm="sha512"), timedelta(minutes=5))
    assert preset.shape is None
