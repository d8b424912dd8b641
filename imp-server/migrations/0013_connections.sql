-- The connection policy: which machine may connect to which. One text for SQLite and PostgreSQL.

-- Every version. The one with the largest number is in force.
CREATE TABLE connection_policies (
    policy_version     BIGINT PRIMARY KEY NOT NULL,
    policy_document    TEXT   NOT NULL,
    policy_changed_by  TEXT   NOT NULL,
    policy_changed_at  BIGINT NOT NULL
);

-- Rules that were learned from what was seen, and what somebody else said to them. `proposal_version` is the version that
-- has them.
CREATE TABLE connection_proposals (
    proposal_id          UUID   PRIMARY KEY NOT NULL,
    proposal_base        BIGINT NOT NULL,
    proposal_document    TEXT   NOT NULL,
    proposal_left_out    BIGINT NOT NULL,
    proposal_by          TEXT   NOT NULL,
    proposal_at          BIGINT NOT NULL,
    proposal_decided_by  TEXT,
    proposal_decided_at  BIGINT,
    proposal_version     BIGINT,
    proposal_remark      TEXT
);

-- What enforcement points saw, added up.
CREATE TABLE connection_observations (
    observed_from      TEXT   NOT NULL,
    observed_to        TEXT   NOT NULL,
    observed_protocol  TEXT   NOT NULL,
    observed_port      BIGINT NOT NULL,
    observed_outcome   TEXT   NOT NULL,
    observed_count     BIGINT NOT NULL,
    observed_first     BIGINT NOT NULL,
    observed_last      BIGINT NOT NULL,
    PRIMARY KEY (observed_from, observed_to, observed_protocol, observed_port, observed_outcome)
);
CREATE INDEX connection_observations_by_time ON connection_observations (observed_last);

-- Reports that came in, so that one that is sent again counts once.
CREATE TABLE connection_reports (
    report_machine  TEXT   NOT NULL,
    report_id       UUID   NOT NULL,
    report_at       BIGINT NOT NULL,
    PRIMARY KEY (report_machine, report_id)
);
CREATE INDEX connection_reports_by_time ON connection_reports (report_at);
