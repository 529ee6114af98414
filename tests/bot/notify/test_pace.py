"""Nothing is told more than once a minute, urgent news within seconds, a burst as few messages, and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.notify.kinds import Kind, Loudness
from bot.notify.notice import Notice
from bot.notify.pace import BURST, KEYS_MOST, Batch, Pacer

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LEVELS = st.sampled_from([Loudness.QUIET, Loudness.NORMAL, Loudness.URGENT])
OFFERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8), LEVELS, st.booleans()), max_size=120)
"""Pause before it (five-second pulses), key, level, and whether its text is new."""


def played(offers: list[tuple[int, int, Loudness, bool]]) -> tuple[list[tuple[datetime, Batch]], dict[str, int]]:
    """Batches with their moments, asked for at each pulse as the watcher does; how often each key was offered."""
    pacer, at, sent, offered = Pacer(), START, [], {}
    for number, (pulses, key, level, fresh) in enumerate(offers):
        for _ in range(pulses):
            at += timedelta(seconds=5)
            if (batch := pacer.due(at)) is not None:
                sent.append((at, batch))
        name = f"k{key}"
        pacer.offer(Notice(Kind.ALARM, name, f"text {number if fresh else 0}"), level, at, f"a{number}")
        offered[name] = offered.get(name, 0) + 1
        if (batch := pacer.due(at)) is not None:
            sent.append((at, batch))
    if (batch := pacer.due(at, everything=True)) is not None:
        sent.append((at, batch))
    return sent, offered


@settings(deadline=None, max_examples=60)
@given(OFFERS)
def test_what_is_told_adds_up_and_never_storms(offers: list[tuple[int, int, Loudness, bool]]) -> None:
    """Every offer is counted in a message once; apart from the last flush no key is told twice within a minute, and in
    any minute there are at most BURST messages that hold nothing urgent."""
    sent, offered = played(offers)
    told: dict[str, int] = {}
    last: dict[str, datetime] = {}
    plain: list[datetime] = []
    for at, batch in sent[:-1]:
        for row in batch.rows:
            key = row.notice.key
            assert key not in last or at - last[key] >= timedelta(seconds=60), f"{key} stormed"
            last[key] = at
        plain += [] if batch.urgent else [at]
        assert len([t for t in plain if at - t < timedelta(seconds=60)]) <= BURST
    for _, batch in sent:
        for row in batch.rows:
            told[row.notice.key] = told.get(row.notice.key, 0) + row.times
    assert told == offered


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), LEVELS), max_size=150))
def test_urgent_news_that_is_new_waits_five_seconds_at_most(offers: list[tuple[int, Loudness]]) -> None:
    """However much goes on: each urgent key is handed over within 5 s of market time."""
    pacer, at = Pacer(), START
    due: dict[str, datetime] = {}
    for number, (pulses, level) in enumerate([*offers, (1, Loudness.QUIET)]):
        for step in range(pulses + 1):
            at += timedelta(seconds=5 if step else 0)
            batch = pacer.due(at)
            for row in batch.rows if batch is not None else ():
                due.pop(row.notice.key, None)
            assert all(at - since < timedelta(seconds=5) for since in due.values()), "an urgent one waits"
        key = f"k{number}"
        pacer.offer(Notice(Kind.HALT, key, "stop"), level, at)
        if level is Loudness.URGENT:
            due[key] = at


def test_the_same_sentence_again_and_again_is_told_ever_more_seldom() -> None:
    """A condition that repeats every ten seconds for three hours makes a handful of messages, each saying how often."""
    pacer, told = Pacer(), []
    for second in range(0, 3 * 3600, 10):
        at = START + timedelta(seconds=second)
        pacer.offer(Notice(Kind.STUCK_ORDER, "slow.ic-1", "it does not end"), Loudness.URGENT, at)
        if (batch := pacer.due(at)) is not None:
            told.append(batch)
    assert 5 <= len(told) <= 9
    assert sum(row.times for batch in told for row in batch.rows) >= 3 * 360 * 0.6


def test_every_new_stop_is_told_within_its_minute() -> None:
    """A latch that comes again a minute after the last telling is not held back, however often that happens."""
    pacer = Pacer()
    for minute in range(30):
        at = START + timedelta(minutes=minute)
        pacer.offer(Notice(Kind.KILL, "latch.kill", "HALTED by cli: drill"), Loudness.URGENT, at)
        assert pacer.due(at) is not None


def test_quiet_news_goes_with_the_next_message_only() -> None:
    """It never makes a message of its own; the digest takes it."""
    pacer = Pacer()
    pacer.offer(Notice(Kind.TROUBLE, "request.x", "refused"), Loudness.QUIET, START)
    assert pacer.due(START + timedelta(hours=5)) is None
    pacer.offer(Notice(Kind.FILL, "fill.x", "filled"), Loudness.NORMAL, START + timedelta(hours=5))
    batch = pacer.due(START + timedelta(hours=5))
    assert batch is not None
    assert {row.notice.key for row in batch.rows} == {"request.x", "fill.x"}


def test_memory_is_bounded_and_urgent_news_always_finds_room() -> None:
    """A thousand different things are counted, not kept; an urgent one pushes out one that is not."""
    pacer = Pacer()
    for number in range(1000):
        pacer.offer(Notice(Kind.REMARK, f"r{number}", "x"), Loudness.QUIET, START)
    pacer.offer(Notice(Kind.KILL, "latch.kill", "HALTED"), Loudness.URGENT, START)
    batch = pacer.due(START)
    assert batch is not None
    assert batch.rows[0].notice.key == "latch.kill"
    assert len(batch.rows) == KEYS_MOST
    assert batch.more == 1001 - KEYS_MOST
