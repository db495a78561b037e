-- Every field of an error and of a notice.
\set VERBOSITY verbose
set search_path = library;
select nothing from patrons;
select * form patrons;
insert into items values (1, 'again', '1', 1, null, null);
insert into items values (100, 'bad', 'x', 1, null, null);
insert into items values (100, null, '1', 1, null, null);
insert into items values (100, 't', '1', -1, null, null);
insert into items values (100, 't', '1', 1e9, null, null);
insert into loans values (1, 1000, now());
delete from patrons where id = 1;
insert into visits values ('2030-01-01', 1);
select fail();
select tell('this');
select 'é', nothing;
select 1 / 0;
select '{'::json;
select cast('x' as mood);
do $$ begin perform fail(); exception when others then raise notice '% %', sqlstate, sqlerrm; end $$;
set role reader;
select * from patrons;
alter system set work_mem = '5MB';
reset role;
drop table if exists nothing;
set client_min_messages = debug1;
create temporary table with_index (a int primary key);
reset client_min_messages;
\errverbose
set lc_messages = 'de_DE.UTF-8';
alter system set no_such_parameter = '1';
create user reader;
alter table library.nothing add column a int;
alter table items add column title text;
\set VERBOSITY terse
select fail();
\set VERBOSITY sqlstate
select fail();
\set VERBOSITY default
\set SHOW_CONTEXT always
select tell('that');
select fail();
\echo :SQLSTATE :LAST_ERROR_SQLSTATE :ROW_COUNT
set client_encoding = 'LATIN1';
select nothing as "o";
reset client_encoding;
select e'\xff';
