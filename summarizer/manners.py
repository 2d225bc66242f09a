"""How a server wants to be asked: by JSON schema, by JSON mode or by plain text, and without the parameters that it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final


class Mode(StrEnum):
    """The rungs of the ladder, best first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TEXT = "text"


_RUNGS: Final = list(Mode)


@dataclass(frozen=True)
class Manners:
    """What a server has been found to take. It starts with the best and only ever asks for less."""

    mode: Mode = Mode.SCHEMA
    limit: str | None = "max_completion_tokens"
    temperature: bool = True
    system: bool = True

    def request(self, system: str, question: str, schema: Mapping[str, Any], most: int) -> dict[str, Any]:
        """The parameters of a chat completion."""
        parts: dict[str, Any] = {"messages": self._messages(system, question)}
        if self.mode is Mode.SCHEMA:
            parts["response_format"] = {"type": "json_schema", "json_schema": {"name": "failure_summary", "schema": schema, "strict": True}}
        elif self.mode is Mode.OBJECT:
            parts["response_format"] = {"type": "json_object"}
        if self.limit:
            parts[self.limit] = most
        if self.temperature:
            parts["temperature"] = 0
        return parts

    def after_refusal(self, said: str) -> "Manners | None":
        """How to ask after a 400 that said this; None where nothing is left to leave out."""
        low = said.lower()
        if self.system and ("system role" in low or "roles must alternate" in low or "role 'system'" in low):
            return replace(self, system=False)
        if self.temperature and "temperature" in low:
            return replace(self, temperature=False)
        # which of the two a server takes depends on the model: https://platform.openai.com/docs/api-reference/chat/create
        if self.limit == "max_completion_tokens" and "max_completion_tokens" in low:
            return replace(self, limit="max_tokens")
        if self.limit == "max_tokens" and "max_tokens" in low:
            return replace(self, limit=None)
        if self.mode is not Mode.TEXT:
            return replace(self, mode=_RUNGS[_RUNGS.index(self.mode) + 1])
        if self.limit or self.temperature or self.system:
            return Manners(Mode.TEXT, None, temperature=False, system=False)
        return None

    def _messages(self, system: str, question: str) -> list[dict[str, str]]:
        if self.system:
            return [{"role": "system", "content": system}, {"role": "user", "content": question}]
        return [{"role": "user", "content": f"{system}\n\n{question}"}]
