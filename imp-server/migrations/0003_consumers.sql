-- Who lives on the log: how far each consumer has come, and which server runs it now.
CREATE TABLE consumers (
    consumer       TEXT   PRIMARY KEY NOT NULL,
    next_index     BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    aside_in_row   BIGINT NOT NULL,
    retry_at       BIGINT,
    last_error     TEXT,
    paused_at      BIGINT,
    holder         UUID,
    held_until     BIGINT
);

-- Entries that a consumer could not digest. With `again`, they are to be shown to it once more.
CREATE TABLE set_aside (
    consumer      TEXT    NOT NULL,
    log_index     BIGINT  NOT NULL,
    why           TEXT    NOT NULL,
    set_aside_at  BIGINT  NOT NULL,
    again         BOOLEAN NOT NULL,
    PRIMARY KEY (consumer, log_index)
);
