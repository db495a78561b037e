-- Tableau: psqlODBC with UseDeclareFetch=1, as its log of statements shows: strings of several statements.
-- @simple
SET DateStyle = 'ISO';SET extra_float_digits = 2;show transaction_isolation
-- @simple
select oid, typbasetype from pg_type where typname = 'lo'
-- @simple
BEGIN;declare "SQL_CUR0x7fd8e4059e00" cursor with hold for SELECT 1 AS "COL";fetch 2048 in "SQL_CUR0x7fd8e4059e00"
-- @simple
close "SQL_CUR0x7fd8e4059e00"
-- @simple
SAVEPOINT _EXEC_SVP_0x7fd8e4059e00;CREATE LOCAL TEMPORARY TABLE "#Tableau_1_1_Connect" ("COL" INTEGER) ON COMMIT PRESERVE ROWS
-- @simple
RELEASE _EXEC_SVP_0x7fd8e4059e00;SAVEPOINT _EXEC_SVP_0x7fd8e4059e00;INSERT INTO "#Tableau_1_1_Connect" VALUES (1)
-- @simple
RELEASE _EXEC_SVP_0x7fd8e4059e00;SAVEPOINT _EXEC_SVP_0x7fd8e4059e00;declare "SQL_CUR0x7fd8e4059e01" cursor with hold for SELECT * FROM "#Tableau_1_1_Connect";fetch 2048 in "SQL_CUR0x7fd8e4059e01"
-- @simple
close "SQL_CUR0x7fd8e4059e01"
-- @simple
DROP TABLE "#Tableau_1_1_Connect"
-- @simple
RELEASE _EXEC_SVP_0x7fd8e4059e00;SAVEPOINT _EXEC_SVP_0x7fd8e4059e00;SELECT nothing FROM "library"."items"
-- @simple
ROLLBACK to _EXEC_SVP_0x7fd8e4059e00;RELEASE _EXEC_SVP_0x7fd8e4059e00
-- @simple
COMMIT
-- @simple
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname
-- @simple
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, c.oid, pg_get_expr(d.adbin, d.adrelid), case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity, c.relhassubclass from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname = E'items' and n.nspname = E'library') inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid) inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum order by n.nspname, c.relname, attnum
-- @prepared
SELECT * FROM "library"."items" "items" LIMIT 0
-- @extended
SELECT "items"."id" AS "id" FROM "library"."items" "items" WHERE 1=0
-- @simple
BEGIN;declare "SQL_CUR0x7fd8e405a000" cursor with hold for SELECT "items"."title" AS "title", SUM("items"."price") AS "sum:price:ok" FROM "library"."items" "items" GROUP BY 1 ORDER BY 1;fetch 8 in "SQL_CUR0x7fd8e405a000"
-- @simple
COMMIT
-- @simple
fetch 8 in "SQL_CUR0x7fd8e405a000"
-- @simple
fetch 8 in "SQL_CUR0x7fd8e405a000"
-- @simple
close "SQL_CUR0x7fd8e405a000"
