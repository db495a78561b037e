\set VERBOSITY verbose
list data_sources \gdesc
list config \gdesc
select 'a' \; list config;
alter system set checkpoint_segment_size = '2999';
list config \gx
list data_sources;
create data source nowhere type kafka options (
    brokers '127.0.0.1:1', security 'plaintext', topics '^none\.', consumer_group 'none');
select name, brokers from metadb.source;
list data_sources \g (format=unaligned)
begin;
list data_sources \g (format=csv)
drop data source nowhere;
\echo :SQLSTATE
list data_sources;
rollback;
drop data source nowhere \; drop data source nowhere;
list everything;
create data source x type kafka optons (a 'b');
\errverbose
alter system set checkpoint_segment_size = '0';
set role reader;
-- The rights are those of the role that logged in.
list config \g (format=csv tuples_only=on)
alter system set checkpoint_segment_size = '2998';
reset role;
\set FETCH_COUNT 2
list config \g (format=csv tuples_only=on)
\unset FETCH_COUNT
list config \g | grep -c interval
alter system set checkpoint_segment_size = '3000';
select 'the end';
