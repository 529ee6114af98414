"""The words of the report that are not every trader's own."""

GLOSSARY = (
    ("front minus second", "the nearest VIX future less the one after it, points; above zero the curve is inverted"),
    ("net vega", "dollars the condors and the hedge gain together when VIX rises a point; normalised: divided by the "
                 "number of condors and by tens of points of wing"),
    ("band", "between which values the rules keep the normalised net vega in the present regime"),
    ("slot, layer", "the hedge has ten places for VIX contracts: four short (up to 30 days), four middle (30 to 90), "
                    "two deep (beyond 90)"),
    ("harvest, rotate, roll", "sell a hedge that has gained; move it into a later layer; renew it in its own layer"),
    ("expected move", "one standard deviation of the index until expiry, by the volatility at the money"),
    ("mid, half-spread", "halfway between bid and offer; how far each of them is from it"),
    ("walk", "one order sent again at better and better prices until it fills or is given up"),
    ("gate", "the part that every order must pass before it can be sent; C and K are its checks"),
    ("near miss", "a rule that came within a tenth of its threshold without acting"),
    ("blind", "time without a usable link to the broker"),
    ("replay", "the session's facts given to the same code again: the decisions must come out the same"),
)  # fmt: skip
