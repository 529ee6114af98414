"""The quick way to a log line gives the line that cleaning every value gives."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.logs import _clean, _line

TEXTS = st.text() | st.sampled_from(["DU1234567", "account DU1234567 left", "F12345", "ID123456x", "a\x7fb", "\u202eb"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63) + 1, 2**63 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_no_line_is_written_differently_because_it_looked_plain(event: dict[str, object]) -> None:
    """Accounts are masked and odd characters replaced on every line, whichever way it took."""
    assert orjson.loads(_line(dict(event))) == orjson.loads(orjson.dumps(_clean(event)))
