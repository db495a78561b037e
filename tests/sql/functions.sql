select * from mdbusers() \gdesc
select * from ps() \gdesc
create user ann password 'ann';
insert into metadb.auth (username) values ('ann');
select * from mdbusers();
select dbname, username, state, query from ps();
select mdbversion() ~ '^metadb [0-9.]+$' as has_version;
grant execute on function mdbusers(), ps() to ann;
grant usage on schema metadb to ann;
grant select on metadb.log to ann;
\connect - ann
select * from mdbusers();
select * from ps();
select count(*) > 0 as has_lines from mdblog();
\connect - mdbadmin
revoke all on function mdbusers(), ps() from ann;
revoke all on schema metadb from ann;
revoke all on metadb.log from ann;
delete from metadb.auth;
drop user ann;
