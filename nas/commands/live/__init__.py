"""The lines at the bottom of a terminal that change while a command works, and Ctrl-C."""
