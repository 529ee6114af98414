"""Small reference requests, answered as a paper login without advisor, news or display rights is answered."""

from __future__ import annotations

from bot.sim.desk.client import DeskClient
from bot.sim.wire import encode_data
from bot.sim.wire import requests_data as data

BBO_EXCHANGES = "9c0001"
"""The map of exchange letters named in every line's tick parameters."""
_COMPONENTS = (
    (0, "AMEX", "A"),
    (1, "CBOE", "C"),
    (2, "ISE", "I"),
    (3, "ARCA", "P"),
    (4, "PHLX", "X"),
    (5, "BATS", "Z"),
    (6, "NASDAQ", "Q"),
)
DEPTH_EXCHANGES = (
    ("CFE", "FUT", "", "Deep"),
    ("CME", "FUT", "", "Deep"),
    ("CBOE", "OPT", "", "Deep"),
    ("ARCA", "STK", "ARCA", "Deep2"),
    ("BATS", "STK", "BATS", "Deep2"),
    ("NASDAQ", "STK", "NASDAQ", "Deep2"),
    ("SMART", "STK", "", "Deep2"),
)
"""Exchange, security type, listing exchange and service of every book there is."""
_NOT_AN_ADVISOR = "Error validating request.-'b9' : cause - FA data operations ignored for non FA customers."
_NO_ID = 2147483647


class SmallLists:
    """Answers without state."""

    def depth_exchanges(self, client: DeskClient, request: data.MarketDepthExchanges) -> None:
        """reqMktDepthExchanges: where books exist."""
        client.send(encode_data.depth_exchanges(DEPTH_EXCHANGES))

    def smart_components(self, client: DeskClient, request: data.SmartComponents) -> None:
        """reqSmartComponents: the exchanges behind the letters, 321 for another map."""
        if request.exchange_map != BBO_EXCHANGES:
            text = f"Error validating request.-'cb' : cause - BBO exchange map {request.exchange_map!r} does not exist"
            client.error(request.request_id, 321, text)
            return
        client.send(encode_data.smart_components(request.request_id, _COMPONENTS))

    def news_providers(self, client: DeskClient, request: data.NewsProviders) -> None:
        """reqNewsProviders: none is subscribed."""
        client.send(encode_data.news_providers())

    def news_bulletins(self, client: DeskClient, request: object) -> None:
        """reqNewsBulletins and its cancel: there are no bulletins, so nothing is said."""

    def family_codes(self, client: DeskClient, request: data.FamilyCodes) -> None:
        """reqFamilyCodes: no account belongs to a family."""
        client.send(encode_data.family_codes(("*",)))

    def soft_dollar_tiers(self, client: DeskClient, request: data.SoftDollarTiers) -> None:
        """reqSoftDollarTiers: none."""
        client.send(encode_data.soft_dollar_tiers(request.request_id))

    def advisor(self, client: DeskClient, request: data.AdvisorConfiguration) -> None:
        """requestFA: 321; the request has no id, so the error carries the largest."""
        client.error(_NO_ID, 321, _NOT_AN_ADVISOR)

    def replace_advisor(self, client: DeskClient, request: data.ReplaceAdvisorConfiguration) -> None:
        """replaceFA: 321."""
        client.error(request.request_id, 321, _NOT_AN_ADVISOR)

    def display_groups(self, client: DeskClient, request: data.DisplayGroups) -> None:
        """queryDisplayGroups: a gateway has no windows."""
        client.send(encode_data.display_groups(request.request_id))

    def display_group_events(self, client: DeskClient, request: data.DisplayGroupEvents) -> None:
        """subscribeToGroupEvents and the like: 321, there are no groups."""
        text = "Error validating request.-'cc' : cause - Display groups do not exist in a gateway"
        client.error(request.request_id, 321, text)

    def user_info(self, client: DeskClient, request: data.UserInfo) -> None:
        """reqUserInfo: no white branding."""
        client.send(encode_data.user_info(request.request_id))
