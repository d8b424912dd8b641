-- How far the journal of a workstation was taken in that decided taps while this server could not be reached: nothing may be left out of it.
CREATE TABLE journals (
    workstation_id    UUID   PRIMARY KEY NOT NULL REFERENCES workstations (workstation_id) ON DELETE CASCADE,
    journal_name      BYTEA  NOT NULL,
    journal_sequence  BIGINT NOT NULL,
    journal_last      BYTEA  NOT NULL
);
