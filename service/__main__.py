"""``python -m service``: the same as the command ``depesche``."""

from service.cli.main import main

main()
