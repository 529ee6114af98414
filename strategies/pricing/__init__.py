"""Option arithmetic on arrays: Black-76, implied volatility, smiles, surfaces and payoffs."""
