"""What one process of a machine tells another: whole lines, and never a process that waits."""

import os
from collections.abc import Iterator

import pytest

from gateway.live.pipe import Hearer, Speaker
from gateway.storage.changes import EVERYTHING, MOST, Changes


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_what_is_told_is_heard(pipe: tuple[int, int]) -> None:
    heard: list[Changes] = []
    speaker, hearer = Speaker(pipe[1]), Hearer(pipe[0], heard.append)
    said = [Changes(threads=frozenset({1, 2})), Changes(people=frozenset({7})), EVERYTHING]
    for one in said:
        speaker.tell(one)
    hearer.read()
    hearer.read()  # nothing is there
    assert heard == said


def test_a_line_that_comes_in_parts_is_one(pipe: tuple[int, int]) -> None:
    heard: list[Changes] = []
    hearer = Hearer(pipe[0], heard.append)
    os.write(pipe[1], b'{"threads":[1],"peo')
    hearer.read()
    os.write(pipe[1], b'ple":[]}\nnot a line of ours\n')
    hearer.read()
    assert heard == [Changes(threads=frozenset({1})), EVERYTHING]


def test_a_full_pipe_loses_nothing(pipe: tuple[int, int]) -> None:
    speaker, heard = Speaker(pipe[1]), list[Changes]()
    for number in range(10_000):
        speaker.tell(Changes(threads=frozenset(range(number, number + 100))))
    hearer = Hearer(pipe[0], heard.append)
    before = -1
    while len(heard) > before:
        before = len(heard)
        hearer.read()
    speaker.tell(Changes(people=frozenset({1})))
    hearer.read()
    assert heard[-1] == EVERYTHING, "what did not fit in is told as everything"


def test_a_line_is_never_longer_than_a_pipe_takes_at_once() -> None:
    many = Changes(threads=frozenset(range(10**18, 10**18 + MOST)))
    assert len(many.written()) < 4096
    assert Changes.read(many.written()) == EVERYTHING
    few = Changes(threads=frozenset({1, 2}), people=frozenset({3}))
    assert Changes.read(few.written()) == few
