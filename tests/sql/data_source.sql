-- Nothing listens on port 1: the sources are created all the same, with a warning.
create data source library type kafka options (
    brokers '127.0.0.1:1', security 'plaintext', topics '^library\.public\.', consumer_group 'metadb',
    schema_stop_filter 'admin', kafka.sasl.password 'hush');
list data_sources;
list status \gset
\echo :type :name :source_sync
create data source library type kafka options (brokers 'b', topics 't', consumer_group 'g');
create data source other type rabbit options (brokers 'b', topics 't', consumer_group 'g');
create data source other type kafka options (topics 't');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', brokerz 'b');
create data source other type kafka options (brokers 'b', topics 't', consumergroup 'g', consumer_group 'g');
create data source other type kafka options (brokers 'b', topics 't,no topic', consumer_group 'g');
create data source other type kafka options (brokers 'b', topics '^(', consumer_group 'g');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', security 'tls');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', table_stop_filter 'a,b(');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', kafka.group.id 'x');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', kafka.no.such 'x');
create data source other type kafka option (brokers 'b');
-- As PostgreSQL's ALTER ... OPTIONS; no word adds.
alter data source library options (set security 'plaintext', drop schema_stop_filter, table_stop_filter 'log', add kafka.client.rack 'r');
list data_sources;
alter data source library options (add schema_stop_filter 'a', set kafka.sasl.password 'secret');
alter data source library options (add table_stop_filter 'x');
alter data source library options (set module 'm');
alter data source library options (drop module);
alter data source library options (drop topics);
alter data source library options (set topics 'no topic');
alter data source library options (set schema_stop_filter '(');
alter data source library options (set nothing 'x');
alter data source library options (set topics);
alter data source nobody options (set topics 't');
alter data source library options (set topics '^lib\.', set consumer_group 'metadb_2');
list status \gset
\echo :state :source_stream
resume data source library;
list status \gset
select :'source_stream' in ('starting', 'error') as has_begun;
resume data source library;
pause data source library;
pause data source library;
list status \gset
select :'state' as state, :'source_stream' as stream, :'since'::timestamptz between now() - interval '1 minute' and now() as since;
alter data source library options (set topics '^library\.');
resume data source library;
pause data source nobody;
resume data source nobody;
pause data library;
drop data source other;
Drop Data Source LIBRARY;
list status;
-- Every keyword of ours is a name as well.
create data source source type kafka options (brokers '127.0.0.1:1', topics 't', consumer_group 'g', security 'plaintext');
drop data source "source";
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', events 'unwrapped');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', table_from_topic '(?<table>x');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', table_from_topic '(?<table>x)');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', dead_letter_limit 'many');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', unavailable_placeholder 'hex:1');
