"""Whether summaries are asked of a model at all."""

from typing import Final

VARIABLE: Final = "AUTO_GENERATE_LLM_FAILURE_SUMMARIES"
_YES: Final = frozenset({"true", "1", "yes"})


def is_on(said: str | None) -> bool:
    """Whether the variable's value switches summaries on: true, 1 or yes, in any case. Anything else is off."""
    return (said or "").strip().lower() in _YES
