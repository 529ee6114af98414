"""Every cell of the stress grid against pricing one contract at a time, on random books of condors and hedge."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.exposure import Stake, Unit
from risk.limits import paper_limits
from risk.stress import Revaluation, Stress
from strategies.domain.instruments import Future, Option, Tradable
from strategies.domain.marks import Mark
from tests.oracle import stressed as oracle
from tests.risk.hedge_sample import CALLS, MINI, mark_of
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, mark

LIMITS = paper_limits()
INDEX = tuple(o for o in ALL_OPTIONS if o.expiry in EXPIRIES[:2] and o.strike in (4900.0, 5150.0, 5500.0, 5800.0))
CONTRACTS: dict[int, Tradable] = {one.con_id: one for one in (*INDEX, *CALLS, MINI)}
SHOCKS = [oracle.Shock(*pair) for pair in itertools.product(LIMITS.stress_spots_pct, LIMITS.stress_vols_pct)]
CRASH = oracle.Shock(LIMITS.crash_spot_pct, 0.0, LIMITS.crash_vix_points)
HALF_A_CENT_USD = 0.005

con_ids = st.sampled_from(sorted(CONTRACTS))
counts = st.integers(-3, 3).filter(bool)
orders = st.builds(
    Unit,
    st.just("working"),
    st.dictionaries(con_ids, counts, min_size=1, max_size=4).map(lambda legs: tuple(legs.items())),
    st.integers(-3000, 3000).map(float),
    st.sampled_from((0.0, 8.0)),
    st.integers(1, 3),
)
groups = st.lists(
    st.tuples(st.dictionaries(con_ids, counts, max_size=6), st.lists(orders, max_size=2)), min_size=1, max_size=4
)
factors = st.floats(0.4, 2.5)


def base_mark(one: Tradable) -> Mark:
    """The sample's mark of a contract."""
    if isinstance(one, Future):
        return Mark(1.0, 18.0, 0.08, 1.0, 0.41)
    return mark_of(one) if one in CALLS else mark(one)


@st.composite
def drawn_marks(draw: st.DrawFn) -> dict[int, Mark]:
    """Marks of every contract, volatility, level and time of each expiry moved about."""
    found = {}
    moved = {expiry: (draw(factors), draw(st.floats(0.9, 1.1)), draw(factors)) for expiry in
             sorted({one.expiry for one in CONTRACTS.values()})}  # fmt: skip
    for con_id, one in CONTRACTS.items():
        of, (vol, level, time) = base_mark(one), moved[one.expiry]
        found[con_id] = Mark(of.iv * vol, of.forward_points * level, of.tau_years * time, of.discount, of.vix_beta)
    return found


def as_told(one: Tradable, of: Mark) -> oracle.Contract:
    """The oracle's form of a contract."""
    strike, call = (one.strike, one.is_call) if isinstance(one, Option) else (None, True)
    return oracle.Contract(
        strike, call, one.multiplier, of.iv, of.forward_points, of.tau_years, of.discount, of.vix_beta
    )


def by_hand(
    book: list[tuple[dict[int, int], list[Unit]]], marks: dict[int, Mark], vix: float | None
) -> tuple[list[float], float]:
    """Loss in every cell and in the crash."""
    contracts = {con_id: as_told(one, marks[con_id]) for con_id, one in CONTRACTS.items()}

    def loss(shock: oracle.Shock) -> float:
        return sum(
            oracle.loss_usd(
                contracts, held, [oracle.Order(dict(u.legs), u.cash_usd - u.fee_usd, u.quantity) for u in working],
                shock, vix, LIMITS.hedge_beta_haircut,
            )
            for held, working in book
        )  # fmt: skip

    return [loss(shock) for shock in SHOCKS], loss(CRASH)


def stakes_of(book: list[tuple[dict[int, int], list[Unit]]]) -> list[Stake]:
    """The gate's form of the groups."""
    return [Stake(CONTRACTS, held, 0.0, tuple(working)) for held, working in book]


@settings(max_examples=30, deadline=None)
@given(groups, drawn_marks(), st.one_of(st.none(), st.floats(9.0, 60.0)))
def test_every_cell_is_the_sum_of_its_contracts_to_the_cent(
    book: list[tuple[dict[int, int], list[Unit]]], marks: dict[int, Mark], vix: float | None
) -> None:
    """Grid, crash and the worst falling cell priced in one piece equal pricing contract by contract and adding up."""
    found = Revaluation(CONTRACTS, marks, LIMITS, vix).of(stakes_of(book))
    assert isinstance(found, Stress)
    cells, crash = by_hand(book, marks, vix)
    assert found.cells_usd.tolist() == pytest.approx(cells, abs=HALF_A_CENT_USD)
    assert found.crash_loss_usd == pytest.approx(crash, abs=HALF_A_CENT_USD)
    assert found.grid_loss_usd == pytest.approx(max(cells), abs=HALF_A_CENT_USD)
    falling = [loss for shock, loss in zip(SHOCKS, cells, strict=True) if shock.spot_pct <= 0.0 <= shock.vol_pct]
    assert found.falling_loss_usd == pytest.approx(max(falling), abs=HALF_A_CENT_USD)
    named = cells[SHOCKS.index(oracle.Shock(found.spot_pct, found.vol_pct))]
    assert named == pytest.approx(max(cells), abs=2 * HALF_A_CENT_USD)


@settings(max_examples=20, deadline=None)
@given(groups, drawn_marks())
def test_a_part_of_the_book_is_valued_as_if_it_were_alone(
    book: list[tuple[dict[int, int], list[Unit]]], marks: dict[int, Mark]
) -> None:
    """One revaluation asked about several books gives each the very figures of a revaluation of its own."""
    shared = Revaluation(CONTRACTS, marks, LIMITS, 17.0)
    for one in stakes_of(book):
        alone = Revaluation({c: CONTRACTS[c] for c in one.con_ids}, marks, LIMITS, 17.0).of([one])
        found = shared.of([one])
        assert isinstance(alone, Stress)
        assert isinstance(found, Stress)
        assert found.cells_usd.tolist() == alone.cells_usd.tolist()
        assert found[:5] == alone[:5]
