"""The one place that says what the measured gateway is configured with."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.bench.knobs import PEOPLE

ROOT: Final = Path(__file__).parent.parent.parent
SECRET: Final = "bench-secret-0123456789"
PATH: Final = "/webhooks/acme/prefect"
HMAC: Final = 'auth = { hmac = { header = "X-Signature", secrets = ["env:BENCH_SECRET"] } }'
BEARER: Final = 'auth = { bearer = ["env:BENCH_SECRET"] }'
AUTH: Final = {"hmac": HMAC, "bearer": BEARER}
LIMITS: Final = "settings = { rate = 100_000, burst = 1_000_000 }"
"""As far as they can be raised: it is not the limiter that is measured."""
TEAM: Final = '[[team]]\nslug = "acme"\n\n[[source]]\nteam = "acme"\nslug = "prefect"\nkind = "prefect"\n{auth}\n{limits}\n'
USER: Final = '\n[[user]]\nemail = "{email}"\ntoken = "{token}"\nteams = {{ acme = {{ role = "admin" }} }}\n'
SUBSCRIPTION: Final = '\n[[subscription]]\nteam = "acme"\nuser = "{email}"\ncategory = "job_failure"\nemail = {mail}\n'


def token(number: int) -> str:
    """The API token of this person."""
    return f"bench-token-of-person-{number:04}"


def document(scheme: str, *, mail: bool) -> str:
    """`tocsin.toml` with one team, one source and ten people who hear of everything."""
    people = [(f"person-{number}@acme.test", token(number)) for number in range(PEOPLE)]
    users = [USER.format(email=email, token=secret) for email, secret in people]
    subscriptions = [SUBSCRIPTION.format(email=email, mail=str(mail).lower()) for email, _ in people]
    return "".join([TEAM.format(auth=AUTH[scheme], limits=LIMITS), *users, *subscriptions])


def variables(directory: Path, database_url: str, port: int) -> dict[str, str]:
    """The environment of a measured gateway: nothing of the caller's own `TOCSIN_…`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "BENCH_SECRET": SECRET,
        "TOCSIN_CONFIG": str(directory / "tocsin.toml"),
        "TOCSIN_DATABASE_URL": database_url,
        "TOCSIN_LISTEN": f"127.0.0.1:{port}",
        "TOCSIN_SECRET_KEY": "bench-key-for-nothing-but-measuring-0123456789",
    }


def command(directory: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `tocsin` with these arguments to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def believed(directory: Path) -> str:
    """The scheme to measure with: `hmac`, or `bearer` (said aloud) where Prefect's kind does not take signatures."""
    (directory / "tocsin.toml").write_text(document("hmac", mail=False), encoding="utf-8")
    tried = command(directory, variables(directory, f"sqlite:///{directory / 'tried.db'}", 0), "apply")
    if tried.returncode == 0:
        return "hmac"
    sys.stderr.write(f"Signatures cannot be measured, a bearer token is used instead: {tried.stderr.strip().splitlines()[-1]}\n")
    return "bearer"
