-- Durable access, as views: what is to be, and what of it is there. One definition serves the
-- commands, the creation of tables and the event trigger.

-- What `grant access on all` covers. A function's object_name is its canonical signature.
CREATE VIEW metadb.access_all (schema_name, object_name, object_type) AS
    SELECT 'metadb', v.name, 't'
        FROM (VALUES ('base_table'), ('log'), ('table_update')) AS v (name)
    UNION SELECT schema_name::text, table_name::text, 't' FROM metadb.base_table
    UNION SELECT schema_name::text, table_name || '__', 't' FROM metadb.base_table
    UNION SELECT schema_name::text, table_name::text, 't' FROM metadb.table_update
    UNION SELECT n.nspname::text,
               quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')', 'f'
        FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'public'
        JOIN pg_namespace ours ON ours.nspname = 'metadb' AND ours.nspowner = p.proowner
        WHERE p.proname IN ('mdblog', 'mdbusers', 'mdbversion', 'ps');

CREATE VIEW metadb.access_wanted (user_name, schema_name, object_name, object_type) AS
    SELECT user_name, schema_name, object_name, object_type::text FROM metadb.acl
    UNION
    SELECT u.user_name, o.schema_name, o.object_name, o.object_type
        FROM metadb.acl_all u CROSS JOIN metadb.access_all o;

-- Of what is wanted, what exists: the object as GRANT names it, and whether the user has been
-- granted the privilege on it and USAGE on its schema, by name: what PUBLIC or another role has
-- does not count, since it may go.
CREATE VIEW metadb.access AS
    SELECT w.user_name, w.schema_name, w.object_name, w.object_type,
           format('TABLE %I.%I', n.nspname, c.relname) AS object,
           'SELECT' AS privilege,
           c.relowner = r.oid AS is_owner,
           c.relowner = r.oid OR EXISTS (
               SELECT FROM aclexplode(c.relacl) x
               WHERE x.grantee = r.oid AND x.privilege_type = 'SELECT') AS is_granted,
           n.nspowner = r.oid OR EXISTS (
               SELECT FROM aclexplode(n.nspacl) x
               WHERE x.grantee = r.oid AND x.privilege_type = 'USAGE') AS has_usage
        FROM metadb.access_wanted w
        JOIN pg_roles r ON r.rolname = w.user_name
        JOIN pg_namespace n ON n.nspname = w.schema_name
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.object_name
        WHERE w.object_type = 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT w.user_name, w.schema_name, w.object_name, w.object_type,
           format('ROUTINE %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
           'EXECUTE',
           p.proowner = r.oid,
           p.proowner = r.oid OR EXISTS (
               SELECT FROM aclexplode(p.proacl) x
               WHERE x.grantee = r.oid AND x.privilege_type = 'EXECUTE'),
           n.nspowner = r.oid OR EXISTS (
               SELECT FROM aclexplode(n.nspacl) x
               WHERE x.grantee = r.oid AND x.privilege_type = 'USAGE')
        FROM metadb.access_wanted w
        JOIN pg_roles r ON r.rolname = w.user_name
        JOIN pg_namespace n ON n.nspname = w.schema_name
        JOIN pg_proc p ON p.pronamespace = n.oid
            AND quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' = w.object_name
        WHERE w.object_type = 'f';
