-- What was found of a topic that is another one now, or has lost records: until it is resynchronized it
-- stands for that, since the topic may show it no more. needs_resync has other reasons as well.
ALTER TABLE metadb.ingest_position ADD COLUMN discontinuity text;
