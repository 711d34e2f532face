"""The command `gridsearch`."""
