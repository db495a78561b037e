-- Of the source's last transaction that gave a row the key of another one which it has not yet taken
-- away: the row that has the key now, and the time of the transaction. The next delete of that key
-- in it is about the other row.
CREATE TABLE metadb.displaced (
    schema_name varchar(63) NOT NULL,
    table_name  varchar(63) NOT NULL,
    row_id      bigint NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (schema_name, table_name, row_id)
);
