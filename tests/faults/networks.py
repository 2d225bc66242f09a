"""Machines of a cluster as network namespaces: each has a link to the senders and one to the database, which can be cut."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

HUB, DATABASE, *GATEWAYS = "hub", "db", "a", "b"
HERE: Final = 1
"""The last number of this machine's own address in each network."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A database, two gateways, and us; nothing runs yet."""

    name: str
    net: str

    def within(self, machine: str) -> tuple[str, ...]:
        """The command that runs another on this machine."""
        return ("ip", "netns", "exec", self._space(machine))

    def behind(self, machine: str) -> str:
        """Its address in the network of the database."""
        return f"{self.net}.0.{HERE + 1 + (DATABASE, *GATEWAYS).index(machine)}"

    def before(self, machine: str, end: int = 2) -> str:
        """A gateway's address in the network of its senders, or ours (`HERE`)."""
        return f"{self.net}.{1 + GATEWAYS.index(machine)}.{end}"

    @contextlib.contextmanager
    def cut(self, machine: str) -> Iterator[None]:
        """While the block runs nothing passes between this machine and the database, and nobody is told."""
        self._hub("link", "set", f"to-{machine}", "down")
        try:
            yield
        finally:
            self._hub("link", "set", f"to-{machine}", "up")

    def build(self) -> None:
        """All links. Raises `CalledProcessError` where that is not permitted."""
        for machine in (HUB, DATABASE, *GATEWAYS):
            _ip("netns", "add", self._space(machine))
            _ip("-n", self._space(machine), "link", "set", "lo", "up")
        self._hub("link", "add", "bridge", "type", "bridge")
        self._hub("link", "set", "bridge", "up")
        for machine in (DATABASE, *GATEWAYS):
            self._plug(machine, "-n", self._space(machine), link="back")
            _ip("-n", self._space(machine), "addr", "add", f"{self.behind(machine)}/24", "dev", "back")
            _ip("-n", self._space(machine), "link", "set", "back", "up")
        self._plug("us", link=f"{self.name}-0")
        self._ours(f"{self.name}-0", f"{self.net}.0.{HERE}/24")
        for number, machine in enumerate(GATEWAYS, 1):
            _ip("link", "add", f"{self.name}-{number}", "type", "veth", "peer", "name", "front", "netns", self._space(machine))
            self._ours(f"{self.name}-{number}", f"{self.before(machine, HERE)}/24")
            _ip("-n", self._space(machine), "addr", "add", f"{self.before(machine)}/24", "dev", "front")
            _ip("-n", self._space(machine), "link", "set", "front", "up")
            _ip("-n", self._space(machine), "route", "add", "default", "via", self.before(machine, HERE))

    def tear_down(self) -> None:
        """Whatever of it is there. The links go with the namespaces."""
        for machine in (HUB, DATABASE, *GATEWAYS):
            subprocess.run(["ip", "netns", "del", self._space(machine)], capture_output=True, check=False)

    def _plug(self, machine: str, *there: str, link: str) -> None:
        """A cable from this link to the hub."""
        _ip(*there, "link", "add", link, "type", "veth", "peer", "name", f"to-{machine}", "netns", self._space(HUB))
        self._hub("link", "set", f"to-{machine}", "master", "bridge")
        self._hub("link", "set", f"to-{machine}", "up")

    def _ours(self, link: str, address: str) -> None:
        _ip("addr", "add", address, "dev", link)
        _ip("link", "set", link, "up")

    def _space(self, machine: str) -> str:
        return f"{self.name}-{machine}"

    def _hub(self, *arguments: str) -> None:
        _ip("-n", self._space(HUB), *arguments)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True, timeout=20)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Skips the test where namespaces cannot be had."""
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed")
    made = Cluster(f"ts{os.getpid() % 100_000}", f"10.{100 + os.getpid() % 100}")
    try:
        try:
            made.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not permitted here: {error.stderr.strip()}")
        yield made
    finally:
        made.tear_down()
