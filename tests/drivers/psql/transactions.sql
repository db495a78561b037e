-- Blocks, savepoints, and strings of several statements as one transaction.
create temporary table t (a int unique deferrable initially deferred);
begin;
insert into t values (1);
savepoint s;
insert into t values ('x');
select 'never';
rollback to s;
select a from t;
release s;
commit and chain;
insert into t values (1);
commit;
select count(*) from t;
begin isolation level serializable read only deferrable;
show transaction_isolation;
create table library.never (a int);
commit;
begin \; insert into t values (2) \; commit;
insert into t values (3) \; select 1 / 0 \; insert into t values (4);
select a from t order by a;
\set ON_ERROR_ROLLBACK on
begin;
insert into t values (5);
insert into t values ('y');
insert into t values (6);
commit;
select a from t order by a;
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT off
insert into t values (7);
select a from t order by a;
rollback;
select a from t order by a;
commit;
\set AUTOCOMMIT on
begin;
prepare transaction 'no';
start transaction;
begin;
commit;
commit;
rollback;
discard all;
