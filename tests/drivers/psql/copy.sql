-- COPY both ways, by the server and by \copy, in all formats.
create schema driver_psql;
set search_path = driver_psql;
create table rows (id int primary key, name text, at timestamp default '2026-01-01');
copy rows (id, name) from stdin;
1	one
2	\N
3	tab\tand\nline
\.
copy rows to stdout;
copy rows (name, id) to stdout with (format csv, header, force_quote *);
copy (select id from rows order by id desc) to stdout;
\copy rows to 'rows.csv' csv header
\! cat rows.csv
\copy rows (id, name) from stdin csv
4,"four, quoted"
5,
\.
\copy (select * from rows where id > 3) to stdout
\copy rows to 'rows.bin' binary
\! md5sum < rows.bin
create table again (like rows);
\copy again from 'rows.bin' binary
select count(*), md5(string_agg(again::text, ',' order by id)) from again;
\copy rows from program 'seq 100 20000 | sed "s/.*/&,n&,2026-02-01/"' csv
select count(*), min(name), max(name) from rows;
\copy (select * from rows order by id) to program 'md5sum'
copy rows from stdin;
1	again	2026-01-01
\.
copy rows (id, name) from stdin;
9	too	many
\.
copy rows (id) from stdin;
ten
\.
copy nothing from stdin;
\copy rows from 'there is no such file'
copy (select 1 / (n - 3) from generate_series(1, 5) n) to stdout;
begin;
copy rows (id) from stdin;
30000
\.
copy rows (id) from stdin;
1
\.
copy rows to stdout;
rollback;
select count(*) from rows;
-- A copy between two queries of one string.
select 'before' as a \; copy (select 1) to stdout \; select 'after' as b;
drop schema driver_psql cascade;
