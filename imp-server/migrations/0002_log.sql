-- The transparency log. What was written before it waits in `earlier_events` until the next start takes it in, and is
-- then gone: personal data have one place, where an erasure reaches them.
DROP INDEX events_by_user;
DROP INDEX events_by_kind;
ALTER TABLE events RENAME TO earlier_events;

-- One row a leaf of the tree, never removed. Erasing a record empties `record`, `salt` and everything that was derived
-- from the record; the commitment stays, and with it every proof.
CREATE TABLE entries (
    log_index       BIGINT PRIMARY KEY NOT NULL,
    event_id        UUID   NOT NULL UNIQUE,
    at              BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    outcome         TEXT,
    user_id         UUID,
    actor_id        UUID,
    workstation_id  UUID,
    device_id       UUID,
    record          TEXT,
    salt            BYTEA,
    commitment      BYTEA  NOT NULL
);
CREATE INDEX entries_by_time ON entries (at, log_index);
CREATE INDEX entries_by_kind ON entries (kind, log_index);
CREATE INDEX entries_by_user ON entries (user_id, log_index) WHERE user_id IS NOT NULL;
CREATE INDEX entries_by_actor ON entries (actor_id, log_index) WHERE actor_id IS NOT NULL;
CREATE INDEX entries_by_workstation ON entries (workstation_id, log_index) WHERE workstation_id IS NOT NULL;
CREATE INDEX entries_by_device ON entries (device_id, log_index) WHERE device_id IS NOT NULL;
CREATE INDEX entries_by_outcome ON entries (outcome, log_index) WHERE outcome IS NOT NULL;

-- The tree's right edge (its perfect subtrees, largest first) and the checkpoint of exactly these entries: written in
-- the transaction of the entries.
CREATE TABLE log_head (
    origin      TEXT   PRIMARY KEY NOT NULL,
    size        BIGINT NOT NULL,
    peaks       BYTEA  NOT NULL,
    last_at     BIGINT NOT NULL,
    checkpoint  TEXT   NOT NULL
);

-- Tiles of C2SP tlog-tiles. Level 0 is written when a tile is full; higher levels grow by one hash at a time.
CREATE TABLE log_tiles (
    tile_level  BIGINT NOT NULL,
    tile_index  BIGINT NOT NULL,
    hashes      BYTEA  NOT NULL,
    PRIMARY KEY (tile_level, tile_index)
);

-- Checkpoints that are kept: those that witnesses cosigned.
CREATE TABLE log_checkpoints (
    size     BIGINT PRIMARY KEY NOT NULL,
    made_at  BIGINT NOT NULL,
    note     TEXT   NOT NULL
);

-- How far the erasure of what is past its retention has come, for each kind.
CREATE TABLE log_retention (
    kind        TEXT   PRIMARY KEY NOT NULL,
    next_index  BIGINT NOT NULL
);

-- What an administrator asked to have erased, and what an auditor said. With `next_index` it is being carried out.
CREATE TABLE log_erasures (
    erasure_id    UUID   PRIMARY KEY NOT NULL,
    person        UUID,
    log_index     BIGINT,
    reason        TEXT   NOT NULL,
    requested_by  TEXT   NOT NULL,
    requested_at  BIGINT NOT NULL,
    approved      BOOLEAN,
    decided_by    UUID,
    decided_at    BIGINT,
    next_index    BIGINT,
    erased        BIGINT NOT NULL
);
CREATE INDEX log_erasures_under_way ON log_erasures (decided_at) WHERE next_index IS NOT NULL;
