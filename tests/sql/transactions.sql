begin;
list status;
drop data source s;
list status;
rollback;
-- Several commands in one string run in order; an error ends it.
alter system set tables_per_transaction = '7'\; drop data source s\; alter system set tables_per_transaction = '8';
select value from metadb.config where parameter = 'tables_per_transaction';
alter system set tables_per_transaction = '50'\; select 1;
alter system set tables_per_transaction = '50';
-- Every command that changes something is refused in a block.
\set ON_ERROR_ROLLBACK on
begin;
create data source s type kafka options (brokers 'b', topics 't', consumer_group 'g');
alter data source s options (set topics 't');
pause data source s;
resume data source s;
sync data source s;
endsync data source s;
create data origin o;
create data mapping for json from table s.t__ column c path '$' to 't';
drop data mapping for json from table s.t__ column c path '$';
retry dead letters;
purge dead letters;
alter system set tables_per_transaction = '7';
create user u with password 'p';
register user u;
deregister user u;
create schema for user u;
grant access on all to u;
revoke access on all from u;
purge data drop table s.t__;
refresh inferred column types;
verify consistency;
create external sql n from 'https://h/r.git' ref 'v' path '' schema 'x';
drop external sql n;
run external sql;
rollback;
