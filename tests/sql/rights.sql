create user ann password 'ann';
create user ben password 'ben';
\connect - ann
select session_user;
list status;
list config;
create data source s type kafka options (brokers 'b', topics 't', consumer_group 'g');
alter data source s options (set topics 't');
drop data source s;
pause data source s;
resume data source s;
create data origin o;
create data mapping for json from table s.t__ column c path '$' to 't';
drop data mapping for json from table s.t__ column c path '$';
purge dead letters;
retry dead letters;
list topics;
list data_sources;
alter system set max_poll_interval = '20000';
verify consistency;
\connect - mdbadmin
grant metadb_admin to ann;
insert into metadb.auth (username) values ('ben');
\connect - ann
list data_origins;
\connect - ben
list status;
list data_origins;
\connect - mdbadmin
delete from metadb.auth;
drop user ann;
drop user ben;
