-- Times are seconds since 1970, UTC. Text for people is kept as the service wrote it, in `details`.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    base_url TEXT NOT NULL,
    key_fingerprint TEXT NOT NULL,
    organization TEXT NOT NULL,
    project TEXT NOT NULL,
    first_used_at REAL NOT NULL,
    UNIQUE (base_url, key_fingerprint, organization, project)
) STRICT;

CREATE TABLE account_uses (
    profile TEXT NOT NULL,
    base_url TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    used_at REAL NOT NULL,
    PRIMARY KEY (profile, base_url, account_id)
) STRICT, WITHOUT ROWID;

-- What the list is scanned, filtered and sorted by, kept narrow. `place` rises with the time of creation:
-- its high bits are the second, its low 20 bits tell batches of one second apart, so that every index, as it
-- ends in the row id, is also in the order of creation. `state_rank` stands for the status.
CREATE TABLE batches (
    place INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    state_rank INTEGER NOT NULL,
    total INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    done REAL NOT NULL,
    ended_at INTEGER,
    cost REAL,
    gone_at REAL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    name_key TEXT NOT NULL
) STRICT;

CREATE INDEX batches_by_place ON batches (account_id, place);
-- Holds what the sums over the list need, too.
CREATE INDEX batches_by_state ON batches (account_id, state_rank, place, total, completed, failed, cost);
CREATE INDEX batches_by_name ON batches (account_id, name_key);
CREATE INDEX batches_by_total ON batches (account_id, total);
CREATE INDEX batches_by_done ON batches (account_id, done);
CREATE INDEX batches_by_failed ON batches (account_id, failed);
CREATE INDEX batches_by_model ON batches (account_id, model);
CREATE INDEX batches_by_endpoint ON batches (account_id, endpoint);
CREATE INDEX batches_by_cost ON batches (account_id, cost);

-- What words are sought in: case-folded lines, metadata as key, unit separator, value.
CREATE TABLE batch_texts (
    place INTEGER PRIMARY KEY REFERENCES batches (place) ON UPDATE CASCADE ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

-- The whole batch, for the rows that are shown, and how batches hang together.
CREATE TABLE batch_details (
    place INTEGER PRIMARY KEY REFERENCES batches (place) ON UPDATE CASCADE ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    seen_at REAL NOT NULL,
    body TEXT NOT NULL,
    name TEXT NOT NULL,
    profile TEXT NOT NULL,
    input_name TEXT,
    summed_usage TEXT,
    input_file_id TEXT,
    retry_of TEXT,
    lineage_root TEXT,
    group_id TEXT,
    operation_id TEXT
) STRICT;

CREATE UNIQUE INDEX details_by_id ON batch_details (account_id, id);
-- `lineage_root` is NULL for a batch that is its own root: most are.
CREATE INDEX details_by_root ON batch_details (account_id, lineage_root) WHERE lineage_root IS NOT NULL;
CREATE INDEX details_by_parent ON batch_details (account_id, retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX details_by_group ON batch_details (account_id, group_id) WHERE group_id IS NOT NULL;
CREATE INDEX details_by_input ON batch_details (account_id, input_file_id) WHERE input_file_id IS NOT NULL;
CREATE INDEX details_by_operation ON batch_details (account_id, operation_id) WHERE operation_id IS NOT NULL;

CREATE TABLE status_tallies (
    account_id INTEGER NOT NULL,
    state_rank INTEGER NOT NULL,
    batches INTEGER NOT NULL,
    PRIMARY KEY (account_id, state_rank)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER batches_tally_insert AFTER INSERT ON batches BEGIN
    INSERT INTO status_tallies VALUES (new.account_id, new.state_rank, 1)
    ON CONFLICT DO UPDATE SET batches = batches + 1;
END;

CREATE TRIGGER batches_tally_delete AFTER DELETE ON batches BEGIN
    UPDATE status_tallies SET batches = batches - 1
    WHERE account_id = old.account_id AND state_rank = old.state_rank;
END;

CREATE TRIGGER batches_tally_update AFTER UPDATE OF state_rank ON batches
WHEN old.state_rank <> new.state_rank BEGIN
    UPDATE status_tallies SET batches = batches - 1
    WHERE account_id = old.account_id AND state_rank = old.state_rank;
    INSERT INTO status_tallies VALUES (new.account_id, new.state_rank, 1)
    ON CONFLICT DO UPDATE SET batches = batches + 1;
END;

CREATE TABLE samples (
    place INTEGER NOT NULL REFERENCES batches (place) ON UPDATE CASCADE ON DELETE CASCADE,
    at REAL NOT NULL,
    total INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (place, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    is_settled INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    title TEXT NOT NULL,
    batch_id TEXT,
    input_file_id TEXT,
    error TEXT,
    payload TEXT NOT NULL,
    pid INTEGER,
    process TEXT
) STRICT;

CREATE INDEX operations_by_time ON operations (account_id, created_at);
CREATE INDEX operations_by_batch ON operations (account_id, batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX operations_unsettled ON operations (account_id, created_at) WHERE is_settled = 0;

CREATE TABLE operation_steps (
    operation_id TEXT NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    note TEXT NOT NULL,
    request_id TEXT,
    PRIMARY KEY (operation_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE inputs (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    input_file_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    original_path TEXT NOT NULL,
    kept_path TEXT,
    kept_bytes INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (account_id, input_file_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX inputs_by_sha256 ON inputs (account_id, sha256);
CREATE INDEX inputs_kept ON inputs (kept_path) WHERE kept_path IS NOT NULL;

CREATE TABLE input_names (
    account_id INTEGER NOT NULL,
    input_file_id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, input_file_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE downloads (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    file_id TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (account_id, file_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE sync_states (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    backfill_cursor TEXT,
    backfill_done INTEGER NOT NULL DEFAULT 0,
    last_success_at REAL,
    head_id TEXT,
    head_at REAL,
    floor_at REAL
) STRICT;
