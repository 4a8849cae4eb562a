"""From a plan to what a reviewer has to know: consequences, and one comment on a pull request.

Pure functions: no Docker, no network, no files. The way through: ``plan`` reads what an engine says would happen,
``consequences`` works out what that means, ``markdown`` writes it down.
"""
