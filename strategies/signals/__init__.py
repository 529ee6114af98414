"""What the market is doing: term structure, volatility measures and tiers."""
