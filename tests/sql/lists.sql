list config;
list data_origins;
list data_mappings;
list authorizations;
list users;
list tables;
list dead_letters;
list snapshot_tables;
LIST STATUS;
list topics;
list everything;
list;
-- Names and types of the columns.
list authorizations \gdesc
list config \gdesc
list data_mappings \gdesc
list data_origins \gdesc
list data_sources \gdesc
list dead_letters \gdesc
list snapshot_tables \gdesc
list status \gdesc
list tables \gdesc
list topics \gdesc
list users \gdesc
