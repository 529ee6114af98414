"""The state of the broker connection as a table: which notices and failures lead where; pure.

Rules of the machine
- Only UP lets orders out. SYNCING becomes UP only after a complete snapshot of this connection.
- The epoch rises with every accepted socket; quotes of an older epoch are stale.
- After an upstream loss (1100, 2110) everything is asked again before UP; after a farm blip only the quotes are.
- A farm notice counts once per farm name: UP returns when the last lost farm is back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from strategies.domain.control import LinkState
from strategies.domain.transitions import Row, Table


class LinkTrigger(StrEnum):
    """What can happen to the connection."""

    DIAL = "dial"
    DIAL_FAILED = "dial_failed"
    ACCEPTED = "accepted"
    ACCOUNT_REFUSED = "account_refused"
    SYNCED = "synced"
    SYNC_FAILED = "sync_failed"
    UPSTREAM_LOST = "upstream_lost"
    UPSTREAM_BACK = "upstream_back"
    UPSTREAM_OVERDUE = "upstream_overdue"
    FARM_LOST = "farm_lost"
    FARM_BACK = "farm_back"
    SILENT = "silent"
    SOCKET_LOST = "socket_lost"
    STOP = "stop"


_S = LinkState
_T = LinkTrigger
_CONNECTED = (_S.SYNCING, _S.UP, _S.DEGRADED)


def _rows() -> list[Row[LinkState, LinkTrigger]]:
    rows = [
        Row(_S.DOWN, _T.DIAL, _S.CONNECTING, "first attempt, or the pause after a failure is over"),
        Row(_S.DOWN, _T.SOCKET_LOST, _S.DOWN, "the end of a socket already given up"),
        Row(_S.DOWN, _T.STOP, _S.DOWN, "asked to stop while down"),
        Row(_S.CONNECTING, _T.DIAL_FAILED, _S.DOWN, "refused, silent, or the client id is in use"),
        Row(_S.CONNECTING, _T.ACCOUNT_REFUSED, _S.DOWN, "not exactly the paper account: stays down (C45)"),
        Row(_S.CONNECTING, _T.ACCEPTED, _S.SYNCING, "socket and account are right: a new epoch begins"),
        Row(_S.CONNECTING, _T.SOCKET_LOST, _S.DOWN, "closed during the handshake"),
        Row(_S.CONNECTING, _T.STOP, _S.DOWN, "asked to stop while dialling"),
        Row(_S.SYNCING, _T.SYNCED, _S.UP, "the snapshot was complete"),
        Row(_S.SYNCING, _T.SYNC_FAILED, _S.DOWN, "part of the snapshot stayed unknown: begin anew"),
        Row(_S.DEGRADED, _T.SYNCED, _S.DEGRADED, "a snapshot ended after the trouble began"),
        Row(_S.DEGRADED, _T.SYNC_FAILED, _S.DEGRADED, "asked again when upstream is back"),
        Row(_S.SYNCING, _T.UPSTREAM_BACK, _S.SYNCING, "ask again"),
        Row(_S.UP, _T.UPSTREAM_BACK, _S.SYNCING, "a loss we did not hear of: ask again"),
        Row(_S.DEGRADED, _T.UPSTREAM_BACK, _S.SYNCING, "1101 or 1102: ask everything again before UP"),
        Row(_S.DEGRADED, _T.UPSTREAM_OVERDUE, _S.DOWN, "upstream stayed away too long: a new socket"),
        Row(_S.SYNCING, _T.FARM_LOST, _S.SYNCING, "remembered until the snapshot is complete"),
        Row(_S.UP, _T.FARM_LOST, _S.DEGRADED, "2103: quotes are in doubt"),
        Row(_S.DEGRADED, _T.FARM_LOST, _S.DEGRADED, "one more farm"),
        Row(_S.SYNCING, _T.FARM_BACK, _S.SYNCING, "quotes are asked again"),
        Row(_S.UP, _T.FARM_BACK, _S.UP, "the usual greeting"),
        Row(_S.DEGRADED, _T.FARM_BACK, _S.UP, "2104 for the last lost farm: quotes are asked again"),
    ]
    for state in _CONNECTED:
        rows.append(Row(state, _T.UPSTREAM_LOST, _S.DEGRADED, "1100 or 2110: orders may be stuck on the way"))
        rows.append(Row(state, _T.SILENT, _S.DOWN, "no answer to the heartbeat: half-open"))
        rows.append(Row(state, _T.SOCKET_LOST, _S.DOWN, "closed or reset"))
        rows.append(Row(state, _T.STOP, _S.DOWN, "asked to stop"))
    return rows


LINK_TABLE: Table[LinkState, LinkTrigger] = Table("link", _rows(), ours=(_T.DIAL, _T.STOP), terminal=())


@dataclass(frozen=True, slots=True)
class Link:
    """The connection now: state, epoch (0 before the first), and what upstream is missing."""

    state: LinkState = LinkState.DOWN
    epoch: int = 0
    upstream_lost: bool = False
    farms_lost: frozenset[str] = field(default_factory=frozenset)

    def after(self, trigger: LinkTrigger, farm: str = "") -> Link:
        """The link after this trigger. Raises IllegalMove or ImpossibleEvent for a move the table lacks."""
        if self.state is LinkState.CONNECTING and trigger in _NOTICES:
            return self._noting(trigger, farm)  # notices may precede the account: remember, do not move
        noted = self._noting(trigger, farm)
        if trigger is LinkTrigger.FARM_BACK and self.state is LinkState.DEGRADED and noted._doubtful:
            return noted
        state = LINK_TABLE.move(self.state, trigger)
        if state is LinkState.UP and noted.farms_lost:
            state = LINK_TABLE.move(state, LinkTrigger.FARM_LOST)
        epoch = self.epoch + 1 if trigger is LinkTrigger.ACCEPTED else self.epoch
        return replace(noted, state=state, epoch=epoch)

    @property
    def _doubtful(self) -> bool:
        return self.upstream_lost or bool(self.farms_lost)

    def _noting(self, trigger: LinkTrigger, farm: str) -> Link:
        if trigger is LinkTrigger.DIAL:
            return replace(self, upstream_lost=False, farms_lost=frozenset())
        if trigger is LinkTrigger.UPSTREAM_LOST:
            return replace(self, upstream_lost=True)
        if trigger is LinkTrigger.UPSTREAM_BACK:
            return replace(self, upstream_lost=False, farms_lost=frozenset())
        if trigger is LinkTrigger.FARM_LOST:
            return replace(self, farms_lost=self.farms_lost | {farm})
        if trigger is LinkTrigger.FARM_BACK:
            return replace(self, farms_lost=self.farms_lost - {farm})
        return self


_NOTICES = frozenset({_T.UPSTREAM_LOST, _T.UPSTREAM_BACK, _T.FARM_LOST, _T.FARM_BACK})
