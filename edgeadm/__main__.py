"""`python -m edgeadm`: the same command line as `edgeadm`."""

from edgeadm.cli import main

main()
