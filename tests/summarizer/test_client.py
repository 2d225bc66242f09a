"""The client against servers that do everything wrong."""

import asyncio
import gzip
import json

import pytest

from summarizer import SCHEMA, Answered, NotAnswered, WhyNot
from summarizer.client import Client, ModelSettings
from summarizer.manners import Mode
from tests.summarizer.fake_server import Behaviour, completion, drips, floods, hangs, hangs_up, raw, refuses, says, serving

GOOD = {"headline": "orders failed", "cause": None}


async def ask(
    *behaviours: Behaviour, deadline: float = 5.0, questions: int = 1
) -> tuple[list[Answered | NotAnswered], list[dict[str, object]], Client]:
    async with serving(*behaviours) as (fake, url), Client(ModelSettings("fake", url, "sk-own", deadline=deadline)) as client:
        return [await client.ask("be brief", "why?", SCHEMA) for _ in range(questions)], fake.asked, client


async def test_the_best_form_is_asked_first_and_the_answer_comes_with_its_cost() -> None:
    [result], asked, _ = await ask(says(GOOD))
    assert result == Answered(GOOD, requests=1, tokens_in=700, tokens_out=90)
    assert asked[0]["response_format"]["json_schema"]["strict"] is True
    assert asked[0]["temperature"] == 0
    assert "stream" not in asked[0] or asked[0]["stream"] is False


@pytest.mark.req("R84")
async def test_the_ladder_is_climbed_down_once_and_remembered() -> None:
    no_schema = refuses(400, "response_format of type json_schema is not supported")
    no_object = refuses(400, "'response_format' unknown")
    results, asked, client = await ask(
        no_schema, no_object, says("Sure! ```json\n" + json.dumps(GOOD) + "\n``` Hope it helps {x}"), questions=2
    )
    assert [result.value for result in results if isinstance(result, Answered)] == [GOOD, GOOD]
    assert [one.get("response_format", {}).get("type") for one in asked] == ["json_schema", "json_object", None, None]
    assert client.manners.mode is Mode.TEXT


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("Unsupported value: 'temperature' does not support 0 with this model.", {"temperature": None}),
        ("unknown field max_completion_tokens", {"max_completion_tokens": None, "max_tokens": 900}),
        ("System role not supported", {"temperature": 0}),
    ],
)
@pytest.mark.req("R84")
async def test_a_parameter_that_is_refused_is_left_out(said: str, changed: dict[str, object]) -> None:
    [result], asked, _ = await ask(refuses(400, said), says(GOOD))
    assert isinstance(result, Answered)
    assert result.requests == 2
    assert {name: asked[1].get(name) for name in changed} == changed
    if "System" in said:
        assert [message["role"] for message in asked[1]["messages"]] == ["user"]
        assert asked[1]["messages"][0]["content"].startswith("be brief")


async def test_a_server_that_refuses_everything_is_asked_a_bounded_number_of_times_and_then_left_alone() -> None:
    results, asked, _ = await ask(refuses(422, "no"), questions=3)
    assert [result.reason for result in results if isinstance(result, NotAnswered)] == [
        WhyNot.BAD_REQUEST,
        WhyNot.BREAKER_OPEN,
        WhyNot.BREAKER_OPEN,
    ]
    assert len(asked) <= 6


async def test_a_refusal_of_one_question_spoils_no_other() -> None:
    async def long_ones(request, body):
        behave = refuses(400, "no") if "long" in body["messages"][-1]["content"] else says(GOOD)
        return await behave(request, body)

    async with serving(long_ones) as (_, url), Client(ModelSettings("fake", url)) as client:
        assert isinstance(await client.ask("", "a long one", SCHEMA), NotAnswered)
        assert client.manners.mode is Mode.SCHEMA


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (hangs_up, WhyNot.UNREACHABLE),
        (refuses(401, "wrong key"), WhyNot.NOT_ALLOWED),
        (refuses(404, "no such model"), WhyNot.NOT_ALLOWED),
        (raw(b"", status=307, headers={"location": "http://127.0.0.1:9/v1/chat/completions"}), WhyNot.NOT_ALLOWED),
        (refuses(429), WhyNot.RATE_LIMITED),
        (refuses(429, headers={"retry-after": "3000"}), WhyNot.RATE_LIMITED),
        (refuses(500, "oops"), WhyNot.SERVER_ERROR),
        (refuses(503, headers={"retry-after": "nan"}), WhyNot.SERVER_ERROR),
        (refuses(400, "This model's maximum context length is 4096 tokens"), WhyNot.TOO_LARGE),
        (refuses(400, "The response was filtered due to the content management policy"), WhyNot.DECLINED),
        (says(None, refusal="I can't help with that"), WhyNot.DECLINED),
        (says("", finish_reason="content_filter"), WhyNot.DECLINED),
        (says("   "), WhyNot.EMPTY),
        (says(None), WhyNot.EMPTY),
        (says('{"headline": "orders fai', finish_reason="length"), WhyNot.CUT_OFF),
        (says("I would say that it failed."), WhyNot.NOT_JSON),
        (says("{" * 50_000), WhyNot.CUT_OFF),
        (says('{"a":' * 20_000 + "1" + "}" * 20_000), WhyNot.NOT_JSON),
        (says("[1, 2]"), WhyNot.NOT_JSON),
        (raw(b"<html>gateway</html>", "text/html"), WhyNot.NOT_JSON),
        (raw(b"data: {}\n\ndata: [DONE]\n\n", "text/event-stream"), WhyNot.NOT_JSON),
        (raw(b"\xff\xfe\x00{{{"), WhyNot.NOT_JSON),
        (raw(b"null"), WhyNot.NOT_JSON),
        (raw(b'{"choices": []}'), WhyNot.NOT_JSON),
        (raw(b'{"choices": [{"message": "x"}]}'), WhyNot.NOT_JSON),
        (raw(gzip.compress(b"0" * 50_000_000), headers={"content-encoding": "gzip"}), WhyNot.NOT_JSON),
        (floods, WhyNot.TOO_LARGE),
        (says("x" * 3_000_000), WhyNot.TOO_LARGE),
    ],
)
@pytest.mark.req("R88")
async def test_whatever_the_server_does_there_is_a_reason_and_no_exception(behaviour: Behaviour, reason: WhyNot) -> None:
    [result], asked, _ = await ask(behaviour)
    assert isinstance(result, NotAnswered)
    assert result.reason is reason
    assert len(asked) == 1


async def test_an_error_body_without_end_is_cut_off() -> None:
    async def floods_with_500(request, body):
        request.app["status"] = 500
        return await floods(request, body)

    [result], _, _ = await ask(floods_with_500)
    assert isinstance(result, NotAnswered)
    assert result.reason in {WhyNot.TOO_LARGE, WhyNot.SERVER_ERROR}


@pytest.mark.parametrize("behaviour", [hangs, drips])
@pytest.mark.req("R88")
async def test_the_deadline_holds(behaviour: Behaviour) -> None:
    [result], _, _ = await ask(behaviour, deadline=0.2)
    assert isinstance(result, NotAnswered)
    assert result.reason is WhyNot.DEADLINE


async def test_nobody_there() -> None:
    async with Client(ModelSettings("fake", "http://127.0.0.1:9/v1")) as client:
        result = await client.ask("", "", SCHEMA)
    assert isinstance(result, NotAnswered)
    assert result.reason is WhyNot.UNREACHABLE


@pytest.mark.parametrize("base_url", ["not a url", "http://", "file:///etc/passwd", "http://[::1"])
async def test_an_address_that_is_none(base_url: str) -> None:
    try:
        client = Client(ModelSettings("fake", base_url))
    except ValueError:
        return
    async with client:
        result = await client.ask("", "", SCHEMA)
    assert isinstance(result, NotAnswered)


@pytest.mark.req("R88")
async def test_a_wish_to_wait_is_honoured_within_the_deadline() -> None:
    [result], asked, _ = await ask(refuses(429, headers={"retry-after": "0.05"}), says(GOOD))
    assert isinstance(result, Answered)
    assert len(asked) == 2


async def test_a_second_wish_is_not_waited_for() -> None:
    [result], asked, _ = await ask(refuses(429, headers={"retry-after": "0.05"}))
    assert isinstance(result, NotAnswered)
    assert result.retry_after == 0.05
    assert len(asked) == 2


@pytest.mark.req("R88")
async def test_a_server_in_trouble_is_left_alone() -> None:
    results, asked, _ = await ask(refuses(500), questions=8)
    assert [result.reason for result in results if isinstance(result, NotAnswered)] == [WhyNot.SERVER_ERROR] * 5 + [WhyNot.BREAKER_OPEN] * 3
    assert len(asked) == 5


@pytest.mark.req("R88")
async def test_no_more_than_so_many_at_once_and_who_waits_waits_within_the_deadline() -> None:
    under_way = most = 0

    async def slow(request, body):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return await says(GOOD)(request, body)

    async with serving(slow) as (_, url), Client(ModelSettings("fake", url, at_once=2)) as client:
        results = await asyncio.gather(*(client.ask("", "", SCHEMA) for _ in range(8)))
    assert all(isinstance(result, Answered) for result in results)
    assert most == 2


async def test_a_question_that_is_cancelled_leaves_the_client_usable() -> None:
    async with serving(hangs, says(GOOD)) as (_, url), Client(ModelSettings("fake", url, at_once=1)) as client:
        asking = asyncio.create_task(client.ask("", "", SCHEMA))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert isinstance(await client.ask("", "", SCHEMA), Answered)


async def test_thoughts_and_odd_counts_are_put_up_with() -> None:
    odd = completion('<think>{"headline": "no"}</think>{"headline": "yes"}') | {"usage": {"prompt_tokens": "many", "completion_tokens": -1}}
    [result], _, _ = await ask(raw(json.dumps(odd).encode(), "text/plain"))
    assert result == Answered({"headline": "yes"})


async def test_the_key_goes_to_the_server_and_nowhere_else() -> None:
    async with serving(says(GOOD)) as (fake, url), Client(ModelSettings("fake", url, "sk-own")) as client:
        await client.ask("", "", SCHEMA)
        assert fake.headers[0]["Authorization"] == "Bearer sk-own"
        assert "sk-own" not in repr(client.settings)
