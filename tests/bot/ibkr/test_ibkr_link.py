"""The link table: what leads to UP, and what must never."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr.link import LINK_TABLE, Link, LinkTrigger
from strategies.domain.control import LinkState
from strategies.domain.transitions import IllegalMove, ImpossibleEvent

T = LinkTrigger


def walk(*triggers: LinkTrigger) -> Link:
    link = Link()
    for trigger in triggers:
        link = link.after(trigger, "usopt" if trigger in (T.FARM_LOST, T.FARM_BACK) else "")
    return link


CONNECTED = (T.DIAL, T.ACCEPTED)
UP = (*CONNECTED, T.SYNCED)


def test_the_straight_way_up_counts_one_epoch() -> None:
    """Dial, accept and a complete snapshot lead to UP in epoch 1."""
    assert walk(*UP) == Link(LinkState.UP, 1)


def test_a_new_socket_is_a_new_epoch_and_forgets_old_outages() -> None:
    """After a loss during an outage the next connection starts clean, one epoch later."""
    link = walk(*UP, T.UPSTREAM_LOST, T.SOCKET_LOST, *UP)
    assert link == Link(LinkState.UP, 2)


def test_upstream_back_needs_a_snapshot_before_up() -> None:
    """1102 after 1100 leads to SYNCING, never straight to UP."""
    assert walk(*UP, T.UPSTREAM_LOST).state is LinkState.DEGRADED
    assert walk(*UP, T.UPSTREAM_LOST, T.UPSTREAM_BACK).state is LinkState.SYNCING
    assert walk(*UP, T.UPSTREAM_LOST, T.UPSTREAM_BACK, T.SYNCED).state is LinkState.UP


def test_a_snapshot_that_ends_during_an_outage_does_not_lift_it() -> None:
    """SYNCED while DEGRADED stays DEGRADED."""
    assert walk(*CONNECTED, T.UPSTREAM_LOST, T.SYNCED).state is LinkState.DEGRADED


def test_a_farm_lost_while_syncing_is_remembered() -> None:
    """The snapshot completes into DEGRADED until the farm is back."""
    assert walk(*CONNECTED, T.FARM_LOST, T.SYNCED).state is LinkState.DEGRADED
    assert walk(*CONNECTED, T.FARM_LOST, T.SYNCED, T.FARM_BACK).state is LinkState.UP
    assert walk(T.DIAL, T.FARM_LOST, T.ACCEPTED, T.SYNCED).state is LinkState.DEGRADED


def test_every_lost_farm_must_come_back() -> None:
    """Two farms lost and one back is still DEGRADED."""
    link = walk(*UP).after(T.FARM_LOST, "usopt").after(T.FARM_LOST, "usfuture").after(T.FARM_BACK, "usopt")
    assert link.state is LinkState.DEGRADED
    assert link.after(T.FARM_BACK, "usfuture").state is LinkState.UP


def test_a_farm_coming_back_does_not_end_an_upstream_outage() -> None:
    """2104 while 1100 stands changes nothing."""
    assert walk(*UP, T.UPSTREAM_LOST, T.FARM_BACK).state is LinkState.DEGRADED


@given(st.lists(st.tuples(st.sampled_from(LinkTrigger), st.sampled_from(["", "usopt", "usfuture"])), max_size=40))
def test_up_is_reached_only_through_a_snapshot_and_without_outage(steps: list[tuple[LinkTrigger, str]]) -> None:
    """Whatever happens: UP means that no outage is open and that SYNCED came after the last accept or upstream loss."""
    link, synced = Link(), False
    for trigger, farm in steps:
        try:
            after = link.after(trigger, farm)
        except (ImpossibleEvent, IllegalMove):
            continue
        if trigger in (T.ACCEPTED, T.UPSTREAM_LOST, T.UPSTREAM_BACK):
            synced = False
        synced = synced or trigger is T.SYNCED
        assert after.epoch == link.epoch + (trigger is T.ACCEPTED)
        link = after
        if link.state is LinkState.UP:
            assert synced
            assert not link.upstream_lost
            assert not link.farms_lost


def test_every_state_can_be_stopped_and_loses_its_socket() -> None:
    """No state lacks the rows that end it."""
    for state in LinkState:
        assert LINK_TABLE.move(state, T.STOP) is LinkState.DOWN
        assert LINK_TABLE.move(state, T.SOCKET_LOST) is LinkState.DOWN
