-- What reviewing needs. One text for SQLite and PostgreSQL.

-- Rules compare sites; notices go to an address.
ALTER TABLE workstations ADD COLUMN workstation_site TEXT;
ALTER TABLE users ADD COLUMN email TEXT;

-- Questions that are asked again. Without an owner: an operator's, and so everybody's.
CREATE TABLE saved_searches (
    search_id    UUID    PRIMARY KEY NOT NULL,
    owner_id     UUID    REFERENCES users (user_id),
    search_name  TEXT    NOT NULL,
    shared       BOOLEAN NOT NULL,
    question     TEXT    NOT NULL
);
CREATE UNIQUE INDEX saved_searches_by_owner ON saved_searches (owner_id, search_name);
CREATE UNIQUE INDEX saved_searches_of_operators ON saved_searches (search_name) WHERE owner_id IS NULL;

-- Cases: where each stands. What happened in them is in the log, at the places that `case_steps` names.
CREATE TABLE cases (
    case_number           BIGINT PRIMARY KEY NOT NULL,
    case_id               UUID   NOT NULL UNIQUE,
    title                 TEXT   NOT NULL,
    case_opened_at        BIGINT NOT NULL,
    case_changed_at       BIGINT NOT NULL,
    about_user_id         UUID,
    about_workstation_id  UUID,
    assignee_id           UUID   REFERENCES users (user_id),
    case_closed_at        BIGINT,
    conclusion            TEXT,
    closing_reason        TEXT
);
CREATE INDEX cases_open ON cases (case_number) WHERE case_closed_at IS NULL;
CREATE INDEX cases_by_assignee ON cases (assignee_id, case_number);

-- The entries of the log that a case is about.
CREATE TABLE case_entries (
    case_number  BIGINT NOT NULL REFERENCES cases (case_number),
    about_index  BIGINT NOT NULL,
    PRIMARY KEY (case_number, about_index)
);
CREATE INDEX case_entries_by_index ON case_entries (about_index);

-- The entries of the log by which a case was opened and changed.
CREATE TABLE case_steps (
    case_number  BIGINT NOT NULL REFERENCES cases (case_number),
    step_index   BIGINT NOT NULL,
    PRIMARY KEY (case_number, step_index)
);
