"""What a person must hear although nothing broke: a stop that cannot see, a closing or a change of legs that does not
end, a rotation of the hedge that does not fill, a hedge that takes too much of the theta."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.actions import AlertLevel
from bot.engine.work import Work
from strategies.condor.machine import Condor, CondorState
from strategies.domain.instruments import describe
from strategies.domain.session import NEW_YORK

RECENT_MIN = 10.0
"""A try of a rotation is of now while it is no older than the pause between tries and this."""

SILENT_AGAIN = timedelta(days=4)
"""A share of carry that has not been too large for so long is news again."""

REPEAT_S = 1800.0
"""The same condor is spoken of again after this long."""


def attend(work: Work) -> None:
    """Looks at every held condor; call at each pulse. Outside a session nothing is quoted and nothing is expected."""
    session = work.state.calendar.current(work.at)
    held = [c for c in work.state.condors.values() if c.active and c.quantity > 0]
    blind: dict[str, datetime] = {}
    if session is not None and work.at < session.index_close_at:
        for condor in held:
            unseen = _unseen(work, condor)
            if unseen:
                since = work.state.blind_since.get(condor.id, work.at)
                blind[condor.id] = since
                _tell_blind(work, condor, unseen, since)
            _tell_unfinished(work, condor, session.open_at)
        _tell_unrotated(work)
        _tell_carry(work)
    if blind != work.state.blind_since:
        work.set(blind_since=blind)


def _unseen(work: Work, condor: Condor) -> list[str]:
    """Legs without the fresh two-sided quote that a stop demands (C-EXIT-3)."""
    market, max_age_s = work.state.market, work.parameters.condor.orders.mark_quote_max_age_s
    names = []
    for con_id in dict.fromkeys(con_id for lot in condor.held for con_id in lot.legs.con_ids()):
        quote = market.fresh(con_id, work.at, max_age_s)
        if quote is None or not quote.two_sided:
            option = market.option(con_id)
            names.append(f"contract {con_id}" if option is None else describe(option))
    return names


def _tell_blind(work: Work, condor: Condor, unseen: list[str], since: datetime) -> None:
    if work.at - since < timedelta(seconds=work.parameters.engine.attention_s) or not _again(
        work, f"blind:{condor.id}"
    ):
        return
    legs = ", ".join(unseen)
    text = (
        f"{condor.id} cannot be valued since {_clock(since)}: no fresh two-sided quote of {legs}; its stop cannot fire"
    )
    work.alert(AlertLevel.CRITICAL, f"blind.{condor.id}", text)
    work.set(lines=())  # the lines are requested again: one the broker refused may be served now


def _tell_unfinished(work: Work, condor: Condor, open_at: datetime) -> None:
    if condor.state not in (CondorState.EXIT_WORKING, CondorState.ADJUST_WORKING):
        return
    since = max(condor.state_since, open_at)
    if work.at - since < timedelta(seconds=work.parameters.engine.attention_s) or not _again(work, f"slow:{condor.id}"):
        return
    what = f"closing by {condor.exit_rule}" if condor.state is CondorState.EXIT_WORKING else "its change of legs"
    text = f"{condor.id}: {what} has not ended since {_clock(condor.state_since)}; {condor.quantity} still open"
    work.alert(AlertLevel.CRITICAL, f"slow.{condor.id}", text)


def _tell_unrotated(work: Work) -> None:
    """The hedge was to move out along the curve (A-ROT-1, A-ROT-2) and its orders found nobody, or the gate has long
    refused them. Said while tries go on: what nothing asks for any more needs nobody."""
    episode, params = work.state.desk.hedge.episode, work.parameters.alvh.rotation
    pause = timedelta(minutes=params.retry_pause_min)
    recent = pause + timedelta(minutes=RECENT_MIN)
    last, since, refused_at = episode.unfilled_at, episode.refused_since, episode.refused_at
    level, text = AlertLevel.CRITICAL, ""
    if since is not None and refused_at is not None and refused_at - since >= pause and work.at - refused_at <= recent:
        # The gate protects the book from a worse one: to be known, not to be mended.
        level, text = AlertLevel.WARNING, f"the gate has refused {episode.refused} rotations in a row since "
        text += f"{_clock(since)} (`condor why hedge`)"
    if episode.unfilled > params.retries and last is not None and work.at - last <= recent:
        level = AlertLevel.CRITICAL
        text = f"{episode.unfilled} rotations in a row found nobody, the last at {_clock(last)}"
    if text and _again(work, "rotation"):
        work.alert(level, "rotation", f"hedge: {text}; protection stands where it stood, further tries follow")


def _tell_carry(work: Work) -> None:
    """The hedge takes more of the condors' theta than the warning allows (A-BUD-1); said when it begins, and again only
    after days without."""
    word, warn = work.state.desk.word, work.parameters.alvh.size.carry_warn_pct_of_theta
    if not word.enabled or not word.theta_usd or word.carry_usd is None:
        return
    share = 100.0 * max(0.0, -word.carry_usd) / word.theta_usd
    if share < warn:
        return
    last = work.state.told_at.get("carry")
    if last is None or work.at - last > SILENT_AGAIN:
        text = f"hedge: its carry takes {share:.0f} % of the condors' theta; A-BUD-1 warns from {warn:g} %"
        work.alert(AlertLevel.WARNING, "carry", text)
    if last is None or work.at - last > timedelta(hours=1):
        work.set(told_at={**work.state.told_at, "carry": work.at})


def _again(work: Work, key: str) -> bool:
    """Whether this was not said within the last while; notes that it is said now."""
    last = work.state.told_at.get(key)
    if last is not None and work.at - last < timedelta(seconds=REPEAT_S):
        return False
    work.set(told_at={**work.state.told_at, key: work.at})
    return True


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%H:%M} New York"
