-- A topic that was replaced has other records at the same offsets: a letter is the same one only if
-- its record is.
ALTER TABLE metadb.dead_letter DROP CONSTRAINT dead_letter_source_name_topic_part_offset_key;
CREATE UNIQUE INDEX dead_letter_record ON metadb.dead_letter (
    source_name, topic, part, "offset", md5(coalesce(key, '')), md5(coalesce(value, '')),
    coalesce(record_time, 'epoch'));
-- What a later event of a key asks for.
CREATE INDEX dead_letter_open ON metadb.dead_letter (source_name, topic, md5(key))
    WHERE closed IS NULL;
