"""SNS at the door: a fake SNS with a certificate and key of its own, and everything that must not be believed."""

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestClient, TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import ValidationError
from sqlalchemy import select

from gateway import proofs
from gateway.app import Web
from gateway.config.document import Auth
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.intake import sns
from gateway.intake.sns import Certificates, fetch, read_certificate
from gateway.listener import SERVER_OPTIONS
from gateway.storage import people, sources, tables
from gateway.storage.database import Database
from gateway.vault import Vault
from mappers.contract.signature import Proof, Refusal, Scheme, Secret, authenticate, authenticate_head
from tests.conftest import NOW, Clock

VAULT = Vault("0123456789abcdef0123456789abcdef")
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
OTHER = "arn:aws:sns:eu-central-1:999999999999:alerts"
HOST = "sns.eu-central-1.amazonaws.com"
URL = f"https://{HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SECRET = "a-secret-in-the-address"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
KEY = rsa.generate_private_key(65537, 2048)
OTHERS_KEY = rsa.generate_private_key(65537, 2048)


def certificate(name: str = "sns.amazonaws.com", key: Any = KEY, **dates: datetime) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(dates.get("start", NOW - timedelta(days=9))).not_valid_after(
        dates.get("end", NOW + timedelta(days=9))
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sign(message: dict[str, Any], key: rsa.RSAPrivateKey = KEY) -> dict[str, Any]:
    """As https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html has it: each name and value on its line."""
    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if name in message)
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    return {**message, "Signature": base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()}


def notification(version: str = "2", **more: Any) -> dict[str, Any]:
    message = {
        "Type": "Notification", "MessageId": "35ecbe70-f71e-42d7-b099-720e3d5aed0b", "TopicArn": TOPIC, "Subject": "nightly-orders FAILED",
        "Message": "zeile 1\nLäuft nicht: \"orders\"", "Timestamp": f"{NOW:%Y-%m-%dT%H:%M:%S.123Z}", "SignatureVersion": version,
        "SigningCertURL": URL,
    }  # fmt: skip
    return {name: value for name, value in {**message, **more}.items() if value is not None}


def confirmation(kind: str = "SubscriptionConfirmation") -> dict[str, Any]:
    own = {"Type": kind, "Token": "2336412f37", "Subject": None, "SubscribeURL": f"https://{HOST}/?Action=ConfirmSubscription"}
    return sign(notification(**own))


def headers(message: dict[str, Any]) -> dict[str, str]:
    return {"x-amz-sns-message-type": str(message.get("Type")), "x-amz-sns-topic-arn": TOPIC, "Content-Type": "text/plain; charset=UTF-8"}


@dataclass
class Fake:
    """What a certificate's address holds, and how often it was asked for."""

    answer: Callable[[], Awaitable[bytes]] | None = None
    asked: list[str] = field(default_factory=list)

    async def get(self, url: str) -> bytes:
        self.asked.append(url)
        return await self.answer() if self.answer else certificate()


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
async def door(database: Database, clock: Clock, fake: Fake) -> AsyncIterator[TestClient[Any, Any]]:
    with database.writing() as transaction:
        team = people.put_team(transaction, slug="acme", name="Acme", base_url=None, now=NOW)
        for slug, auth in (
            ("aws", {"sns": [TOPIC]}),
            ("both", {"sns": [TOPIC], "token": [SECRET]}),
            ("ending", {"sns": [{"secret": TOPIC, "expires_at": NOW - timedelta(days=1)}]}),
            ("patient", {"sns": {"topics": [OTHER, TOPIC], "tolerance": "2d"}}),
        ):
            kept = proofs.stored(Auth.model_validate(auth), VAULT)
            sources.put(
                transaction, team_id=team, slug=slug, kind="aws_sns", environment="", auth=kept, settings={}, managed=False, now=NOW
            )
    front = Web(Environment(_env_file=None), database, kinds(()), VAULT, clock)  # type: ignore[call-arg]
    front.door.certificates.get = fake.get
    server = TestServer(front.app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client


async def told(door: TestClient[Any, Any], message: Any, source: str = "aws", more: dict[str, str] | None = None) -> tuple[int, str]:
    """The status, and why."""
    data = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
    sent = headers(message if isinstance(message, dict) else {"Type": "Notification"}) | (more or {})
    answer = await door.post(f"/webhooks/acme/{source}", data=data, headers=sent)
    return answer.status, await answer.text()


def stored(database: Database) -> list[Any]:
    with database.reading() as transaction:
        return list(transaction.execute(select(tables.events.c.body).order_by(tables.events.c.id)).scalars())


# ---- what is believed ---------------------------------------------------------------------------------------


@pytest.mark.req("R3")
@pytest.mark.parametrize("version", ["1", "2"])
async def test_what_sns_signed_is_believed_whichever_version_it_signs(door: TestClient[Any, Any], fake: Fake, version: str) -> None:
    assert (await told(door, sign(notification(version))))[0] == 202
    assert (await told(door, sign(notification(version, MessageId="2", Subject=None))))[0] == 202
    assert fake.asked == [URL], "the certificate is kept"


async def test_confirmations_are_signed_over_other_fields(door: TestClient[Any, Any], database: Database) -> None:
    assert (await told(door, confirmation()))[0] == 202
    assert (await told(door, {**confirmation("UnsubscribeConfirmation"), "MessageId": "x"}))[0] == 401
    altered = {**confirmation(), "Token": "9999", "MessageId": "35ecbe70-f71e-42d7-b099-720e3d5aed0b"}
    assert (await told(door, altered))[0] == 401
    assert len(stored(database)) == 1


@pytest.mark.req("R15")
async def test_a_message_that_is_sent_again_is_a_duplicate_and_a_replay_of_an_old_one_is_refused(
    door: TestClient[Any, Any], database: Database
) -> None:
    message = sign(notification())
    assert [(await told(door, message))[0] for _ in range(2)] == [202, 200]
    old = sign(notification(MessageId="old", Timestamp=f"{NOW - timedelta(minutes=76):%Y-%m-%dT%H:%M:%S.000Z}"))
    assert (await told(door, old))[0] == 401
    assert (await told(door, {**old, "Timestamp": f"{NOW:%Y-%m-%dT%H:%M:%S.000Z}"}))[0] == 401, "a fresh time on an old signature"
    assert (await told(door, old, "patient"))[0] == 202, "its source allows two days"
    hour = sign(notification(MessageId="hour", Timestamp=f"{NOW - timedelta(minutes=61):%Y-%m-%dT%H:%M:%S.000Z}"))
    assert (await told(door, hour))[0] == 202, "a delivery policy may try for an hour"
    assert len(stored(database)) == 3


async def test_a_token_in_the_address_works_beside_the_signature_and_with_raw_delivery(
    door: TestClient[Any, Any], fake: Fake, database: Database
) -> None:
    raw = {"x-amz-sns-rawdelivery": "true", "x-amz-sns-message-id": "7"}
    assert (await told(door, b"nightly-orders FAILED", f"both/{SECRET}", raw))[0] == 202
    assert (await told(door, sign(notification()), f"both/{SECRET}"))[0] == 202
    assert fake.asked == [], "nothing is fetched where the address is proof enough"
    assert (await told(door, sign(notification(MessageId="3")), "both"))[0] == 202
    assert (await told(door, b"nightly-orders FAILED", "both", raw))[0] == 401
    assert len(stored(database)) == 3


# ---- what is not --------------------------------------------------------------------------------------------


@pytest.mark.req("R3")
@pytest.mark.parametrize(
    "changed",
    [
        {"Message": "all is well"},
        {"Subject": "nightly-orders OK"},
        {"Subject": None},
        {"MessageId": "another"},
        {"Timestamp": f"{NOW + timedelta(seconds=5):%Y-%m-%dT%H:%M:%S.123Z}"},
        {"Signature": base64.b64encode(b"x" * 256).decode()},
        {"Signature": "%%%"},
        {"Signature": ""},
        {"Signature": 7},
        {"Signature": None},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": ["2"]},
        {"Type": "Other"},
        {"Type": ["Notification"]},
        {"Message": {"a": 1}},
        {"Message": "\ud800"},
        {"MessageId": "a\nSubject"},
    ],
    ids=repr,
)
async def test_an_altered_message_is_refused(door: TestClient[Any, Any], database: Database, changed: dict[str, Any]) -> None:
    message = {name: value for name, value in {**sign(notification()), **changed}.items() if value is not None}
    assert (await told(door, json.dumps(message).encode()))[0] == 401
    assert stored(database) == []


@pytest.mark.req("R3")
async def test_another_customers_topic_is_refused_though_sns_signed_it(door: TestClient[Any, Any], fake: Fake) -> None:
    status, why = await told(door, sign(notification(TopicArn=OTHER)))
    assert (status, "does not match" in why) == (401, True)
    for near in (TOPIC + "2", TOPIC[:-1], TOPIC.upper(), TOPIC + "\nType", TOPIC.replace("eu-central-1", "eu-west-1")):
        assert (await told(door, sign(notification(TopicArn=near))))[0] == 401
    assert "expired" in (await told(door, sign(notification()), "ending"))[1]
    assert fake.asked == [], "nobody else makes this gateway fetch anything"


@pytest.mark.req("R3")
@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.test/a.pem",
        "https://evil.test/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.test/a.pem",
        "https://evil.test#sns.eu-central-1.amazonaws.com/a.pem",
        "https://evil.test\\.sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://sns.evil.test.amazonaws.com/a.pem",
        "https://sns..amazonaws.com/a.pem",
        "https://s3.eu-central-1.amazonaws.com/bucket/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.txt",
        "https://sns.eu-central-1.amazonaws.com/?Action=Publish&x=a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.pem?x=1",
        "https://sns.eu-central-1.amazonaws.com/../a.pem",
        "https://sns.eu-central-1.amazonaws.com/%2e%2e/a.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/a.pem",
        "https://sns.eu-central-1.amazonaws.com\n.evil.test/a.pem",
        "https://sns.eu-central-1.amazonaws.com\u3002evil.test/a.pem",
        "https://[sns.eu-central-1.amazonaws.com]/a.pem",
        "file:///etc/ssl/a.pem",
        "//sns.eu-central-1.amazonaws.com/a.pem",
        "",
        None,
        7,
        {"x": 1},
    ],
    ids=repr,
)
async def test_no_other_address_is_ever_asked_for_a_certificate(door: TestClient[Any, Any], fake: Fake, url: Any) -> None:
    fake.answer = partial(_give, certificate(key=OTHERS_KEY))
    assert (await told(door, {**sign(notification(), OTHERS_KEY), "SigningCertURL": url}))[0] == 401
    assert fake.asked == []


async def _give(pem: bytes) -> bytes:
    return pem


async def test_in_china_it_is_the_chinese_hosts_alone() -> None:
    from mappers.contract.signature import SnsClaim, sns_claim

    topic = "arn:aws-cn:sns:cn-north-1:123456789012:alerts"
    proof = Proof(Scheme.SNS, (Secret(key=topic.encode()),))
    for url, fits in (("https://sns.cn-north-1.amazonaws.com.cn/a.pem", True), ("https://sns.cn-north-1.amazonaws.com/a.pem", False)):
        claim = sns_claim(proof, sign(notification(TopicArn=topic, SigningCertURL=url)), NOW)
        assert isinstance(claim, SnsClaim) is fits


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"x"', b"null", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"x" * 200_000])
async def test_what_is_no_message_is_refused_and_fetches_nothing(door: TestClient[Any, Any], fake: Fake, body: bytes) -> None:
    assert (await told(door, body))[0] == 401
    assert fake.asked == []


async def test_nothing_is_believed_by_its_headers_and_a_body_that_is_still_to_come_is_not_read_in_vain() -> None:
    proof = Proof(Scheme.SNS, (Secret(key=TOPIC.encode()),))
    fine = headers(notification())
    assert authenticate([proof], fine, None, json.dumps(sign(notification())).encode(), NOW) is Refusal.NO_SECRET, (
        "not without a certificate"
    )
    for sent, refusal in (
        ({}, Refusal.MISSING),
        ({**fine, "x-amz-sns-rawdelivery": "true"}, Refusal.MISSING),
        ({**fine, "x-amz-sns-message-type": "Other"}, Refusal.MALFORMED),
    ):
        assert authenticate_head([proof], sent, None, NOW) is refusal
    assert authenticate_head([Proof(Scheme.SNS, ())], fine, None, NOW) is Refusal.NO_SECRET


# ---- certificates -------------------------------------------------------------------------------------------


async def _broken() -> bytes:
    raise OSError("no route")


async def _slow() -> bytes:
    await asyncio.sleep(60)
    return b""


@pytest.mark.req("R18")
@pytest.mark.parametrize(
    "answer",
    [
        _broken,
        partial(_give, b"not a certificate"),
        partial(_give, b""),
        partial(_give, certificate("evil.test")),
        partial(_give, certificate("sns.amazonaws.com.evil.test")),
        partial(_give, certificate(key=ec.generate_private_key(ec.SECP256R1()))),
        partial(_give, certificate(key=rsa.generate_private_key(65537, 1024))),
        _slow,
    ],
)
async def test_a_certificate_that_cannot_be_had_is_a_503_and_nothing_is_stored(
    door: TestClient[Any, Any], fake: Fake, database: Database, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(sns, "PATIENCE", 0.05)
    fake.answer = answer
    response = await door.post("/webhooks/acme/aws", json=sign(notification()), headers=headers(notification()))
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert stored(database) == []
    assert (await told(door, sign(notification())))[0] == 503
    assert len(fake.asked) == 1, "it is not asked for again at once"


async def test_a_certificate_counts_only_while_it_is_valid(door: TestClient[Any, Any], fake: Fake, clock: Clock) -> None:
    fake.answer = partial(_give, certificate(end=NOW - timedelta(seconds=1)))
    assert (await told(door, sign(notification())))[0] == 401
    fake.answer = partial(_give, certificate(start=NOW + timedelta(hours=1)))
    assert (await told(door, sign(notification(SigningCertURL=f"https://{HOST}/b.pem"))))[0] == 401


async def test_another_key_than_the_certificates_signs_nothing(door: TestClient[Any, Any]) -> None:
    assert (await told(door, sign(notification(), OTHERS_KEY)))[0] == 401


async def test_one_fetch_serves_all_who_wait_and_it_goes_on_though_one_hangs_up() -> None:
    release, fake = asyncio.Event(), Fake()

    async def when_released() -> bytes:
        await release.wait()
        return certificate()

    fake.answer = when_released
    kept = Certificates(fake.get)
    waiting = [asyncio.create_task(kept.find(URL)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    release.set()
    answers = await asyncio.gather(*waiting[1:])
    assert len({id(answer) for answer in answers}) == 1
    assert answers[0] is not None
    assert fake.asked == [URL]


async def test_what_is_kept_and_what_is_asked_for_at_once_is_bounded() -> None:
    never, fake = asyncio.Event(), Fake()
    kept = Certificates(fake.get)
    for number in range(sns.MOST_KEPT + 5):
        assert await kept.find(f"https://{HOST}/{number}.pem") is not None
    assert len(kept._kept) == sns.MOST_KEPT

    async def waits() -> bytes:
        await never.wait()
        return b""

    fake.answer = waits
    held = [asyncio.create_task(kept.find(f"https://{HOST}/held-{number}.pem")) for number in range(sns.MOST_AT_ONCE)]
    await asyncio.sleep(0)
    assert await kept.find(f"https://{HOST}/one-more.pem") is None
    never.set()
    assert await asyncio.gather(*held) == [None] * sns.MOST_AT_ONCE


async def test_a_failed_one_is_asked_for_again_after_a_while() -> None:
    moments = iter([0.0, 0.0, 1.0, 10.0])
    fake = Fake(_broken)
    kept = Certificates(fake.get, lambda: next(moments))
    assert await kept.find(URL) is None
    assert await kept.find(URL) is None
    fake.answer = None
    assert await kept.find(URL) is not None


@pytest.mark.parametrize("name", ["sns.amazonaws.com", "sns-cn-north-1.amazonaws.com.cn", "sns-us-gov-west-1.amazonaws.com"])
def test_the_names_of_its_certificates(name: str) -> None:
    assert read_certificate(certificate(name)).not_after == NOW + timedelta(days=9)


# ---- the real fetch, from a server of our own under the vendor's name ---------------------------------------


class ToHere(AbstractResolver):
    """Resolves every name to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
async def vendor(tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[bytes]]]:
    """`fetch`, at a server that has the vendor's name and a certificate of a CA that is trusted here."""
    moment = datetime.now(UTC)
    pem = certificate(HOST, start=moment - timedelta(days=1), end=moment + timedelta(days=1))
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(pem)
    key.write_bytes(
        KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )  # fmt: skip
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(chain, key)

    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/moved.pem":
                raise web.HTTPFound("/good.pem")
            case "/huge.pem":
                return web.Response(body=b"x" * (sns.MAX_BYTES + 1))
            case "/slow.pem":
                await asyncio.sleep(60)
            case "/gone.pem":
                raise web.HTTPForbidden
        return web.Response(body=pem)

    app = web.Application()
    app.router.add_get("/{name}", answer)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=server_side)
    trusting = ssl.create_default_context(cafile=str(chain))
    connector = aiohttp.TCPConnector(resolver=ToHere(int(server.port or 0)), ssl=trusting)
    yield partial(fetch, connector=connector)
    await connector.close()
    await server.close()


async def test_a_certificate_is_fetched_over_tls(vendor: Callable[[str], Awaitable[bytes]]) -> None:
    assert read_certificate(await vendor(f"https://{HOST}/good.pem"))


@pytest.mark.parametrize("name", ["moved", "huge", "gone"])
async def test_no_redirect_no_other_status_and_no_heap_of_bytes(vendor: Callable[[str], Awaitable[bytes]], name: str) -> None:
    with pytest.raises(ValueError, match=r"answered 30|is larger|answered 403"):
        await vendor(f"https://{HOST}/{name}.pem")


async def test_a_slow_host_is_left(vendor: Callable[[str], Awaitable[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sns, "PATIENCE", 0.1)
    with pytest.raises(TimeoutError):
        await vendor(f"https://{HOST}/slow.pem")


async def test_a_host_whose_certificate_is_of_another_name_is_not_believed(vendor: Callable[[str], Awaitable[bytes]]) -> None:
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await vendor("https://sns.us-east-1.amazonaws.com/good.pem")


# ---- how it is configured -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topics", ["alerts", ["arn:aws:sqs:eu-central-1:123456789012:q"], [TOPIC + ":c9135db0"], ["arn:aws:sns:*:123456789012:alerts"], []]
)
def test_what_is_no_topic_is_an_error_that_says_what_one_looks_like(topics: Any) -> None:
    with pytest.raises(ValidationError, match=r"topic 1 is no ARN|at least 1|at least 8"):
        Auth.model_validate({"sns": topics})


def test_topics_and_tolerance_come_back_as_they_were_said() -> None:
    given = Auth.model_validate({"sns": {"topics": [TOPIC, {"secret": OTHER, "expires_at": NOW}], "tolerance": "3h"}})
    (proof,) = proofs.opened(proofs.stored(given, VAULT), VAULT)
    assert (proof.scheme, proof.tolerance) == (Scheme.SNS, timedelta(hours=3))
    assert [secret.key.decode() for secret in proof.secrets] == [TOPIC, OTHER]
    (proof,) = proofs.opened(proofs.stored(Auth.model_validate({"sns": TOPIC}), VAULT), VAULT)
    assert proof.tolerance == timedelta(minutes=75)
