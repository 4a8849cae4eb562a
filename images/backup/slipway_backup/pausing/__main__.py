"""``python3 -m slipway_backup.pausing``: the pauser."""

from slipway_backup.pausing.server import main

raise SystemExit(main())
