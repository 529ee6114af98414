"""What is told about the broker link: one summary when it is back, blind when it stays away in a session, a login."""

from __future__ import annotations

from datetime import datetime

from bot.engine.state import State
from bot.notify.kinds import Kind
from bot.notify.notice import Notice
from strategies.domain import events as ev
from strategies.domain.control import LinkState

_UP = LinkState.UP


class LinkWatch:
    """Remembers since when the link is away. Before the first connection of a life it counts from the start."""

    def __init__(self, blind_after_s: float, login_after_s: float) -> None:
        self._blind_after_s, self._login_after_s = blind_after_s, login_after_s
        self._away_since: datetime | None = None
        self._attempts = 0
        self._was_up = False
        self._told_blind = self._told_login = False

    def changed(self, event: ev.LinkChanged, state: State, at: datetime) -> tuple[Notice, ...]:
        """Hears a change of the link."""
        if event.state is not _UP:
            self._away_since = self._away_since or at
            self._attempts += event.state is LinkState.CONNECTING
            return ()
        since, attempts, first = self._away_since, self._attempts, not self._was_up
        told = self._told_blind
        self._away_since, self._attempts, self._was_up = None, 0, True
        self._told_blind = self._told_login = False
        if since is None or first:
            return ()
        away_s = (at - since).total_seconds()
        text = f"link back after {_length(away_s)}, {attempts} attempts; positions, orders and executions compared"
        in_session = told or state.calendar.current(at) is not None or state.calendar.current(since) is not None
        return (Notice(Kind.LINK if in_session else Kind.REMARK, "link.back", text, "condor report"),)

    def look(self, state: State, at: datetime) -> tuple[Notice, ...]:
        """At each pulse: whether the link has been away too long in a session."""
        if state.link.state is _UP or state.calendar.current(at) is None:
            return ()
        session = state.calendar.current(at)
        assert session is not None
        self._away_since = self._away_since or at
        away_s = (at - max(self._away_since, session.open_at)).total_seconds()
        told = []
        if away_s >= self._blind_after_s and not self._told_blind:
            self._told_blind = True
            text = (
                f"BLIND: the broker link is {state.link.state.value} for {_length(away_s)} of the session "
                f"({state.link.reason}); stops cannot fire, positions stay as they are"
            )
            told.append(Notice(Kind.BLIND, "link.blind", text, "condor status; condor doctor; TWS shows positions"))
        if away_s >= self._login_after_s and not self._told_login:
            self._told_login = True
            told.append(_login(f"no link for {_length(away_s)} of the session: {state.link.reason}"))
        return tuple(told)

    def before_open(self, state: State, at: datetime) -> tuple[Notice, ...]:
        """Five minutes before the open of a session: no link means that somebody must log in."""
        coming = state.calendar.session_on(at.date())
        if coming is None or state.link.state is _UP or self._told_login:
            return ()
        self._told_login = True
        return (_login(f"no link before the open: {state.link.reason}"),)


def _login(text: str) -> Notice:
    hint = "see whether the gateway runs and waits for a login or its second factor"
    return Notice(Kind.LOGIN, "link.login", f"{text}; {hint}", "condor doctor --broker")


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120.0 else f"{seconds / 60.0:.0f} min"
