-- What a user who knows the documentation of Metadb 1.4 types: each statement must do here what it does
-- there. `-- as NAME` holds until the next one; `-- rows N` is what the next query returns.

-- Data sources, origins, mappings, parameters.
-- as postgres
create data source sensor type kafka options (
    brokers 'kafka:29092',
    topics '^metadb_sensor_1\.',
    consumer_group 'metadb_sensor_1_1',
    add_schema_prefix 'sensor_',
    table_stop_filter '^testing\.air_temp$,^testing\.air_temp_avg$'
);
alter data source sensor options (set consumer_group 'metadb_sensor_1');
alter data source sensor options
    (set topics '^metadb_sensor_2\.', set consumer_group 'metadb_sensor_2_1');
drop data source sensor;
create data source sensor type kafka options (
    brokers 'kafka:29092',
    topics '^metadb_sensor_1\.',
    consumer_group 'metadb_sensor_1_1',
    add_schema_prefix 'sensor_',
    schema_stop_filter 'admin'
);
create data source folio type kafka options (
    module 'folio',
    trim_schema_prefix 'tenantname_',
    add_schema_prefix 'folio_',
    brokers 'kafka:29092',
    topics '^metadb_folio_1\.',
    consumer_group 'metadb_folio_1_1',
    schema_stop_filter 'admin'
);
create data origin test_origin;
create data origin tenant1;
create data origin tenant2;
create data origin tenant3;
create data source reshare type kafka options (
    module 'reshare',
    add_schema_prefix 'reshare_',
    brokers 'kafka:29092',
    topics '^metadb_reshare_1\.',
    consumer_group 'metadb_reshare_1_1',
    schema_stop_filter 'admin'
);
drop data source sensor;
drop data source folio;
drop data source reshare;
create data mapping for json
    from table library.patrongroup__ column jsondata path '$'
    to 't';
create data mapping for json
    from table library.inventory__ column jsondata path '$'
    to 't';
create data mapping for json
    from table library.inventory__ column jsondata path '$.metadata'
    to 'metadata';
create data mapping for json
    from table library.inventory__ column jsondata path '$.tags'
    to 'tags';
create data mapping for json
    from table library.inventory__ column jsondata path '$.tags.tagList'
    to 'taglist';
-- rows 5
list data_mappings;
drop data mapping for json
    from table library.inventory__ column jsondata path '$.tags.tagList';
alter system set external_sql_folio =
    'https://github.com/folio-org/folio-analytics.git/refs/tags/v1.8.0';
alter system set external_sql_folio = 'refs/tags/v1.8.0';
alter system set external_sql_folio = '';
alter system set external_sql_reshare =
    'https://github.com/openlibraryenvironment/reshare-analytics.git/refs/tags/v1.1.0';
alter system set external_sql_reshare = 'refs/tags/20230912004531';
alter system set external_sql_reshare = '';
alter system set checkpoint_segment_size = '3000';
alter system set max_poll_interval = '1800000';
alter system set kafka_sync_concurrency = '1';
list config;
list data_origins;
list data_sources;
list status;

-- Tables.
alter table library.patrongroup__ add column note text;
alter table library.patron__ alter column patrongroup_id type uuid;
refresh inferred column types;
verify consistency;
purge data drop table library.table1__, library.table2__;

-- Users and access.
create user wegg with password 'LZn2DCajcNHpGR3ZXWHD', comment 'Silas Wegg';
deregister user wegg;
register user wegg;
drop user wegg;
create role jane login;
register user jane;
create schema for user jane;
create role beatrice login;
register user beatrice;
create user anna with password 'p';
create user bob with password 'p';
create user celia with password 'p';
create user rosalind with password 'p';
create user lisa with password 'p';
grant access on table library.patrongroup to anna;
grant access on function public.mdblog(interval) to anna;
revoke access on all from bob;
grant access on table library.patrongroup to bob;
revoke access on table library.patrongroup from bob;
grant access on all to celia;
grant access on all to lisa;
-- as anna
-- rows 4
select id, groupname, description from library.patrongroup;

-- What users read: versions, current rows, origins, documents.
-- as celia
-- rows 5
select __start, __end, __current, id, groupname, description from library.patrongroup__;
-- rows 4
select id, groupname, description from library.patrongroup__ where __current;
-- rows 4
select id, groupname, description from library.patrongroup;
-- rows 4
select __id, __start, __origin, id, groupname, description from library.patrongroup;
-- rows 4
select __id,
       __start,
       id,
       jsonb_extract_path_text(jsondata, 'groupname') as groupname,
       jsonb_extract_path_text(jsondata, 'description') as description
    from library.patrongroup;
-- rows 1
select id from library.patrongroup__
    where id = 15 and __start <= '2022-04-18' and '2022-04-18' < __end;
create table celia.westgroup as
    select * from library.patrongroup where __origin = 'west';
-- rows 1
select * from celia.westgroup limit 20;
grant usage on schema celia to rosalind;
grant select on celia.westgroup to rosalind;
-- as rosalind
-- rows 1
select * from celia.westgroup;

-- as lisa
-- rows 1
select item_id,
       count(*) as loan_count
    from folio_circulation.loan__t
    where '2023-01-01' <= loan_date and loan_date < '2024-01-01'
    group by item_id;
create function lisa.count_loans(
    start_date date default '2000-01-01',
    end_date date default '2050-01-01')
returns table(
    item_id uuid,
    loan_count integer)
as $$
select item_id,
       count(*) as loan_count
    from folio_circulation.loan__t
    where start_date <= loan_date and loan_date < end_date
    group by item_id
$$
language sql
stable
parallel safe;
-- rows 0
select * from lisa.count_loans(start_date => '2022-01-01', end_date => '2023-01-01');
-- rows 1
select * from lisa.count_loans(start_date => '2023-01-01');
grant usage on schema lisa to celia, rosalind;
grant execute on function lisa.count_loans to celia, rosalind;
-- as celia
-- rows 1
select jsonb from folio_users.groups;
-- rows 1
select jsonb_pretty(jsonb) from folio_users.groups;
-- rows 1
select jsonb_extract_path_text(jsonb, 'group') from folio_users.groups;
create table celia.instance_format_ids as
select id as instance_id,
       instance_format_ids.jsonb #>> '{}' as instance_format_id,
       instance_format_ids.ordinality
from folio_inventory.instance
    cross join lateral jsonb_array_elements(jsonb_extract_path(jsonb, 'instanceFormatIds'))
        with ordinality as instance_format_ids (jsonb);
-- rows 2
select * from celia.instance_format_ids;
create table celia.holdings_notes as
select id as holdings_id,
       jsonb_extract_path_text(notes.jsonb, 'holdingsNoteTypeId')::uuid
           as holdings_note_type_id,
       jsonb_extract_path_text(notes.jsonb, 'note') as note,
       jsonb_extract_path_text(notes.jsonb, 'staffOnly')::boolean as staff_only,
       notes.ordinality
from folio_inventory.holdings_record
    cross join lateral jsonb_array_elements(jsonb_extract_path(jsonb, 'notes'))
        with ordinality as notes (jsonb);
-- rows 1
select * from celia.holdings_notes where staff_only;
-- rows 1
select g.id, g.group, g.desc from folio_users.groups__t as g;

-- The system.
-- rows 1
select mdbversion();
select * from mdbusers();
select * from mdblog('1 hour');
select * from mdblog();
select * from ps();
select * from metadb.table_update order by schema_name, table_name;
-- rows 0
select *
    from metadb.log
    where '2023-01-01' <= log_time and log_time < '2023-02-01'
    order by log_time;
-- rows 0
select last_update
    from metadb.table_update
    where schema_name = 'folio_source_record' and table_name = 'marc__t';
select schema_name, table_name, source_name, transformed, parent_schema_name, parent_table_name
    from metadb.base_table;
-- as postgres
revoke access on table library.patrongroup from anna;
drop user anna;
drop user bob;
drop user rosalind;
drop user lisa;
drop user celia;
deregister user beatrice;
drop user jane;
