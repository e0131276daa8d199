from edgeadm.cli import main

main()
