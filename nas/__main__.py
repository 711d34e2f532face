"""`python -m nas` is the `nas` command."""

from nas.commands.main import main

main()
