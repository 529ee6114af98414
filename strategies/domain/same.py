"""A value as the key of a cache by what it is, not by what it equals: for values that are replaced, never changed."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Same(Generic[T]):
    """Equal to itself around the very same value only. A cache that holds it keeps the value alive, so the identity
    cannot pass to another one meanwhile. Only for values that nobody changes in place."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value
