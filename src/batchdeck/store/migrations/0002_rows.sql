-- The row index: where every row of a request, output or error file lies, and how each request ended.

-- An index is made in many short transactions; one that was cut off stays incomplete and is swept later.
CREATE TABLE row_files (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    is_complete INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    torn INTEGER NOT NULL,
    nameless INTEGER NOT NULL,
    usage TEXT NOT NULL,
    used_at REAL NOT NULL
) STRICT;

CREATE INDEX row_files_by_file ON row_files (account_id, file_id);

-- `number` counts rows from 0; `length` is without the line end. Of a request file only lines with a
-- custom_id are here, with no outcome. A custom_id that SQLite cannot hold is spelled out.
CREATE TABLE file_rows (
    file INTEGER NOT NULL,
    number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    custom_id TEXT,
    outcome INTEGER,
    status_code INTEGER,
    code TEXT NOT NULL,
    retryable INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (file, number)
) STRICT, WITHOUT ROWID;

-- The custom_ids of a file in their order, written when all its rows are there: in one go that costs half.
CREATE TABLE file_ids (
    file INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (file, custom_id, number)
) STRICT, WITHOUT ROWID;

-- The requests of one batch joined to their answers. The first `requests` positions are requests; where
-- there is an input, they are its rows by number. After them come result rows that answer no request.
CREATE TABLE request_views (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    batch_id TEXT NOT NULL,
    signature TEXT NOT NULL,
    is_complete INTEGER NOT NULL,
    input_file INTEGER,
    output_file INTEGER,
    error_file INTEGER,
    requests INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    repeated_ids INTEGER NOT NULL,
    unknown_rows INTEGER NOT NULL,
    used_at REAL NOT NULL
) STRICT;

CREATE INDEX request_views_by_batch ON request_views (account_id, batch_id);

-- `code` and `retryable` repeat the answer's, so that groups are counted from the index alone.
CREATE TABLE requests (
    view INTEGER NOT NULL,
    position INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    code TEXT NOT NULL,
    retryable INTEGER NOT NULL,
    answer_file INTEGER,
    answer INTEGER,
    answers INTEGER NOT NULL,
    PRIMARY KEY (view, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_outcome ON requests (view, outcome, code, retryable);
