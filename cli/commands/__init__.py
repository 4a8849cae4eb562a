"""One module a command; each defines ``command``, and keeps to arguments, order of steps and what is printed."""
