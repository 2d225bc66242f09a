"""`python -m gateway` is `tocsin`."""

from gateway.cli import main

main()
