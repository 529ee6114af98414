"""Account figures as the broker streams them, told at most once a second of market time; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.ibkr import fields, inbound
from bot.ibkr.faults import Faults
from bot.ports import PostFact
from strategies.domain.account import PAPER_PREFIX
from strategies.domain.events import AccountReported

AT_MOST_EVERY = timedelta(seconds=1)
_DOLLARS = frozenset({"USD", "BASE", ""})


def account_problem(managed: tuple[str, ...], expected: str) -> str | None:
    """Why this gateway must not be traded on (control C45), None if it serves exactly the paper account meant."""
    told = ", ".join(managed) or "none"
    if len(managed) != 1:
        return f"the gateway manages {len(managed)} accounts ({told}); allowed is exactly one paper account"
    if not managed[0].startswith(PAPER_PREFIX):
        return f"account {told} is not a paper account; paper accounts begin with {PAPER_PREFIX}"
    if expected and managed[0] != expected:
        return f"the gateway serves account {told}, the configuration names {expected}"
    return None


class AccountFigures:
    """Collects the figures of one account and posts them together."""

    def __init__(self, faults: Faults, post_fact: PostFact, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self._post_fact = post_fact
        self._now = now
        self._account = ""
        self._said: dict[str, float] = {}
        self._changed = False
        self._told_at: datetime | None = None

    def begin(self, account: str) -> None:
        """A new connection: nothing has been said on it yet."""
        self._account = account
        self._said = {}
        self._changed = False
        self._told_at = None

    def on_value(self, key: str, value: str, currency: str, account: str) -> None:
        """One figure; others than those that matter are ignored, other currencies are told and ignored."""
        name = inbound.ACCOUNT_FIELDS.get(key)
        if name is None or account not in (self._account, ""):
            return
        if currency not in _DOLLARS:
            self._faults.note("ACCOUNT-CURRENCY", f"{key} is reported in {currency}; this book counts US dollars")
            return
        found = fields.number(value)
        if found is None:
            self._said.pop(name, None)
        else:
            self._said[name] = found
        self._changed = True

    def flush(self) -> None:
        """Posts what changed, unless the last report is younger than a second."""
        if not self._changed:
            return
        now = self._now()
        if self._told_at is not None and timedelta(0) <= now - self._told_at < AT_MOST_EVERY:
            return
        self._changed = False
        self._told_at = now
        self._post_fact(AccountReported(snapshot=inbound.account_snapshot(self._account, now, self._said)))
