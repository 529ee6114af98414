"""The whole page as one value: a pure function of a look, so that equal states give equal pages."""

from __future__ import annotations

from bot.valued import ahead
from bot.web.gathered import Look
from bot.web.view.bar import bar
from bot.web.view.condors import condors
from bot.web.view.gate import caps
from bot.web.view.lattice import lattice
from bot.web.view.log import blind_spans
from bot.web.view.market import market
from bot.web.view.money import fills, money, orders
from bot.web.view.numbers import Json


def view_of(look: Look, book: Json | None = None) -> Json:
    """What the page shows, without the log, which is sent line by line (view.log).

    `book` is the whole book some days ahead as an earlier look of the same minute had it; None works it out anew.
    """
    return {
        "seq": look.state.seq,
        "steps": look.steps,
        "bar": bar(look),
        "market": market(look),
        "condors": condors(look),
        "book": ahead(look.state, look.at) if book is None else book,
        "lattice": lattice(look),
        "caps": caps(look),
        "orders": orders(look),
        "fills": fills(look),
        "money": money(look),
        "blind": blind_spans(look.links, look.at),
    }
