"""The vocabulary every mapper speaks; the only thing a mapper may import from this project."""

from mappers.contract.draft import Category, Draft, Level, LogPointer, Member, State
from mappers.contract.inbound import BadBody, Capture, Headers, Inbound
from mappers.contract.mapped import FollowUp, Mapped, Phase, RunSignal, Unmapped
from mappers.contract.source import NO_DOCUMENTS, Documents, Example, SourceKind, SourceSettings
from mappers.contract.text import duration, parse_time

__all__ = [
    "NO_DOCUMENTS",
    "BadBody",
    "Capture",
    "Category",
    "Documents",
    "Draft",
    "Example",
    "FollowUp",
    "Headers",
    "Inbound",
    "Level",
    "LogPointer",
    "Mapped",
    "Member",
    "Phase",
    "RunSignal",
    "SourceKind",
    "SourceSettings",
    "State",
    "Unmapped",
    "duration",
    "parse_time",
]
