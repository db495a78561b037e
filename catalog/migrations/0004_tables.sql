-- Commands on tables, beside ingest.

-- Another number for each change of a table that is not its ingest's own: a batch that was prepared
-- for an older one notices. No two tables ever have the same, not even one made anew.
CREATE SEQUENCE metadb.table_revision;
ALTER TABLE metadb.managed_table
    ADD COLUMN revision bigint NOT NULL DEFAULT nextval('metadb.table_revision'),
    -- The newest __id when the key last became another one. Versions up to it may overlap under the
    -- present key: they were told apart by an older one.
    ADD COLUMN key_since bigint NOT NULL DEFAULT 0;

-- Columns whose type was chosen here, and does not follow their events for as long as the values fit.
CREATE TABLE metadb.chosen_type (
    schema_name varchar(63) NOT NULL,
    table_name  varchar(63) NOT NULL,
    column_name varchar(63) NOT NULL,
    is_inferred boolean NOT NULL,  -- by REFRESH INFERRED COLUMN TYPES, else by ALTER TABLE
    PRIMARY KEY (schema_name, table_name, column_name)
);
