"""The doors: the `tamis` command and the reports. Nothing imports this package."""
