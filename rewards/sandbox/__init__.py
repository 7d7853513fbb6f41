"""Runs programs that nobody trusts: namespaces by bubblewrap, budgets by a supervisor. Linux only; see docs/sandbox.md."""
