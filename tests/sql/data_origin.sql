create data origin north;
create data origin "South West";
list data_origins;
create data origin north;
create data origin;
-- The server has no command that drops one.
delete from metadb.origin;
