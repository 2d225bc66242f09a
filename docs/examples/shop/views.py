"""A view: one person is told that what they asked for is there."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from shop.notify import aside, tocsin


@require_POST
def export(request: HttpRequest, year: int) -> HttpResponse:
    # While ana has not read that one, the same again is skipped.
    tell = partial(
        tocsin().notify_user, request.POST["email"], f"Your export of {year} is ready", url=f"/exports/{year}", level="success",
        source_app="shop", source_model="Export", source_id=year,
    )  # fmt: skip
    aside(tell)  # the answer does not wait for it
    return HttpResponse(status=202)
