"""Map steps: pure functions of a batch, with every reason for a rejection."""
