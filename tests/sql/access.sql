create user ann with password 'ann';
create user ben with password 'ben';
-- As a source's tables stand in the catalog.
create schema library;
create table library.patron__ (__id bigint, __current boolean, name text) partition by list (__current);
create table library.patron partition of library.patron__ for values in (true);
insert into metadb.base_table values ('library', 'patron', 'test', false, '', '');
insert into library.patron__ values (1, true, 'Wegg');
create schema "My Schema";
create table "My Schema"."a ""table""" (id int);
create function "My Schema"."f(x)"(a integer, b text[], c timestamp(3) with time zone) returns int language sql as 'select $1';
create function "My Schema"."f(x)"(a integer) returns int language sql as 'select $1';
create function library.f() returns int language sql as 'select 1';
create procedure library.p(int) language sql as 'select 1';
revoke execute on all routines in schema "My Schema", library from public;
create type public.mood as enum ('good');
create function library.g(public.mood) returns int language sql as 'select 1';
create index patron_name on library.patron (name);
-- One table: main and current are separate names.
grant access on table library.patron__ to ann;
\connect - ann
select * from library.patron__;
select * from library.patron;
select * from metadb.log where false;
\connect - mdbadmin
grant access on table library.patron to ann;
grant access on table library.patron to ann;
grant access on table "My Schema"."a ""table""" to ann;
grant access on function library.f() to ann;
grant access on function "My Schema"."f(x)"(int, text[], timestamptz) to ann;
grant access on function "My Schema"."f(x)"(int4) to ben;
grant access on function library.p(integer) to ben;
grant access on function library.g(mood) to ben;
grant access on table metadb.log to ben;
list authorizations;
\connect - ann
select * from library.patron;
select * from "My Schema"."a ""table""";
select library.f(), "My Schema"."f(x)"(7, '{}', now());
select "My Schema"."f(x)"(7);
\connect - ben
select "My Schema"."f(x)"(7);
select library.f();
call library.p(1);
select count(*) from metadb.log where false;
select * from library.patron;
-- Errors.
grant access on table library.patron to ben;
revoke access on all from ann;
list authorizations;
\connect - mdbadmin
grant access on table library.loan to ann;
grant access on table no_such.patron to ann;
grant access on table library.patron_name to ann;
grant access on table library.patron to nobody;
grant access on table library.patron to mdbadmin;
grant access on function library.f(int) to ann;
grant access on function library.f(no_such_type) to ann;
grant access on all to nobody;
grant access on table pg_catalog.pg_authid to ann;
grant access on table metadb.source to ann;
grant access on function pg_catalog.now() to ann;
grant access on table patron to ann;
grant access on tables library.patron to ann;
begin;
grant access on all to ann;
rollback;
begin;
revoke access on all from ann;
rollback;
revoke access on table library.loan from ann;
revoke access on function library.f(int) from ann;
revoke access on all from nobody;
-- On all: what there is, and what comes.
grant access on all to ben;
list authorizations;
list users;
\connect - ben
select name from library.patron;
select name from library.patron__;
select count(*) from metadb.base_table;
select count(*) >= 0 as t from metadb.table_update;
select count(*) > 0 as t from metadb.log;
select count(*) > 0 as t from mdblog();
select mdbversion() like 'metadb %' as t;
select * from metadb.source;
select * from metadb.auth;
select * from "My Schema"."a ""table""";
\connect - mdbadmin
revoke access on table library.patron from ben;
revoke access on all from ben;
revoke access on all from ben;
\connect - ben
select * from library.patron;
select * from metadb.base_table;
select count(*) from metadb.log where false;
call library.p(1);
\connect - mdbadmin
-- A grant outlives its object.
drop table "My Schema"."a ""table""";
list authorizations;
create table "My Schema"."a ""table""" as select 5 as id;
drop function library.f();
create function library.f() returns int language sql as 'select 2';
revoke execute on function library.f() from public;
\connect - ann
select * from "My Schema"."a ""table""";
select library.f();
\connect - mdbadmin
-- Taken back.
revoke access on table library.patron from ann;
revoke access on table library.patron from ann;
revoke access on function library.f() from ann;
revoke access on function library.g(mood) from ben;
drop table "My Schema"."a ""table""";
revoke access on table "My Schema"."a ""table""" from ann;
revoke access on table "My Schema"."a ""table""" from ann;
drop function "My Schema"."f(x)"(integer);
revoke access on function "My Schema"."f(x)"(int) from ben;
\connect - ann
select * from library.patron;
select name from library.patron__;
select library.f();
\connect - mdbadmin
list authorizations;
deregister user ann;
list authorizations;
\connect - ann
select name from library.patron__;
\connect - mdbadmin
drop user ann;
register user ann;
drop user ann;
drop user ben;
list authorizations;
delete from metadb.base_table where schema_name = 'library';
drop schema library, "My Schema", ann, ben cascade;
drop type mood;
