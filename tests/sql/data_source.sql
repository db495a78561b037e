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
drop data source other;
Drop Data Source LIBRARY;
list status;
-- Every keyword of ours is a name as well.
create data source source type kafka options (brokers '127.0.0.1:1', topics 't', consumer_group 'g', security 'plaintext');
drop data source "source";
