"""The sealed, single-use approval: the only thing a broker accepts, and only the gate can make one."""

from __future__ import annotations

from typing import Final, NoReturn

from strategies.domain.orders import PlaceIntent


class SealBroken(Exception):
    """Somebody tried to make, copy or reuse an approval outside the gate."""


class TicketSpent(Exception):
    """The approval was already redeemed; an order is sent once."""


_SEAL: Final = object()


class Approved:
    """An intent the gate let pass, bound to the journal position of the verdict.

    Cannot be built without the gate's seal, cannot be subclassed, copied, replaced or pickled, and is redeemed exactly
    once.
    """

    __slots__ = ("_redeemed", "intent", "seq")

    intent: PlaceIntent
    seq: int
    _redeemed: bool

    def __init__(self, intent: PlaceIntent, seq: int, *, seal: object) -> None:
        if seal is not _SEAL:
            raise SealBroken("an approval can only come from risk.gate.review")
        if hasattr(self, "_redeemed"):
            raise SealBroken("an approval is made once; a spent one is not renewed")
        object.__setattr__(self, "intent", intent)
        object.__setattr__(self, "seq", seq)
        object.__setattr__(self, "_redeemed", False)

    def __init_subclass__(cls, **kwargs: object) -> NoReturn:
        raise SealBroken("an approval has no variants")

    def redeem(self) -> PlaceIntent:
        """The intent, once. Raises TicketSpent on any further call, SealBroken if the gate never filled it in."""
        if not hasattr(self, "_redeemed"):
            raise SealBroken("this approval was not made by the gate")
        if self._redeemed:
            raise TicketSpent(f"{self.intent.ref}: already sent")
        object.__setattr__(self, "_redeemed", True)
        return self.intent

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise SealBroken("an approval does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise SealBroken("an approval does not change")

    def __copy__(self) -> NoReturn:
        raise SealBroken("an approval cannot be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise SealBroken("an approval cannot be copied")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SealBroken("an approval cannot be pickled")

    def __repr__(self) -> str:
        if not hasattr(self, "_redeemed"):
            return "Approved(unsealed)"
        return f"Approved(ref={self.intent.ref!r}, seq={self.seq})"
