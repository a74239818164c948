"""The entry point of ``python -m service``, which runs the command ``depesche``."""

from service.cli.main import main

main()
