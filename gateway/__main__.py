"""`python -m gateway` is `mailward`."""

from gateway.cli.main import main

main()
