"""Everybody who watches in this process: told within a moment when nothing else is going on, and no more often than it can be afforded."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from gateway.live.hint import BEAT, CHANGED, RESYNC, Hint
from gateway.metrics import WATCHING
from gateway.storage import watching
from gateway.storage.changes import EVERYTHING, NOTHING, Changes
from gateway.storage.database import Database, StorageUnavailable

BEAT_EVERY: Final = 15.0
"""Seconds between signs of life; a page that misses three of them says that it is stale."""
MOST: Final = 400
"""Streams of one process: what senders need of its connections stays free."""
MOST_OF_A_PERSON: Final = 16
DEAF_RESYNC: Final = 10.0
"""Seconds between looks at everything while changes elsewhere are not heard of."""
_AT_ONCE: Final = 40
"""People whose counts are read in one go."""
_GATHER: Final = 0.02
_REST: Final = 2.0
"""For each second of telling, so many of not telling."""
_LONGEST_REST: Final = 5.0
_TROUBLE: Final = 2.0
_log = logging.getLogger("tocsin.live")


class Full(Exception):
    """No more can watch."""


class Watcher:
    """One open stream."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self._hint: Hint | None = Hint(RESYNC)  # whatever happened since the page was made
        self._awake = asyncio.Event()
        self._awake.set()
        self._ended = False

    async def next(self) -> Hint | None:
        """The next hint, all that came since the last one in one; None at the end."""
        await self._awake.wait()
        self._awake.clear()
        hint, self._hint = self._hint, None
        return None if self._ended else hint

    def offer(self, hint: Hint) -> None:
        """Has something to tell, at once or as soon as it can be taken."""
        self._hint = self._hint.and_then(hint) if self._hint else hint
        self._awake.set()

    def end(self) -> None:
        """Ends the stream; whoever watches comes back."""
        self._ended = True
        self._awake.set()


class Hub:
    """Takes what changed, finds whom it concerns, and tells them. Its methods are for the event loop's thread."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._watchers: dict[int, set[Watcher]] = {}
        self._pending = NOTHING
        self._awake = asyncio.Event()
        self._hears, self._well = True, True

    def watch(self, user_id: int) -> Watcher:
        """Somebody begins to watch. Raises `Full`."""
        if sum(map(len, self._watchers.values())) >= MOST or len(self._watchers.get(user_id, ())) >= MOST_OF_A_PERSON:
            raise Full
        watcher = Watcher(user_id)
        self._watchers.setdefault(user_id, set()).add(watcher)
        WATCHING.inc()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Somebody watches no more."""
        WATCHING.dec()
        self._watchers[watcher.user_id].discard(watcher)
        if not self._watchers[watcher.user_id]:
            del self._watchers[watcher.user_id]

    def changed(self, changes: Changes) -> None:
        """This is other than before."""
        self._pending |= changes
        self._awake.set()

    def hearing(self, hears: bool) -> None:
        """Whether changes elsewhere are heard of from now on."""
        if hears and not self._hears:
            self.changed(EVERYTHING)
        self._hears = hears

    def close(self) -> None:
        """Ends every stream."""
        for watcher in self._everybody():
            watcher.end()

    async def run(self) -> None:
        """Tells, until cancelled."""
        await asyncio.gather(self._tell_for_ever(), self._beat_for_ever())

    async def _tell_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._awake.wait()
            await asyncio.sleep(_GATHER)
            self._awake.clear()
            changes, self._pending = self._pending, NOTHING
            began = loop.time()
            try:
                await self._tell(changes)
            except StorageUnavailable:
                self.changed(changes)
                await asyncio.sleep(_TROUBLE)
            except Exception:
                _log.exception("what changed could not be told; whoever watches looks at everything")
                self._offer(self._everybody(), Hint(RESYNC))
            await asyncio.sleep(min(_REST * (loop.time() - began), _LONGEST_REST))

    async def _tell(self, changes: Changes) -> None:
        if changes.everything:
            self._offer(self._everybody(), Hint(RESYNC))
            return
        concerned = await self._database.read(watching.concerned, changes, list(self._watchers))
        people = sorted(concerned)
        for start in range(0, len(people), _AT_ONCE):
            some = {user_id: concerned[user_id] for user_id in people[start : start + _AT_ONCE]}
            for user_id, seen in (await self._database.read(watching.seen, some, self._clock())).items():
                self._offer(self._watchers.get(user_id, ()), Hint(CHANGED, seen.ids, seen.unread))

    async def _beat_for_ever(self) -> None:
        """Says that all is well only where that is known: storage answers, and changes elsewhere are heard of."""
        deaf_for = 0.0
        while True:
            every = BEAT_EVERY if self._hears else DEAF_RESYNC
            await asyncio.sleep(every)
            try:
                await asyncio.wait_for(self._database.read(watching.answers), every)
                well = True
            except (StorageUnavailable, TimeoutError):
                well = False
            if well and not self._well:
                self.changed(EVERYTHING)
            self._well = well
            deaf_for = 0.0 if self._hears else deaf_for + every
            if deaf_for and well:
                self.changed(EVERYTHING)
            self._offer(self._everybody(), Hint(BEAT, well=well))

    def _everybody(self) -> list[Watcher]:
        return [watcher for watchers in self._watchers.values() for watcher in watchers]

    @staticmethod
    def _offer(watchers: Iterable[Watcher], hint: Hint) -> None:
        for watcher in list(watchers):
            watcher.offer(hint)
