"""The independent ledger: one JSON line per order-relevant message and per fact the venue holds true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from io import FileIO
from pathlib import Path
from types import TracebackType

import orjson

from bot.sim.types import ContractSpec, Leg


def contract_facts(spec: ContractSpec) -> dict[str, object]:
    """The ledger's description of one contract (expiry as ISO date, strike in points)."""
    return {
        "con_id": spec.con_id,
        "symbol": spec.symbol,
        "trading_class": spec.trading_class,
        "sec_type": spec.sec_type.value,
        "expiry": spec.expiry.isoformat() if spec.expiry else None,
        "strike": spec.strike,
        "right": spec.right.value if spec.right else None,
        "multiplier": spec.multiplier,
    }


def leg_facts(leg: Leg) -> dict[str, object]:
    """A contract with its ratio and action, as an order's `legs` list carries it."""
    return {**contract_facts(leg.spec), "ratio": leg.ratio, "action": leg.side.value}


class Ledger:
    """JSON lines of one run; an earlier run's file of that name is replaced.

    Every line has `seq`, `at`, `mono` and `kind`, then the facts of its kind.

    `path` None keeps the lines in memory only (`lines`). `mono` comes from `monotonic`; without one it is the
    market time since the first line, in seconds, which never runs backwards either.
    Raises OSError when the file cannot be opened or written: a run without its witness must not go on.
    """

    def __init__(self, path: str | Path | None = None, *, monotonic: Callable[[], float] | None = None) -> None:
        self._monotonic = monotonic
        self._seq = 0
        self._origin: datetime | None = None
        self._file: FileIO | None = None
        self._kept: list[dict[str, object]] = []
        if path is not None:
            self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115  kept open for the run, closed in close()

    def write(self, at: datetime, kind: str, facts: Mapping[str, object]) -> None:
        """Appends one line and hands it to the operating system before it returns, so that no client is ever told what
        the ledger of a gateway that was killed does not have. `at` must be aware."""
        if self._origin is None:
            self._origin = at
        mono = self._monotonic() if self._monotonic else (at - self._origin).total_seconds()
        line = orjson.dumps({"seq": self._seq, "at": at, "mono": round(mono, 6), "kind": kind, **facts}, default=_plain)
        self._seq += 1
        if self._file is None:
            self._kept.append(orjson.loads(line))
            return
        if self._file.write(line + b"\n") != len(line) + 1:
            raise OSError("only a part of a ledger line was written: the disk is full, and the run has no witness")

    @property
    def lines(self) -> list[dict[str, object]]:
        """The lines of an in-memory ledger, oldest first (empty for a ledger on disk: read its file)."""
        return self._kept

    def close(self) -> None:
        """Closes the file; a closed ledger keeps nothing more."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _plain(value: object) -> object:
    """What the encoder does not know by itself; it writes dates and enums as text and NaN and infinities as null."""
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
