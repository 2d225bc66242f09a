"""The only door to a model: any OpenAI-compatible server, asked within a deadline, a size and a number of requests."""

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import httpx2
import openai

from summarizer.answer import Answered, NotAnswered
from summarizer.breaker import Breaker
from summarizer.manners import Manners
from summarizer.parse import find_object
from summarizer.summary import WhyNot

DEADLINE: Final = 20.0
_REQUESTS: Final = 6
"""Requests for one answer, at most: the ladder's rungs and one repetition."""
_LARGEST: Final = 512 * 1024
_NO_KEY: Final = "none"
"""Local servers want none, and the library does."""
_TROUBLE: Final = frozenset(
    {WhyNot.UNREACHABLE, WhyNot.DEADLINE, WhyNot.SERVER_ERROR, WhyNot.RATE_LIMITED, WhyNot.NOT_ALLOWED, WhyNot.BAD_REQUEST}
)
_AT_ONCE: Final = frozenset({WhyNot.NOT_ALLOWED, WhyNot.BAD_REQUEST})
_TOO_LONG: Final = re.compile(
    r"context.{0,20}(?:length|window|size)|too many (?:input )?tokens|(?:prompt|input|request) is too long", re.IGNORECASE
)
_POLICY: Final = re.compile(r"content.?(?:filter|management|policy)|usage policies", re.IGNORECASE)


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how much of it."""

    model: str
    base_url: str = "https://api.openai.com/v1"
    api_key: str = field(default="", repr=False)
    deadline: float = DEADLINE
    """Seconds for one answer, waiting and repetitions included."""
    most_tokens: int = 900
    at_once: int = 4
    """Questions under way at the same time; others wait, within their deadline."""


class _TooLarge(Exception):
    """The other side says more than anyone would read."""


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > _LARGEST:
                raise _TooLarge
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _CappedTransport(httpx2.AsyncHTTPTransport):
    """Ends an answer that is too large, and unpacks none: a packed one could be any size."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        response.headers.pop("content-encoding", None)
        response.stream = _Capped(response.stream)  # type: ignore[arg-type]
        return response


class Client:
    """One server and model. Remembers how it wants to be asked, and leaves it alone while it is in trouble."""

    def __init__(self, settings: ModelSettings) -> None:
        """Connects when first asked, within a running loop. Raises ValueError where the base URL is none."""
        self.settings = settings
        self.breaker = Breaker()
        self.manners = Manners()
        self._turns = asyncio.Semaphore(settings.at_once)
        try:
            self._library = openai.AsyncOpenAI(
                api_key=settings.api_key or _NO_KEY,
                base_url=settings.base_url,
                max_retries=0,
                timeout=settings.deadline,
                # redirects are not followed: the key and the log are for the configured server alone
                http_client=httpx2.AsyncClient(transport=_CappedTransport(), follow_redirects=False, timeout=settings.deadline),
            )
        except httpx2.InvalidURL as error:
            raise ValueError(f"{settings.base_url!r} is no address: {error}") from None

    @property
    def name(self) -> str:
        """The model's."""
        return self.settings.model

    async def __aenter__(self) -> Self:
        """Ready at once."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends its connections."""
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._library.close()

    async def ask(self, system: str, question: str, schema: Mapping[str, Any]) -> Answered | NotAnswered:
        """One answer, or why there is none, within the deadline. Raises nothing but cancellation."""
        clock = asyncio.get_running_loop().time
        if not self.breaker.lets_through(clock()):
            return NotAnswered(WhyNot.BREAKER_OPEN, "the server is left alone for a while")
        self.breaker = self.breaker.asked(clock())
        asking = _Asking(self, system, question, schema, clock() + self.settings.deadline)
        try:
            result = await asking.answer()
        except asyncio.CancelledError:
            self.breaker = self.breaker.undecided()
            raise
        if isinstance(result, NotAnswered) and result.reason in _TROUBLE:
            self.breaker = self.breaker.troubled(clock(), result.retry_after, at_once=result.reason in _AT_ONCE)
        else:
            self.breaker = self.breaker.answered()
        return result

    async def complete(self, parameters: Mapping[str, Any]) -> bytes:
        """The bytes of one completion: read here, because a server may send anything."""
        async with (
            self._turns,
            self._library.chat.completions.with_streaming_response.create(model=self.settings.model, **parameters) as response,
        ):
            said: bytes = await response.read()
            return said


class _Asking:
    """One question on its way."""

    def __init__(self, client: Client, system: str, question: str, schema: Mapping[str, Any], until: float) -> None:
        self._client, self._system, self._question, self._schema, self._until = client, system, question, schema, until
        self._requests = 0
        self._waited = False

    async def answer(self) -> Answered | NotAnswered:
        try:
            async with asyncio.timeout_at(self._until):
                while self._requests < _REQUESTS:
                    result = await self._once()
                    if result is not None:
                        return result
                return self._refused("every form of the question")
        except TimeoutError:
            return self._no(WhyNot.DEADLINE, "no answer in time")

    async def _once(self) -> Answered | NotAnswered | None:
        """The result of one request; None: ask again, in another form or after a pause."""
        manners = self._client.manners
        self._requests += 1
        try:
            raw = await self._client.complete(
                manners.request(self._system, self._question, self._schema, self._client.settings.most_tokens)
            )
        except openai.APIStatusError as error:
            return await self._after_status(error, manners)
        except openai.APITimeoutError:
            return self._no(WhyNot.DEADLINE, "no answer in time")
        except _TooLarge:
            return self._no(WhyNot.TOO_LARGE, "its answer does not end")
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, _TooLarge):
                return self._no(WhyNot.TOO_LARGE, "its answer does not end")
            return self._no(WhyNot.UNREACHABLE, type(error.__cause__ or error).__name__)
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError) as error:
            return self._no(WhyNot.UNREACHABLE, type(error).__name__)
        return self._read(raw)

    async def _after_status(self, error: openai.APIStatusError, manners: Manners) -> NotAnswered | None:
        status = error.status_code
        if status in (400, 422):
            said = error.response.text[:4000]
            if _TOO_LONG.search(said):
                return self._no(WhyNot.TOO_LARGE, "the excerpt is too long for it")
            if _POLICY.search(said):
                return self._no(WhyNot.DECLINED, "it declines to answer")
            fewer = manners.after_refusal(said)
            if fewer is None:
                return self._refused(f"the question with status {status}")
            if self._client.manners == manners:
                self._client.manners = fewer
            return None
        if status in (408, 409, 429) or status >= 500:
            return await self._after_trouble(status, error.response.headers.get("retry-after"))
        return self._no(WhyNot.NOT_ALLOWED, f"status {status}")

    async def _after_trouble(self, status: int, said: str | None) -> NotAnswered | None:
        """Waits as long as the other side wishes, once, if there is time for it."""
        wish = _seconds(said)
        left = self._until - asyncio.get_running_loop().time()
        if wish is not None and wish < left and not self._waited:
            self._waited = True
            await asyncio.sleep(wish)
            return None
        return self._no(WhyNot.RATE_LIMITED if status == 429 else WhyNot.SERVER_ERROR, f"status {status}", wish)

    def _read(self, raw: bytes) -> Answered | NotAnswered:
        try:
            body = json.loads(raw.decode("utf-8", "replace"))
            choice = body["choices"][0]
            message = choice["message"]
            text, refusal = message.get("content"), message.get("refusal")
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return self._no(WhyNot.NOT_JSON, "its answer is no chat completion")
        if refusal or choice.get("finish_reason") == "content_filter":
            return self._no(WhyNot.DECLINED, "it declines to answer")
        if not isinstance(text, str) or not text.strip():
            return self._no(WhyNot.EMPTY, "it says nothing")
        value = find_object(text)
        if value is None:
            cut_off = choice.get("finish_reason") == "length" or text.count("{") > text.count("}")
            return self._no(WhyNot.CUT_OFF if cut_off else WhyNot.NOT_JSON, "its answer has no JSON object")
        used = body.get("usage")
        return Answered(value, self._requests, _count(used, "prompt_tokens"), _count(used, "completion_tokens"))

    def _refused(self, what: str) -> NotAnswered:
        """It was not the form of the question, so the next one is asked in the best form again."""
        self._client.manners = Manners()
        return self._no(WhyNot.BAD_REQUEST, f"it refuses {what}")

    def _no(self, reason: WhyNot, detail: str, retry_after: float | None = None) -> NotAnswered:
        return NotAnswered(reason, detail, retry_after, self._requests)


def _seconds(said: str | None) -> float | None:
    """A Retry-After in seconds; dates are not read, and longer waits than an hour not believed."""
    try:
        seconds = float(said or "")
    except ValueError:
        return None
    return min(seconds, 3600.0) if math.isfinite(seconds) and seconds >= 0 else None


def _count(used: object, name: str) -> int:
    value = used.get(name) if isinstance(used, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
