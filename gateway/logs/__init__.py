"""What is written to the log: one line for each record, with the ids it is about, and without secrets."""

from gateway.logs.about import HEADER, about, begin_request, request_id
from gateway.logs.lines import set_up
from gateway.logs.masking import MASK, know, masked

__all__ = ["HEADER", "MASK", "about", "begin_request", "know", "masked", "request_id", "set_up"]
