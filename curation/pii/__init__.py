"""Personal data and secrets in texts: what is judged after the fast scan of `columnar.pii`."""
