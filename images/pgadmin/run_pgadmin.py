"""What gunicorn serves; imported alone, it makes pgAdmin's own database where there is none."""

import builtins

builtins.SERVER_MODE = True

from pgAdmin4 import app  # noqa: E402  (it looks at the line above)

__all__ = ["app"]
