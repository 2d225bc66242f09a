"""A real mail server from Debian, on high ports of the loopback, that keeps what it accepts."""

import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.channels.email.mail_server import certificate, free_port

MAIN = """
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mail.acme.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
relayhost =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = acme.test, xn--bcher-kva.example
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = texthash:{home}/people
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtputf8_enable = yes
smtpd_recipient_restrictions = check_recipient_access texthash:{home}/access, reject_unauth_destination
smtpd_tls_chain_files = {home}/chain.pem
smtpd_tls_security_level = may
smtpd_tls_loglevel = 0
message_size_limit = 200000
"""
MASTER = """
127.0.0.1:{plain} inet n - n - - smtpd
127.0.0.1:{wrapped} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
PEOPLE = ("ana", "ben", "zoë", *(f"user{number}" for number in range(50)))


@dataclass
class Postfix:
    """Where it listens and what it took."""

    home: Path
    plain: int
    wrapped: int
    trusted: ssl.SSLContext

    def mails(self, person: str) -> list[bytes]:
        """The mails of a person, in the order they came."""
        folder = self.home / "mail" / person / "new"
        return [file.read_bytes() for file in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)] if folder.is_dir() else []

    def wait_for(self, person: str, number: int) -> list[bytes]:
        """The same, once there are so many."""
        deadline = time.monotonic() + 30
        while len(mails := self.mails(person)) < number:
            assert time.monotonic() < deadline, (self.home / "log").read_text(encoding="utf-8")[-3000:]
            time.sleep(0.05)
        return mails


@contextmanager
def postfix() -> Iterator[Postfix]:
    """A running server. Needs root and the package `postfix`."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-postfix-"))
    home.chmod(0o755)
    try:
        server = _configured(home)
        command = ["/usr/sbin/postfix", "-c", str(home / "etc")]
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60)
        try:
            for port in (server.plain, server.wrapped):
                _until_it_answers(port)
            yield server
        finally:
            subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=60)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def is_there() -> bool:
    """Whether such a server can be started here."""
    return os.access("/usr/sbin/postfix", os.X_OK) and os.geteuid() == 0


def _configured(home: Path) -> Postfix:
    for folder in ("etc", "spool", "data", "mail"):
        (home / folder).mkdir()
    nobody = pwd.getpwnam("nobody")
    user = nobody.pw_uid, nobody.pw_gid
    shutil.chown(home / "data", "postfix")
    os.chown(home / "mail", *user)
    _, trusted = certificate(home)
    certified, mark, key = (home / "server.pem").read_text(encoding="ascii").partition("-----BEGIN PRIVATE KEY-----")
    (home / "chain.pem").write_text(mark + key + certified, encoding="ascii")  # it wants the key first
    plain, wrapped = free_port(), free_port()
    people = "".join(f"{name}@acme.test {name}/\n" for name in PEOPLE) + "zoë@xn--bcher-kva.example zoë/\n"
    access = "gone@acme.test 550 5.1.1 no such person\nfull@acme.test 452 4.2.2 mailbox full\npolicy@acme.test 550 5.7.1 not from you\n"
    (home / "people").write_text(people, encoding="utf-8")
    (home / "access").write_text(access, encoding="utf-8")
    (home / "etc" / "main.cf").write_text(MAIN.format(home=home, uid=user[0], gid=user[1]), encoding="utf-8")
    (home / "etc" / "master.cf").write_text(MASTER.format(plain=plain, wrapped=wrapped), encoding="utf-8")
    return Postfix(home, plain, wrapped, trusted)


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
