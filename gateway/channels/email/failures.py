"""How a mail can fail to leave, and whose fault that is."""

import re
from typing import Final

from mappers.contract.text import one_line

_ENHANCED: Final = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_ADDRESS: Final = frozenset({550, 551, 553})


class SendFailure(Exception):
    """A mail that was not accepted; `answer` is what the server said, or what went wrong, in one line."""

    def __init__(self, answer: str) -> None:
        self.answer = one_line(answer, 500)
        super().__init__(self.answer)


class TemporaryFailure(SendFailure):
    """Worth another attempt later: a 4xx, a connection lost while the mail was handed over, a misconfiguration of ours."""


class UnreachableFailure(TemporaryFailure):
    """No mail can be handed over at all: the server is gone, or does not let us in. No mail's own fault, and none was tried."""


class PermanentFailure(SendFailure):
    """The server will never take this mail for this recipient."""

    def __init__(self, answer: str, *, no_such_address: bool = False) -> None:
        """`no_such_address`: it will never take any mail for this recipient."""
        super().__init__(answer)
        self.no_such_address = no_such_address


def says_no_such_address(code: int, said: str) -> bool:
    """Whether a refused RCPT means that the address takes no mail, whatever the mail: it does not exist, moved, or is switched off.

    A full mailbox, a policy or a blocked sender is no such thing. https://www.rfc-editor.org/rfc/rfc3463#section-3.2
    """
    enhanced = _ENHANCED.search(said)
    if enhanced is None:
        return code in _NO_SUCH_ADDRESS
    subject, detail = int(enhanced[1]), int(enhanced[2])
    return (subject == 1 and detail in (0, 1, 2, 3, 6, 10)) or (subject, detail) == (2, 1)
