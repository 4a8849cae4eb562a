"""What a PostgreSQL database holds, in numbers that two databases with the same content agree on.

For each table its rows, and two sums of hashes of the rows as text, which do not depend on their order. Left out, since
no dump carries them: temporary tables, foreign tables, tables of extensions, the content of materialised views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SETTINGS: Final = (
    "SET LOCAL search_path = ''",
    "SET LOCAL DateStyle = 'ISO, MDY'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL xmlbinary = 'base64'",
    # What a policy hides would be missing on both sides: whoever may not see it is refused instead.
    "SET LOCAL row_security = off",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)
_OWN: Final = """
  n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
_RELATIONS: Final = f"""
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = %s AND {_OWN} ORDER BY 1
"""  # noqa: S608 - names are quoted by format('%I')
_COUNT: Final = (
    "SELECT pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashtextextended(t::text, 0)),"
    " pg_catalog.sum(pg_catalog.hashtextextended(t::text, 1)) FROM ONLY {} t"
)
_MOST_SHOWN: Final = 20


class Connection(Protocol):
    """As much of psycopg's connection as is used."""

    def execute(self, query: Any, params: Any = None) -> Any:
        """Run a statement and return its cursor."""


def settle(connection: Connection) -> None:
    """Make the transaction that is open write values in one way, whatever the server's settings say."""
    for statement in _SETTINGS:
        connection.execute(statement)


def tables(connection: Connection, each: Callable[[str], None] = lambda _: None) -> dict[str, dict[str, Any]]:
    """Return rows and hashes by table.

    Args:
        connection: In a transaction for which :func:`settle` was called.
        each: Told of each table before it is read.
    """
    found: dict[str, dict[str, Any]] = {}
    for (name,) in connection.execute(_RELATIONS, ("r",)).fetchall():
        each(name)
        rows, *hashes = connection.execute(_COUNT.format(name)).fetchone()
        found[name] = {"rows": rows, "hash": [str(value) if value is not None else "0" for value in hashes]}
    return found


def sequences(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return where each sequence stands."""
    found = {}
    for (name,) in connection.execute(_RELATIONS, ("S",)).fetchall():
        value, called = connection.execute(f"SELECT last_value, is_called FROM {name}").fetchone()  # noqa: S608 - names are quoted by format('%I')
        found[name] = {"last_value": value, "is_called": called}
    return found


def differences(
    recorded: Mapping[str, Any], found_tables: Mapping[str, Any], found_sequences: Mapping[str, Any]
) -> list[str]:
    """Return in words how a database differs from what a manifest says of it; nothing if it does not.

    A sequence moves outside of transactions, so it may stand anywhere between where it stood before and after the dump.
    """
    told = [*_of_tables(recorded["tables"], found_tables), *_of_sequences(recorded["sequences"], found_sequences)]
    more = len(told) - _MOST_SHOWN
    return [*told[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _of_tables(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Sequence[str]:
    told = [f"table {name} is missing" for name in sorted(recorded.keys() - found.keys())]
    told += [f"table {name} was not there" for name in sorted(found.keys() - recorded.keys())]
    for name in sorted(recorded.keys() & found.keys()):
        before, after = recorded[name], found[name]
        if before["rows"] != after["rows"]:
            told.append(f"table {name} has {after['rows']} rows instead of {before['rows']}")
        elif list(before["hash"]) != list(after["hash"]):
            told.append(f"table {name} has other content in its {after['rows']} rows")
    return told


def _of_sequences(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Sequence[str]:
    told = [f"sequence {name} is missing" for name in sorted(recorded.keys() - found.keys())]
    told += [f"sequence {name} was not there" for name in sorted(found.keys() - recorded.keys())]
    for name in sorted(recorded.keys() & found.keys()):
        before, after = recorded[name], found[name]
        low, high = sorted((before["last_value"], before.get("until", before["last_value"])))
        if not low <= after["last_value"] <= high:
            told.append(f"sequence {name} stands at {after['last_value']} instead of {before['last_value']}")
    return told
