"""Verification of programs: what a completion's program does in a sandbox, judged outside of it.

`jobs` is the contract between those who run programs and those who judge them; `verifier` registers `code`.
"""
