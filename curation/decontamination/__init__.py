"""Evaluation sets that must not be in the corpus: their files and the index of their passages."""
