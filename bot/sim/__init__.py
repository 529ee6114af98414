"""The counterparty: a simulated IB Gateway that speaks the TWS socket protocol."""
