"""The `math` verifier: reads a final answer out of a completion and compares it with the gold. See `rewards.math.verifier`."""
