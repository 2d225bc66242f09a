"""From fields to what they mean: one notice, with its state, level, identity and texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mappers.contract import Category, Inbound, Level, Unmapped
from mappers.generic.fields import NOTHING, REST, Fields
from mappers.generic.sentence import Sentence, loudest, sentence
from mappers.generic.values import long_text, scalars_of, text_of, texts_of, time_of
from mappers.generic.words import ACKNOWLEDGED, Sense, Word, category_of, is_late, level_of, state_word

_FAILED: Final = Word(Sense.FAILING, "failed")
_SUCCEEDED: Final = Word(Sense.FINE, "succeeded")
_NOT_WELL: Final = Word(Sense.FAILING, "is failing")
_WELL: Final = Word(Sense.FINE, "recovered")
_TOLD: Final = Word(Sense.NOTE, level=Level.INFO)
_LOUD: Final = (None, Level.WARNING, Level.ERROR)
_MOST_FACTS: Final = 12


@dataclass(frozen=True)
class Notice:
    """What one message says."""

    word: Word
    level: Level
    category: Category
    name: str
    identity: dict[str, str | int | bool]
    title: str
    message: str
    facts: dict[str, str]
    pipeline: str
    run: str
    at: datetime | None
    since: datetime | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else it says, by our names."""


def read(message: Fields | str, inbound: Inbound) -> Notice:
    """The meaning of a message. Raises `Unmapped` where it says nothing, or a state nobody knows."""
    fields = _of_text(message) if isinstance(message, str) else message
    if set(fields) == {"message"}:
        fields = _of_text(long_text(fields["message"]))
    if not fields.keys() - {REST, "environment", "at", "host", "level"}:
        raise Unmapped("the request says nothing of ours: neither a name nor a status nor a message")
    word = _word(fields)
    if word is _TOLD and fields.get("cut") is True and "level" not in fields:
        raise Unmapped("the body is cut off before it says a state")
    if word is _TOLD and (found := _failing_sentence(fields)):
        word, fields = found.word, {"name": found.name, **fields, "closes": True}
    pipeline, run = text_of(fields.get("pipeline"), 200), text_of(fields.get("run"), 200)
    name = _name(fields, word)
    if word.sense is Sense.NOTE and "name" not in fields:
        name = text_of(fields.get("title"), 120) or _first_line(fields) or name
    return Notice(
        word=word,
        level=_level(word, fields),
        category=_category(fields, inbound, is_job=bool(run or pipeline)),
        name=name,
        identity=_identity(fields, name, is_job=bool(run or pipeline or "exitcode" in fields)),
        title=text_of(fields.get("title"), 200) or _title(word, name, fields),
        message=_message(fields),
        facts=_facts(fields),
        pipeline=pipeline or (name if fields.keys() & {"name", "key", "id", "host"} else ""),
        run=run,
        at=time_of(fields.get("at")),
        since=time_of(fields.get("since")),
        fields=fields,
    )


def _name(fields: Fields, word: Word) -> str:
    """What it is about. Of a title or a message that tells its state as well, the part before it: the recovery's has another state."""
    named = next((said for key in ("name", "pipeline", "key") if (said := text_of(fields.get(key), 200))), "")
    if not named and fields.get("closes") is not True:
        told = (sentence(long_text(fields.get(key))) for key in ("title", "message"))
        named = next((said.name for said in told if said and said.word.sense is word.sense), "")
    return named or next((said for key in ("title", "id", "host") if (said := text_of(fields.get(key), 200))), "")


def read_each(all_of_them: list[Fields | str], inbound: Inbound) -> list[Notice]:
    """Several messages at once: one that is not understood becomes a warning, so that it neither holds up the others nor is lost."""
    if len(all_of_them) == 1:
        return [read(all_of_them[0], inbound)]
    notices: list[Notice] = []
    for number, message in enumerate(all_of_them, 1):
        try:
            notices.append(read(message, inbound))
        except Unmapped as unmapped:
            title = f"Message {number} of a list was not understood"
            notices.append(read({"status": "note", "level": "warning", "title": title, "message": unmapped.reason}, inbound))
    return notices


def _failing_sentence(fields: Fields) -> Sentence | None:
    """`{"title": "backup failed"}`: what a title or a message says where no field says a state."""
    said = sentence(long_text(fields.get("title")) or long_text(fields.get("message")))
    return said if said and said.word.sense is Sense.FAILING and level_of(text_of(fields.get("level"), 80)) in _LOUD else None


def _of_text(text: str) -> Fields:
    if said := sentence(text):
        return {"name": said.name, "status": said.status, "message": text, "closes": True}
    loud = loudest(text)
    if text[:20].strip().lower() in NOTHING or not any(character.isalnum() for character in text[:2000]):
        return {}
    return {"message": text, "status": "note", **({"level": loud.level.value} if loud and loud.sense is Sense.FAILING else {})}


def _word(fields: Fields) -> Word:
    """The state: a word, else a yes or no, else an exit or an HTTP status; without any of them it is a note."""
    status = text_of(fields.get("status"), 200)
    if fields.get("willretry") is True:
        return Word(Sense.RETRYING)
    if status and (known := state_word(status)):
        # Nagios says the state as it still is.
        return ACKNOWLEDGED if state_word(text_of(fields.get("hint"), 200)) is ACKNOWLEDGED else known
    if isinstance(fields.get("bad"), bool) or isinstance(fields.get("good"), bool):
        return _NOT_WELL if fields.get("bad") is True or fields.get("good") is False else _WELL
    exit_code, http_status = text_of(fields.get("exitcode")), text_of(fields.get("httpstatus")) or status
    if exit_code.lstrip("-").isdecimal():
        return _SUCCEEDED if not exit_code.strip("-0") else _FAILED
    if http_status.isdecimal() and len(http_status) == 3:
        return _NOT_WELL if http_status >= "400" else _WELL
    if status:
        raise Unmapped(f"unknown status {status[:80]!r}: say one that is known, as in failed, down, warning, ok, up, running, info")
    return state_word(text_of(fields.get("hint"), 200)) or _TOLD


def _level(word: Word, fields: Fields) -> Level:
    said = text_of(fields.get("level"), 80)
    if word.sense is Sense.FINE:
        return Level.SUCCESS
    known = level_of(said)
    if word.sense is Sense.FAILING:
        return (Level.ERROR if known is Level.SUCCESS else known or Level.ERROR) if said else word.level
    return known or (Level.ERROR if "error" in fields else word.level)


def _category(fields: Fields, inbound: Inbound, *, is_job: bool) -> Category:
    said = category_of(text_of(fields.get("category")))
    if said is None and is_late(text_of(fields.get("status"))):
        said = Category.LATE_RUN
    default: Category | None = getattr(inbound.settings, "category", None)
    return said or default or (Category.JOB_FAILURE if is_job else Category.INCIDENT)


def _identity(fields: Fields, name: str, *, is_job: bool) -> dict[str, str | int | bool]:
    """What is said to be it, else the key, else the name with what it is a part of. Where a job ran is not what it is."""
    if own := scalars_of(fields.get("eventdata")):
        return own
    if key := text_of(fields.get("key")):
        return {"key": key}
    identity: dict[str, str | int | bool] = {"name": name}
    for part in ("pipeline", *(() if is_job else ("host",))):
        said = text_of(fields.get(part))
        if said and said != name:
            identity[part] = said
    return identity


def _title(word: Word, name: str, fields: Fields) -> str:
    if word.sense is Sense.NOTE:
        return name or "A message without text"
    host = text_of(fields.get("host"), 100)
    where = f" on {host}" if host and host != name and not fields.keys() & {"run", "pipeline", "exitcode"} else ""
    return f"{name or 'An unnamed check'}{where} {word.said or 'changed'}"


def _first_line(fields: Fields) -> str:
    return text_of(next((line for line in long_text(fields.get("message")).splitlines() if line.strip()), ""), 120)


def _message(fields: Fields) -> str:
    said = [long_text(fields.get(name)).strip() for name in ("message", "error")]
    return "\n\n".join(dict.fromkeys(text for text in said if text)) or long_text(fields.get("log"))[-2000:]


def _facts(fields: Fields) -> dict[str, str]:
    """What else is said, as it is called there."""
    known = {
        "Exit code": text_of(fields.get("exitcode")),
        "HTTP status": text_of(fields.get("httpstatus")),
        "Host": text_of(fields.get("host")),
    }
    if not category_of(text_of(fields.get("category"))):
        known["Category"] = text_of(fields.get("category"))
    rest = {**known, **texts_of(fields.get("facts")), **texts_of(fields.get(REST))}
    return dict([(label, text) for label, text in rest.items() if text][:_MOST_FACTS])
