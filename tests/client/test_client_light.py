"""Importing the client brings nothing of the gateway."""

import json
import subprocess
import sys

HEAVY = {"sqlalchemy", "alembic", "psycopg", "pydantic", "pydantic_settings", "aiohttp", "aiosmtplib", "jinja2", "cryptography"}


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has imported after this."""
    code = f"import sys, json; {statement}; print(json.dumps(list(sys.modules)))"
    found: list[str] = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    return set(found)


def test_importing_the_client_brings_neither_the_server_nor_its_database() -> None:
    found = modules_after("import gateway.client")
    ours = {name for name in found if name.split(".")[0] in ("gateway", "mappers")}
    assert "gateway.client.blocking" in ours
    assert all(name == "gateway" or name.startswith("gateway.client") for name in ours), ours
    assert not {name.split(".")[0] for name in found} & (HEAVY | {"httpx2"}), "httpx2 comes with the first client that is made"


def test_making_a_client_brings_neither_the_server_nor_its_database() -> None:
    found = modules_after("from gateway.client import Tocsin; Tocsin('http://tocsin.example', 'x').close()")
    assert "httpx2" in found
    assert not {name.split(".")[0] for name in found} & HEAVY


def test_the_command_line_starts_without_the_client() -> None:
    assert "gateway.client" not in modules_after("import gateway.cli")
