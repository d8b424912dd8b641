-- Receivers of security events: each holds a token, here by digest, with which it manages and polls its own streams.
-- `allowed_kinds` is a list with commas; empty: every type.
CREATE TABLE receivers (
    receiver_id    UUID   PRIMARY KEY NOT NULL,
    receiver_name  TEXT   NOT NULL UNIQUE,
    receiver_token BYTEA  NOT NULL UNIQUE,
    audience       TEXT   NOT NULL,
    allowed_kinds  TEXT   NOT NULL,
    admitted_at    BIGINT NOT NULL
);

-- Streams of events to other systems. `settings` are sealed: they hold tokens, keys and passwords. How far a stream has
-- come stands in `consumers`, as `stream-<stream_id>`.
CREATE TABLE streams (
    stream_id      UUID   PRIMARY KEY NOT NULL,
    stream_name    TEXT   NOT NULL UNIQUE,
    receiver_id    UUID   REFERENCES receivers (receiver_id),
    delivery       TEXT   NOT NULL,
    kinds          TEXT   NOT NULL,
    form           TEXT   NOT NULL,
    audience       TEXT   NOT NULL,
    description    TEXT,
    stream_status  TEXT   NOT NULL,
    status_reason  TEXT,
    settings       BYTEA  NOT NULL,
    revision       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX streams_by_receiver ON streams (receiver_id) WHERE receiver_id IS NOT NULL;

-- What a polling receiver has acknowledged ahead of its cursor.
CREATE TABLE stream_acknowledged (
    stream_id  UUID   NOT NULL REFERENCES streams (stream_id),
    log_index  BIGINT NOT NULL,
    PRIMARY KEY (stream_id, log_index)
);

-- Tokens that are about a stream and not in the log: verifications. `payload` is the event in JSON.
CREATE TABLE stream_messages (
    message_id  UUID   PRIMARY KEY NOT NULL,
    stream_id   UUID   NOT NULL REFERENCES streams (stream_id),
    event_uri   TEXT   NOT NULL,
    payload     TEXT   NOT NULL,
    made_at     BIGINT NOT NULL
);
CREATE INDEX stream_messages_by_stream ON stream_messages (stream_id, message_id);
