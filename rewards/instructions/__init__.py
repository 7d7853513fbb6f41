"""The `instructions` verifier: every check of IFEval and of IFBench, by rules of our own. Pure: no I/O, no seed, no download."""
