-- Metabase: pgJDBC through c3p0, then its synchronization of tables and fields.
-- @extended
SET extra_float_digits = 2
-- @extended
SET application_name = 'Metabase v0.55.1 [c52cf9c3-5b4e-4c5e-9a3b-7d1e1f1a2b3c]'
-- @extended
SHOW TRANSACTION ISOLATION LEVEL
-- @extended
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED
-- @extended
SELECT 1
-- @extended
show timezone
-- @extended
SELECT nspname AS TABLE_SCHEM, NULL AS TABLE_CATALOG FROM pg_catalog.pg_namespace
 WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1])
 AND (nspname !~ '^pg_toast_temp_' OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
 ORDER BY TABLE_SCHEM
-- @prepared
with table_privileges as (
 select
   NULL as role,
   t.schemaname as schema,
   t.objectname as table,
   pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"."' || t.objectname || '"', 'update') as update,
   pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"."' || t.objectname || '"', 'select') as select,
   pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"."' || t.objectname || '"', 'insert') as insert,
   pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"."' || t.objectname || '"', 'delete') as delete
 from (
   select schemaname, tablename as objectname from pg_catalog.pg_tables
   union
   select schemaname, viewname as objectname from pg_catalog.pg_views
   union
   select schemaname, matviewname as objectname from pg_catalog.pg_matviews
 ) t
 where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema'
   and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')
)
select t.* from table_privileges t order by 2, 3
-- @extended
SELECT n.nspname AS schema, c.relname AS name,
 CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS type,
 d.description AS description, s.n_live_tup AS estimated_row_count
 FROM pg_catalog.pg_class AS c
 INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
 LEFT JOIN pg_catalog.pg_description AS d ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
 LEFT JOIN pg_stat_user_tables AS s ON n.nspname = s.schemaname AND c.relname = s.relname
 WHERE c.relnamespace = n.oid AND n.nspname IN ('library') AND c.relkind IN ('r', 'p', 'v', 'f', 'm')
 ORDER BY type, schema, name
-- @extended
SELECT c.column_name AS name,
 CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN FORMAT('%s', c.udt_name) ELSE FORMAT('"%s"."%s"', c.udt_schema, c.udt_name) END AS "database-type",
 c.ordinal_position - 1 AS "database-position", c.table_schema AS "table-schema", c.table_name AS "table-name",
 pk.column_name IS NOT NULL AS "pk?",
 col_description(CAST(CAST(format('%I.%I', CAST(c.table_schema AS TEXT), CAST(c.table_name AS TEXT)) AS REGCLASS) AS OID), c.ordinal_position) AS "field-comment",
 ((column_default IS NULL OR LOWER(column_default) = 'null') AND is_nullable = 'NO' AND NOT (column_default IS NOT NULL AND column_default LIKE '%nextval(%') AND is_identity = 'NO') AS "database-required",
 column_default AS "database-default"
 FROM information_schema.columns AS c
 LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints AS tc
   INNER JOIN information_schema.key_column_usage AS kc ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema AND tc.table_name = kc.table_name
   WHERE tc.constraint_type = 'PRIMARY KEY') AS pk
  ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name
 WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_schema IN ('library')
UNION ALL
 SELECT pa.attname, CASE WHEN ptn.nspname IN ('public', 'pg_catalog') THEN FORMAT('%s', pt.typname) ELSE FORMAT('"%s"."%s"', ptn.nspname, pt.typname) END,
 pa.attnum - 1, pn.nspname, pc.relname, FALSE, NULL, FALSE, NULL
 FROM pg_catalog.pg_class AS pc
 INNER JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace
 INNER JOIN pg_catalog.pg_attribute AS pa ON pa.attrelid = pc.oid
 INNER JOIN pg_catalog.pg_type AS pt ON pt.oid = pa.atttypid
 INNER JOIN pg_catalog.pg_namespace AS ptn ON ptn.oid = pt.typnamespace
 WHERE pc.relkind = 'm' AND pa.attnum >= 1 AND pn.nspname IN ('library')
 ORDER BY "table-schema", "table-name", "database-position"
-- @extended
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e) ORDER BY 1, 2
-- @batch
BEGIN READ ONLY
--
SELECT "library"."items"."id" AS "id", "library"."items"."title" AS "title" FROM "library"."items" LIMIT 2001
-- @extended
ROLLBACK
