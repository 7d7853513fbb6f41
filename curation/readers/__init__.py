"""Readers: one input file (or part) to raw batches and faults."""
