-- What leaves values out waits behind a record that was set aside and may hold them.
ALTER TABLE metadb.dead_letter
    -- That record, by partition and offset: the record itself is a follower. NULL: it failed itself.
    ADD COLUMN follows      bigint,
    ADD COLUMN follows_part integer,
    -- Of the insert half of a key change: the old key, as a record's key, or as its header, has it.
    ADD COLUMN old_key      bytea;
-- Those of a key that are closed are looked for, too.
DROP INDEX metadb.dead_letter_open;
CREATE INDEX dead_letter_key ON metadb.dead_letter (source_name, topic, md5(key));
CREATE INDEX dead_letter_followers ON metadb.dead_letter (source_name, topic, follows)
    WHERE follows IS NOT NULL;
