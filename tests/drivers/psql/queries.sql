-- How psql sends and shows queries.
set search_path = library;
select id, name, born, feels, lives from patrons order by id;
select * from kinds \gx
select 1 as a, 'x'::text as b, now() as c \gdesc
select a_numeric, lives from kinds, patrons \gdesc
insert into library.patrons values (1) \gdesc
select count(*) as loans from loans \gset
\echo :loans
select format('select %s as n', n) from generate_series(1, 3) n \gexec
select id, name from patrons order by id \g (format=csv)
select id, name from patrons order by id \g queries.out
\! cat queries.out
select name from patrons order by id \g | sort -r
select patron_id, item_id, 1 as n from loans order by 1, 2 \crosstabview
select 1 \; select 2 \; select 'three' as three;
\;\;
select 1 \; \; select 2;
;
\set FETCH_COUNT 3
select id, title from items order by id;
select 1 / (4 - id) from items order by id;
\unset FETCH_COUNT
prepare one (int) as select title from items where id = $1;
execute one (3);
execute one (4);
select name, statement, parameter_types from pg_prepared_statements;
deallocate one;
execute one (3);
begin;
declare c scroll cursor for select id from items order by id;
fetch 2 from c;
fetch backward 1 from c;
move forward 5 in c;
fetch all from c;
select name, is_holdable, is_scrollable from pg_cursors;
close c;
commit;
explain (costs off) select * from items where id = 3;
show search_path;
set timezone = 'Europe/Berlin';
show timezone;
select repeat('long ', 20000) as text, length(repeat('x', 1000000)) \g (tuples_only=on) | md5sum
create temporary table own (a int) on commit preserve rows;
insert into own select generate_series(1, 5) returning a;
select sum(a) from own;
call library.twice(21);
do $$ begin raise notice 'from a block'; end $$;
values (1, 'a'), (2, 'b');
table library.items limit 1;
with deleted as (delete from own where a > 3 returning a) select * from deleted order by a;
-- list config; in a comment, and
select 'list config' as "list data_sources", $$alter system set x = 'y'$$ as list;
