-- The third time fails, which ends \watch.
\set VERBOSITY terse
create temporary sequence times;
select 1 / (3 - nextval('times')) as left \watch 0.05
select 'after';
