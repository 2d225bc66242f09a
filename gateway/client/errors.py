"""What can go wrong between an application and Tocsin. Every error is a `TocsinError`; none holds the token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field."""

    place: str
    """Where: `body.category`, `query.limit`."""
    message: str
    """What is allowed there."""


class TocsinError(Exception):
    """The call was not done, or nobody knows whether it was."""

    def __init__(
        self, message: str, *, status: int | None = None, errors: tuple[FieldError, ...] = (), retry_after: float | None = None
    ) -> None:
        super().__init__("; ".join([message, *(f"{error.place}: {error.message}" for error in errors)]))
        self.status = status
        """The HTTP status; None where there was no answer."""
        self.errors = errors
        """Each refused field."""
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again, where it said so."""


class Unreachable(TocsinError):
    """No answer in time: whether it was done is not known. Sent again under the same idempotency key it is not done twice."""


class Unavailable(TocsinError):
    """Tocsin, or something in front of it, answered that it cannot now (429, 5xx). Try again later."""


class Unreadable(TocsinError):
    """The answer is not Tocsin's: a proxy's page, a redirect, something cut off. Look at TOCSIN_URL."""


class Refused(TocsinError):
    """Tocsin refused the call (4xx). Sending the same again does not help."""


class NotSignedIn(Refused):
    """401: the token is wrong, ended or expired."""


class NotAllowed(Refused):
    """403: the token or its person may not do this."""


class NotFound(Refused):
    """404: there is no such notification, or no such team of mine."""


class Conflict(Refused):
    """409: too late, or in the way of something else."""


class Invalid(Refused):
    """422: a field cannot be used; `errors` names each place and what is allowed."""
