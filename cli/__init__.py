"""The ``slipway`` command: arguments, progress and exit codes over the other rooms.

Thin on purpose: what is worth testing alone lives in ``operate``. Modules are imported when their command runs, so that
``slipway --help`` and ``slipway config`` start at once.
"""
