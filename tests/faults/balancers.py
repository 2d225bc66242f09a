"""HAProxy and nginx as they are documented: the very files of `deploy/`, with addresses of the loopback in the place of examples."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, call, eventually, free_port

HAPROXY, NGINX = ROOT / "deploy" / "haproxy" / "haproxy.cfg", ROOT / "deploy" / "nginx" / "tocsin.conf"
_EXAMPLES = ("192.0.2.11:8080", "192.0.2.12:8080")
_AROUND = """
daemon off;
pid {directory}/pid;
error_log {directory}/log warn;
worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/tocsin.conf;
}}
"""


def program(name: str) -> str:
    """Where it is; skips the test where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextlib.contextmanager
def haproxy(directory: Path, ports: Sequence[int]) -> Iterator[int]:
    """Before the gateways on these ports; gives its own port."""
    port, configured = free_port(), directory / "haproxy.cfg"
    configured.write_text(_filled_in(HAPROXY, "bind :8080", f"bind 127.0.0.1:{port}", ports), encoding="utf-8")
    with _running([program("haproxy"), "-db", "-f", str(configured)], directory / "haproxy.log", port):
        yield port


@contextlib.contextmanager
def nginx(directory: Path, ports: Sequence[int]) -> Iterator[int]:
    """The same with nginx."""
    port = free_port()
    around = written_for_nginx(directory, _filled_in(NGINX, "listen 8080", f"listen 127.0.0.1:{port}", ports))
    with _running([program("nginx"), "-c", str(around), "-e", "stderr"], directory / "nginx.log", port):
        yield port


def written_for_nginx(directory: Path, configuration: str) -> Path:
    """A whole configuration of nginx around the one file that is ours."""
    place = directory / "nginx"
    place.mkdir()
    (place / "tocsin.conf").write_text(configuration, encoding="utf-8")
    around = place / "nginx.conf"
    around.write_text(("user root;" if os.geteuid() == 0 else "") + _AROUND.format(directory=place), encoding="utf-8")
    return around


def _filled_in(file: Path, listens: str, there: str, ports: Sequence[int]) -> str:
    text = file.read_text(encoding="utf-8")
    for said, meant in ((listens, there), *zip(_EXAMPLES, (f"127.0.0.1:{port}" for port in ports), strict=True)):
        text, times = re.subn(rf"{re.escape(said)}\b", meant, text)
        assert times == 1 or said == listens, said
    return text


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        eventually(lambda: process.poll() is not None or _serves(port), 20)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _serves(port: int) -> bool:
    try:
        return call(f"http://127.0.0.1:{port}/healthz").status == 200
    except OSError:
        return False
