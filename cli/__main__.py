"""``python -m cli``, which the script ``slipway`` runs."""

from cli.app import main

main()
