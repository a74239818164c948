"""Run the command ``depesche`` when the package is started with ``python -m service``."""

from service.cli.main import main

main()
