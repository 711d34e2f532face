"""`python -m gridsearch` is the `gridsearch` command."""

from gridsearch.commands.main import main

main()
