"""The demo: real input that every machine has, through every command. Import the submodules."""
