"""Handing a composed mail to a mail server over one connection that is kept open.

connect ── MAIL ── RCPT ── DATA ── 250
   a kept connection that     from here on nothing is tried again within the attempt:
   turns out dead is made     the server may have taken the mail although its answer was lost
   anew, once
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from gateway.channels.email.failures import PermanentFailure, SendFailure, TemporaryFailure, UnreachableFailure, says_no_such_address
from gateway.channels.email.smtp_url import Security, SmtpUrl
from mappers.contract.text import one_line

if TYPE_CHECKING:
    import ssl

    import aiosmtplib

_OUR_FAULT: Final = frozenset({530, 534, 535, 538})
"""Refusals of our credentials (RFC 4954): an admin can mend them, so no mail is given up for them."""


class _DroppedError(Exception):
    """The kept connection was dead."""


class Connection:
    """One connection to a mail server. Sends one mail at a time; `send` may be called concurrently."""

    def __init__(
        self,
        url: SmtpUrl,
        *,
        command_seconds: float = 10.0,
        content_seconds: float = 60.0,
        idle_seconds: float = 30.0,
        tls_context: "ssl.SSLContext | None" = None,
    ) -> None:
        """`command_seconds` bounds connecting and each answer, `content_seconds` the answer to a whole mail.

        The latter is longer because servers scan a mail before they answer, and giving up on one that was accepted
        sends it twice. A connection unused for `idle_seconds` is not trusted any more.
        """
        self._url = url
        self._command_seconds = command_seconds
        self._content_seconds = content_seconds
        self._idle_seconds = idle_seconds
        self._tls_context = tls_context
        self._client: aiosmtplib.SMTP | None = None
        self._used_at = 0.0
        self._lock = asyncio.Lock()

    async def send(self, sender: str, recipient: str, raw: bytes) -> str:
        """The server's answer once it has accepted `raw`; both addresses are checked already. Raises a `SendFailure`."""
        async with self._lock:
            try:
                return await self._transaction(sender, recipient, raw)
            except SendFailure:
                raise
            except BaseException:
                self._drop()
                raise
            finally:
                self._used_at = asyncio.get_running_loop().time()

    async def greet(self) -> str:
        """Connects, encrypts and signs in; gives what the server calls itself. Raises `UnreachableFailure`."""
        async with self._lock:
            client, _ = await self._connection()
            try:
                await client.ehlo()
            except Exception as error:
                self._drop()
                raise UnreachableFailure(f"{self._url}: {error}") from error
            return one_line(client.last_ehlo_response.message.splitlines()[0], 200) if client.last_ehlo_response else ""

    async def close(self) -> None:
        """Ends the connection politely, within a second."""
        async with self._lock:
            await self._quit()

    async def _transaction(self, sender: str, recipient: str, raw: bytes) -> str:
        import aiosmtplib
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_fixed

        retrying = AsyncRetrying(
            stop=stop_after_attempt(2), wait=wait_fixed(0.1), retry=retry_if_exception_type(_DroppedError), reraise=True
        )
        client: aiosmtplib.SMTP = await retrying(self._envelope, sender, recipient, raw)
        try:
            response = await client.data(raw, timeout=self._content_seconds)
        except aiosmtplib.SMTPResponseException as error:
            await self._refuse(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._drop()
            raise TemporaryFailure(f"{self._url}: the connection failed while the mail was handed over: {error}") from error
        return one_line(f"{response.code} {response.message}", 500)

    async def _envelope(self, sender: str, recipient: str, raw: bytes) -> "aiosmtplib.SMTP":
        """A connection that waits for the content of this mail."""
        import aiosmtplib

        client, kept = await self._connection()
        try:
            options = await self._options(client, sender, recipient, raw)
            encoding = "utf-8" if options else "ascii"
            await client.mail(sender, options=options, encoding=encoding)
            await client.rcpt(recipient, encoding=encoding)
        except aiosmtplib.SMTPResponseException as error:
            if kept and error.code == 421:
                self._drop()
                raise _DroppedError from error
            of_recipient = isinstance(error, aiosmtplib.SMTPRecipientRefused)
            await self._refuse(error.code, error.message, ours=not of_recipient and error.code != 552, of_recipient=of_recipient)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._drop()
            if kept:
                raise _DroppedError from error
            raise UnreachableFailure(f"{self._url}: {error}") from error
        return client

    async def _options(self, client: "aiosmtplib.SMTP", sender: str, recipient: str, raw: bytes) -> list[str]:
        """What MAIL must ask for: nothing, or SMTPUTF8 (RFC 6531) where an address or a header is not ASCII."""
        if sender.isascii() and recipient.isascii() and raw.partition(b"\r\n\r\n")[0].isascii():
            return []
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        if not client.supports_extension("smtputf8"):
            raise PermanentFailure(f"{self._url} does not offer SMTPUTF8, which an address with letters outside ASCII needs")
        return ["SMTPUTF8", "BODY=8BITMIME"]

    async def _connection(self) -> "tuple[aiosmtplib.SMTP, bool]":
        """(the connection, whether it was kept from an earlier mail)."""
        if self._client is not None and self._client.is_connected:
            if asyncio.get_running_loop().time() - self._used_at < self._idle_seconds:
                return self._client, True
            await self._quit()
        import aiosmtplib

        client = aiosmtplib.SMTP(
            hostname=self._url.host,
            port=self._url.port,
            username=self._url.username or None,
            password=self._url.password or None,
            timeout=self._command_seconds,
            use_tls=self._url.security is Security.TLS,
            start_tls=self._url.security is Security.STARTTLS,
            tls_context=self._tls_context,
        )
        try:
            # looking up our own name has no timeout of its own
            async with asyncio.timeout(3 * self._command_seconds):
                await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise UnreachableFailure(f"{self._url} refused our user or password: {error.code} {error.message}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise UnreachableFailure(f"{self._url}: {error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise UnreachableFailure(f"{self._url}: {str(error) or 'no answer in time'}") from error
        self._client = client
        return client, False

    async def _refuse(self, code: int, said: str, *, ours: bool = False, of_recipient: bool = False) -> NoReturn:
        """Raises what a refusal means, and leaves the connection fit for the next mail. `ours`: not this mail's fault."""
        if self._client is not None:
            try:
                await self._client.rset()
            except Exception:
                self._drop()
        answer = f"{code} {said}" if code > 0 else said
        if 500 <= code < 600 and code not in _OUR_FAULT and not ours:
            raise PermanentFailure(answer, no_such_address=of_recipient and says_no_such_address(code, said))
        raise UnreachableFailure(answer) if code == 421 else TemporaryFailure(answer)

    async def _quit(self) -> None:
        if self._client is not None and self._client.is_connected:
            with suppress(Exception):
                await self._client.quit(timeout=1.0)
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
