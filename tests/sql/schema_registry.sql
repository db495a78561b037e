-- Passwords of the registry are shown nowhere.
create data source library type kafka options (
    brokers '127.0.0.1:1', security 'plaintext', topics 't', consumer_group 'g', format 'avro',
    schema_registry 'https://me:hush@registry.example:8081/v7', schema_registry_type 'apicurio',
    schema_registry_ca '/ca.pem');
create data source other type kafka options (
    brokers '127.0.0.1:1', security 'plaintext', topics 't', consumer_group 'h',
    schema_registry 'http://registry.example', schema_registry_user 'me', schema_registry_password 'hush');
list data_sources;
drop data source library;
drop data source other;
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', schema_registry 'ftp://me:hush@h');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', schema_registry 'h:8081');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', format 'protobuf');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', schema_registry_type 'glue');
create data source other type kafka options (brokers 'b', topics 't', consumer_group 'g', schema_registry_id 'guid');
