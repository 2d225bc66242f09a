"""The settings of a webhook source: its mapping, checked when the configuration is read."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mappers.contract import Category, Level, SourceSettings
from mappers.webhook.language import Root, Text, choice, path, text
from mappers.webhook.words import CATEGORIES, LEVELS, Outcome, outcome, pick

_SURELY_A_PATH: Final = re.compile(r"(?:\$|\^|header:|query:)\S*")
_LOOKS_LIKE_A_PATH: Final = re.compile(r"(?:\$|\^|header:|query:|[A-Za-z_]\w*[.\[])[\w.\[\]*:-]+")


def _text(written: str) -> str:
    return _unlike_a_path(written, _SURELY_A_PATH)


def _spoken(written: str) -> str:
    """A text people read, in which no name with dots stands alone."""
    return _unlike_a_path(written, _LOOKS_LIKE_A_PATH)


def _unlike_a_path(written: str, looks: re.Pattern[str]) -> str:
    """A text that looks like a path is one without its braces."""
    if text(written).is_constant and looks.fullmatch(written):
        raise ValueError(f"is the same for every message; what a message says there is written {{{written}}}")
    return written


def _telling(written: str) -> str:
    """A text that differs from message to message."""
    if written and text(written).is_constant:
        raise ValueError(f"is the same for every message; what a message says there is written in braces, as in {{{written}}}")
    return written


def _path(written: str) -> str:
    path(written)
    return written


def _choice(written: str) -> str:
    choice(written)
    return written


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _plain(value: object) -> object:
    """TOML's `true` and `7` as the texts they are compared as."""
    return str(value).lower() if isinstance(value, bool | int | float) else value


def _keys(table: Mapping[str, Any]) -> Mapping[str, Any]:
    if wrong := next((key for key in table if "*" in key[:-1]), None):
        raise ValueError(f"{wrong!r}: a * may only stand at the end")
    return table


AnyText = Annotated[str, AfterValidator(_text)]
SpokenText = Annotated[str, AfterValidator(_spoken)]
TellingText = Annotated[str, AfterValidator(_telling)]
Words = Annotated[tuple[AnyText, ...], BeforeValidator(_listed)]
Wanted = Annotated[tuple[Annotated[str, BeforeValidator(_plain)], ...], BeforeValidator(_listed), Field(min_length=1)]
Condition = Annotated[dict[Annotated[str, AfterValidator(_choice)], Wanted], Field(min_length=1)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=75)]


class Reading(BaseModel):
    """What is read from a message, each a text of the language. An event's own takes the place of the source's; `""` takes it away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: Annotated[str, AfterValidator(_path)] | None = None
    """A path to a list: one notification for each of its items, in which paths begin."""
    state: AnyText | None = None
    """What decides whether it fires or recovered, by `states`."""
    level: AnyText | None = None
    category: AnyText | None = None
    slug: Slug | None = None
    """Part of the thread's identity; the same for a failure and its recovery."""
    identity: Annotated[dict[str, SpokenText], Field(min_length=1)] | None = None
    """By what a failure and its recovery are known to be of the same thing. Default: the pipeline."""
    title: SpokenText | None = None
    message: SpokenText | None = None
    member: TellingText | None = None
    """What exactly fails, where a thread has several."""
    member_label: AnyText | None = None
    pipeline: AnyText | None = None
    run: TellingText | None = None
    attempt: TellingText | None = None
    occurred_at: TellingText | None = None
    started_at: TellingText | None = None
    """Since when: a recovery then tells how long it lasted."""
    occurrence: TellingText | None = None
    """What makes two messages tell the same happening, where no run does."""
    environment: AnyText | None = None
    owner: Words | None = None
    tags: Words | None = None
    links: dict[str, AnyText] | None = None
    facts: dict[str, SpokenText] | None = None
    excerpt: TellingText | None = None
    """Log or error text for the summary."""

    def told(self, name: str) -> Text | None:
        """A text of the mapping taken apart; None where it is not set, or taken away by an empty one."""
        written = getattr(self, name)
        return text(written) if written else None


class WebhookSettings(Reading, SourceSettings):
    """Settings of a webhook source."""

    when: Condition | None = None
    """Only messages of which all of this is true are read."""
    ignore: tuple[Condition, ...] = ()
    """Messages of which all of one of these is true are not."""
    states: Annotated[dict[str, Outcome], AfterValidator(_keys)] = {}
    levels: Annotated[dict[str, Level], AfterValidator(_keys)] = {}
    categories: Annotated[dict[str, Category], AfterValidator(_keys)] = {}
    event: TellingText | None = None
    """What tells the types of message apart."""
    events: Annotated[dict[str, Reading], AfterValidator(_keys)] = {}
    """For each type what is read otherwise."""
    request_key: TellingText | None = None
    """The sender's own id of the message."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.events and self.event is None:
            raise ValueError('events: say in `event` what tells them apart, as in event = "{type}"')
        if self.event is not None and not self.events:
            raise ValueError('event: there are no `events` it could choose from; as in [source.settings.events."sync.failed"]')
        if self.is_mapped:
            _check("", self, self)
            for name in self.events:
                _check(f"events.{name}: ", self.of(name), self)
        return self

    def of(self, event: str) -> Reading:
        """What is read of a type of message."""
        own = self.events[event]
        return Reading.model_construct(**{name: _first(getattr(own, name), getattr(self, name)) for name in Reading.model_fields})

    @property
    def is_mapped(self) -> bool:
        """Whether anything of the mapping is set, so that nothing is guessed."""
        return bool(self.model_fields_set & (Reading.model_fields.keys() | {"event"}))


def _first(one: Any, other: Any) -> Any:
    return other if one is None else one


def _check(where: str, reading: Reading, settings: WebhookSettings) -> None:
    """What no single field shows. What only some events say is not asked of the source itself."""
    if settings.events and reading is settings:
        return
    if reading.identity is None and not reading.pipeline:
        raise ValueError(
            f"{where}identity: is missing: by what are a failure and its recovery known to be of the same thing? As in identity = "
            '{ job = "{data.job.id}" }, or set pipeline'
        )
    if reading.each is not None and reading.member is None and not _tells_items_apart(reading):
        raise ValueError(f"{where}each: what tells its items apart? Set member, or name a part of the item in identity")
    if reading.member is None and reading.member_label is not None:
        raise ValueError(f"{where}member_label: there is no member to give a name to")
    for name, allowed, known in (
        ("state", Outcome, lambda said: outcome(settings.states, said)),
        ("level", Level, lambda said: pick({**LEVELS, **settings.levels}, said)),
        ("category", Category, lambda said: pick({**CATEGORIES, **settings.categories}, said)),
    ):
        _check_constant(where, name, reading.told(name), known, [one.value for one in allowed])


def _check_constant(where: str, name: str, told: Text | None, known: Callable[[str], Any], allowed: list[str]) -> None:
    if told is not None and told.is_constant and known(told.constant) is None:
        raise ValueError(
            f"{where}{name}: {told.constant!r} is none of {', '.join(allowed)}; "
            f"what a message says is written in braces, as in {{{told.constant}}}"
        )


def _tells_items_apart(reading: Reading) -> bool:
    texts = list((reading.identity or {}).values()) if reading.identity is not None else [reading.pipeline or ""]
    return any(one.root is Root.HERE for written in texts for one in text(written).paths)
