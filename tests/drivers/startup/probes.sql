-- Health checks, and what SQLAlchemy and asyncpg send around a session.
-- @simple
SELECT 1
-- @simple
;
-- @extended
SELECT version()
-- @simple
-- ping
-- @simple
/* ping */ SELECT 1
-- @simple
SELECT pg_is_in_recovery()
-- @simple
SHOW transaction_read_only
-- @extended
select pg_catalog.version()
-- @extended
select current_schema()
-- @extended
show standard_conforming_strings
-- @extended
SELECT CAST('test plain returns' AS VARCHAR(60)) AS anon_1
-- @simple
SELECT pg_advisory_unlock_all();
CLOSE ALL;
UNLISTEN *;
RESET ALL;
-- @simple
SELECT pg_catalog.set_config('search_path', '', false);
-- @simple
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;SET statement_timeout = '30s'
-- @simple
DISCARD ALL
