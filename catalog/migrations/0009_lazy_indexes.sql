-- A table that its snapshot is still loading has its unique index only.
ALTER TABLE metadb.managed_table ADD COLUMN lacks_indexes boolean NOT NULL DEFAULT false;
