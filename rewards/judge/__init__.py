"""Verifiers that ask a language model: prompts, guards, votes, pairs. The model is handed in as an endpoint."""
