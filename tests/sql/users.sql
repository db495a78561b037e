-- A user can work in a schema of the same name, and pass its use on.
create user ann with password 'ann', comment 'Ann''s account';
create user ben with comment 'second', password 'ben';
Create User "Carl O'Neil" With Password E'it''s \u0061 "secret"', Comment $$C. O'Neil$$;
create user source with password 'p';
list users;
select rolname, rolcanlogin, rolsuper, rolcreaterole, shobj_description(oid, 'pg_authid') as comment from pg_roles where rolname in ('ann', 'Carl O''Neil') order by 1;
select n.nspname, pg_get_userbyid(n.nspowner) as owner, n.nspacl from pg_namespace n where nspname = 'ann';
\connect - ann
create table ann.t (id int);
insert into ann.t values (1);
grant usage on schema ann to ben;
grant select on ann.t to ben;
\connect - ben
select * from ann.t;
create table ann.mine (id int);
list status;
-- Errors. Nothing is left of what fails.
create user dora with password 'd';
register user ben;
drop user ann;
create schema for user ben;
\connect - mdbadmin
create user ann with password 'other';
create user dora with password '';
create user pg_dora with password 'd';
create user "public" with password 'd';
create user metadb with password 'd';
select count(*) from pg_roles where rolname = 'metadb';
begin;
create user dora with password 'd';
rollback;
-- What has another form is PostgreSQL's.
create user dora with password 'd' connection limit 3;
create user eve with comment 'c';
drop user if exists eve;
drop user dora, eve;
-- Registration of roles that exist.
register user dora;
register user dora;
register user nobody;
register user mdbadmin;
register user metadb_admin;
register user pg_read_all_data;
register user postgres;
register user;
list users;
create schema for user dora;
create schema for user dora;
create schema for user ben;
create schema for user nobody;
alter role dora nologin;
list users;
deregister user dora;
deregister user dora;
deregister user nobody;
create schema for user dora;
-- Not registered: PostgreSQL's, and its error.
drop user dora;
drop user nobody;
drop schema dora;
drop user dora;
-- A member of metadb_admin.
grant metadb_admin to ben;
\connect - ben
create user dora with password 'd';
drop user dora;
drop user ben;
drop user mdbadmin;
register user postgres;
register user mdbadmin;
\connect - mdbadmin
-- What a user owns stays, and can be had again under the same name.
\connect - ann
create function ann.f(int) returns int language sql as 'select $1';
create view ann."v w" as select * from ann.t;
create type ann.mood as enum ('good');
create table ann.u (id int generated always as identity primary key, m ann.mood);
\connect - mdbadmin
drop user ann;
drop user ann;
select pg_get_userbyid(c.relowner) as owner, c.oid::regclass from pg_class c where c.relnamespace = 'ann'::regnamespace and relkind in ('r', 'v') order by 2;
create user ann with password 'ann';
\connect - ann
create table ann.w ();
select * from ann.t;
\connect - mdbadmin
drop user ann;
drop user ben;
drop user "Carl O'Neil";
drop user source;
list users;
drop schema ann, ben, "Carl O'Neil", source, dora cascade;
