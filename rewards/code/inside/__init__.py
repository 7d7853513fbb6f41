"""What runs inside the sandbox of Python programs: the standard library alone, no other module of this project. See `zygote`."""
