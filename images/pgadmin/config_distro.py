"""Slipway's defaults for pgAdmin, and then what ``PGADMIN_CONFIG_<NAME>`` says: Python literals, as in dpage/pgadmin4.

pgAdmin takes every public name of this module over; so there is none but settings.
"""

import ast as _ast
import os as _os
import sys as _sys

CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
# Standard error has all of it.
LOG_FILE = "/dev/null"
HELP_PATH = "../../docs/en_US/_build/html/"
DEFAULT_BINARY_PATHS = {"pg": "/usr/lib/postgresql/15/bin", "pg-15": "/usr/lib/postgresql/15/bin"}
# Nobody is asked whether there is a newer one: images are pinned.
UPGRADE_CHECK_ENABLED = False

_PREFIX = "PGADMIN_CONFIG_"
for _name, _text in sorted(_os.environ.items()):
    if _name.startswith(_PREFIX):
        try:
            globals()[_name.removeprefix(_PREFIX)] = _ast.literal_eval(_text)
        except (ValueError, SyntaxError):
            # Its value may be a secret.
            _sys.exit(f"slipway-pgadmin: {_name} is no Python literal: write True, 5 or 'text', with its quotes")
