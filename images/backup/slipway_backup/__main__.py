"""``python3 -m slipway_backup`` is ``slipway-backup``."""

import sys

from slipway_backup.cli import main

sys.exit(main(sys.argv[1:]))
