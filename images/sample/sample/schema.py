"""The schema, as numbered steps that only ever get longer."""

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        text text NOT NULL,
        work_ms integer NOT NULL CHECK (work_ms BETWEEN 0 AND 600000),
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
        progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
        result jsonb,
        error text,
        -- Each claim raises the fence; whoever holds an older one can change nothing any more.
        fence bigint NOT NULL DEFAULT 0,
        attempts integer NOT NULL DEFAULT 0,
        worker text,
        lease_until timestamptz,
        release text NOT NULL,
        idempotency_key text UNIQUE,
        request_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        -- When the sweeper last made sure that the queue knows this job.
        swept_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz
    );
    CREATE INDEX jobs_newest ON jobs (created_at DESC);
    CREATE INDEX jobs_open ON jobs (swept_at) WHERE state IN ('queued', 'running');
    -- The effect of a job: one row, in the transaction that completes it. Its key makes a second one impossible.
    CREATE TABLE effects (
        job_id uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        fence bigint NOT NULL,
        worker text NOT NULL,
        release text NOT NULL,
        happened_at timestamptz NOT NULL DEFAULT now()
    );
    """,
)
"""Step n brings the schema from version n to version n + 1. A released step is never edited: add another."""

LOCK_KEY = 0x511B0A1
"""Advisory lock that lets one migration run at a time (an arbitrary number, the same for ever)."""
