"""One module for each command or family of commands; each gives the exit code. Imported when the command runs, not before."""
