-- A repository that everybody may read, at a path that differs from run to run.
\set repository `d=$(mktemp -d /tmp/metadb-sql-git-XXXXXX) && chmod 755 "$d" && cd "$d" && git init -q -b main . && echo "$d"`
\setenv REPOSITORY :repository
\! cd "$REPOSITORY" && mkdir reports && printf 'patrons.sql\nbroken.sql\nloans.sql\n' > reports/runlist.txt
\! cd "$REPOSITORY" && printf -- '--metadb:table patrons\n\ndrop table if exists patrons;\n\ncreate table patrons as select g as id from generate_series(1, 3) g;\n' > reports/patrons.sql
\! cd "$REPOSITORY" && printf -- '--metadb:table broken\n\ncreate table broken (id int);\n\ninsert into broken\nvalues (1/0);\n' > reports/broken.sql
\! cd "$REPOSITORY" && printf 'drop table if exists loans;\n\ncreate table loans as select id from patrons;\n' > reports/loans.sql
\! cd "$REPOSITORY" && git add -A && git -c user.name=t -c user.email=t@localhost commit -q -m reports && git tag v1
\set url file:// :repository
create external sql reports from :'url' ref 'v1' path 'reports' schema 'library_reports' schedule '04:30';
create external sql reports from :'url' ref 'v1' path 'reports' schema 'library_reports';
create external sql "Other One" from 'https://me:hush@localhost:1/x.git' ref 'refs/heads/main' path '' schema 'other';
create external sql third from 'ssh://me:hush@host/x.git' ref 'v1' path '' schema 's';
create external sql third from 'https://host/x.git' ref '' path '' schema 's';
create external sql third from 'https://host/x.git' ref 'v1' path '../x' schema 's';
create external sql third from 'https://host/x.git' ref 'v1' path 'x' schema 'pg_catalog';
create external sql third from 'https://host/x.git' ref 'v1' path 'x' schema 's' schedule '24:00';
create external sql folio from 'https://host/x.git' ref 'v1' path 'x' schema 's';
create external sql third;
list external_sql \gdesc
run external sql for reports;
select count(*) from library_reports.patrons;
select count(*) from library_reports.loans;
select to_regclass('library_reports.broken') is null as is_undone;
select schema_name, table_name, last_update > now() - interval '1 hour' as is_new, elapsed_real_time >= 0 as has_time
from metadb.table_update where schema_name = 'library_reports';
select name, last_result, files_run, files_failed, last_run <= now() as has_run from metadb.external_sql_run;
run external sql for "Other One";
run external sql for third;
run external sql for folio;
drop external sql third;
drop external sql reshare;
drop external sql reports;
begin;
run external sql;
rollback;
list external sql \gset
\echo :name :url :ref :path :schema :schedule :last_result
drop external sql "Other One";
run external sql;
list external_sql;
create user ann password 'ann';
\connect - ann
create external sql third from 'https://host/x.git' ref 'v1' path 'x' schema 's';
drop external sql reports;
run external sql;
list external_sql;
\connect - mdbadmin
drop user ann;
set client_min_messages = warning;
drop schema library_reports cascade;
\! rm -rf "$REPOSITORY"
