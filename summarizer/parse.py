"""Finds the answer in what a model wrote: a JSON object, whatever stands around it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_THOUGHTS: Final = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_TRIES: Final = 30


def find_object(text: str) -> Mapping[str, Any] | None:
    """The first JSON object that names a headline, or else the first one with anything in it; None where there is none."""
    text = _THOUGHTS.sub("", text) if "<think" in text else text
    decoder, first = json.JSONDecoder(), None
    at = text.find("{")
    for _ in range(_TRIES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and value:
            if "headline" in value:
                return value
            first = first or value
        at = text.find("{", end)
    return first
