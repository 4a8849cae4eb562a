"""Point in time: a base backup and all the write-ahead log since, from which any moment is restored."""
