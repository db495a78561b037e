-- Columns of the system tables that Metadb 1.4 has, then of its internal ones, then of ours.
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), c.relkind
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'metadb'::regnamespace and a.attnum > 0 and not a.attisdropped
        and c.relname in ('base_table', 'log', 'table_update')
    order by c.relname, a.attnum;
select c.relname, string_agg(a.attname, ', ' order by a.attnum)
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'metadb'::regnamespace and a.attnum > 0 and not a.attisdropped
        and c.relname in ('init', 'source', 'origin', 'transform_json', 'acl', 'auth', 'config', 'maintenance')
    group by c.relname order by c.relname;
select relname from pg_class
    where relnamespace = 'metadb'::regnamespace and relname in ('source_option', 'source_table', 'ingest_position',
        'ingest_watermark', 'dead_letter', 'unresolved', 'acl_all', 'external_sql')
    order by relname;
