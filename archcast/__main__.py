"""`python -m archcast`, as `archcast` in a shell."""

from archcast.cli import main

main()
