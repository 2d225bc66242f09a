"""What `tocsin serve` says when it starts."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.provision.first_start import Credentials, FirstStart


def welcome(environment: "Environment", first: "FirstStart | None", link: str | None) -> str:
    """Where to look, and on a first start what to try."""
    base = environment.base_url
    lines = ["", f"Tocsin listens on http://{environment.listen}", ""]
    if link:
        lines += ["  Sign in (this link works once, for a day):", f"    {link}", ""]
    else:
        lines += [f"  The page:  {base}/    (a link to sign in: {_program()} sign-in-link)", ""]
    if first:
        lines += ["  Point your senders here. These credentials are shown now and never again:", ""]
        width = max(len(source.title) for source in first.sources)
        for source in first.sources:
            lines.append(f"    {source.title:<{width}}  {source.url(base)}")
            if source.instruction:
                lines.append(f"    {'':<{width}}  {source.instruction}")
        lines += ["", "  Ring the bell:", "", *_curl(next(one for one in first.sources if one.kind == "prefect"), base), ""]
        lines += ["  Or play captured requests of every kind through the door, from another terminal:  make demo", ""]
    if environment.smtp_url is None:
        lines += [f"  No mail server is configured (TOCSIN_SMTP_URL): mail is kept and readable at {base}/mail", ""]
    return "\n".join(lines)


def _program() -> str:
    """How this program was called, so that a hint can be typed as it stands."""
    called = Path(sys.argv[0])
    if called.name != "tocsin":
        return "tocsin"
    return os.path.relpath(called) if called.is_absolute() and Path.cwd() in called.parents else str(called)


def _curl(source: "Credentials", base: str) -> list[str]:
    body = {"body": "Flow run nightly-orders with id 7f3f6f1e-6c53-4b0b-9e5e-2f6a8d3f1c11 entered state Failed"}
    return [f"    curl -X POST {source.url(base)} \\", f"      -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"]
