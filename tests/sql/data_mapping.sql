create data mapping for json from table lib.inventory__ column jsondata path '$' to 't';
create table public.mine__ (jsondata jsonb);
create data mapping for json from table public.mine__ column jsondata path '$' to 't';
drop table public.mine__;
create data mapping for json from table lib.inventory__ column jsondata path 'a.b' to 't';
create data mapping for json from table lib.inventory__ column jsondata path '$.a[0]' to 't';
create data mapping for json from table lib.inventory__ column jsondata path '$."a.b' to 't';
create data mapping for json from table lib.inventory__ column jsondata path '$.tags.tagList' to 'tagList';
create data mapping for json from table lib.inventory__ column jsondata path '$' to 'seventeen_letters';
create data mapping for json from table lib.inventory__ column jsondata path '$' to 't' backfill;
create data mapping for xml from table lib.inventory__ column jsondata path '$' to 't';
drop data mapping for json from table lib.inventory__ column jsondata path '$.a';
-- Of a table that is gone.
insert into metadb.transform_json values ('lib', 'inventory', 'jsondata', '$', 't'), ('lib', 'inventory', 'jsondata', '$."a.b"', 'a');
list data_mappings;
drop data mapping for json from table lib.inventory__ column jsondata path '$';
drop data mapping for json from table lib.inventory__ column jsondata path '$."a.b"';
list data_mappings;
