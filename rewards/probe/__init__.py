"""Tries a rubric before it rewards a model: hostile outputs as data, a search for more, and what each verifier pays for them."""
