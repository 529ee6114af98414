"""The worlds a simulated gateway can live in: seeded scenarios and real history."""
