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
