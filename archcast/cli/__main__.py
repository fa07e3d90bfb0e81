"""`python -m archcast.cli`, as `archcast` in a shell."""

from archcast.cli import main

main()
