-- DBeaver: pgJDBC's settings, then what its navigator asks of the catalog.
-- @extended
SET extra_float_digits = 3
-- @extended
SET application_name = 'DBeaver 25.1.5 - Main <library>'
-- @extended
SELECT current_schema(),session_user
-- @extended
SHOW search_path
-- @extended
SELECT version()
-- @extended
SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'
-- @extended
select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute,action,ada,add,all}'::text[])
-- @extended
SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1
-- @extended
SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1
-- @extended
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname='library'
-- @extended
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass
 ORDER BY nspname
-- @extended
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C')
ORDER BY t.oid
-- @extended
select e.oid, e.* from pg_catalog.pg_enum e order by e.enumtypid, e.enumsortorder
-- @extended
SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
WHERE c.relnamespace='library'::regnamespace AND c.relkind not in ('i','I','c')
ORDER BY c.oid
-- @extended
SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.oid='library.patrons'::regclass
ORDER BY a.attnum
-- @extended
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, null as consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass
WHERE c.conrelid='library.loans'::regclass
ORDER BY c.oid
-- @extended
SELECT x.* FROM library.kinds x
-- @extended
SHOW TRANSACTION ISOLATION LEVEL
