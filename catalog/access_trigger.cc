#include <fmt/format.h>

#include "catalog/access.h"

namespace metadb::catalog {
namespace {

// Runs at the end of everybody's DDL, with the rights of the superuser who made it: an ordinary
// user may not read the catalog. What fails here is a warning, never the end of somebody's
// statement. A schema stands for all that is in it: it was renamed, or created with its tables.
constexpr std::string_view kFunction = R"sql(
CREATE OR REPLACE FUNCTION metadb.restore_access() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  touched record;
  missing record;
BEGIN
  IF NOT EXISTS (SELECT FROM metadb.acl) AND NOT EXISTS (SELECT FROM metadb.acl_all) THEN
    RETURN;
  END IF;
  FOR touched IN
    SELECT n.nspname::text AS schema_name, c.relname::text AS object_name
      FROM pg_event_trigger_ddl_commands() d
      JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION
    SELECT n.nspname, quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'
      FROM pg_event_trigger_ddl_commands() d
      JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
      JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION
    SELECT n.nspname, NULL
      FROM pg_event_trigger_ddl_commands() d
      JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
  LOOP
    -- Most DDL is about nothing of ours: looking at privileges is what takes time.
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM metadb.access_wanted w
       WHERE w.schema_name = touched.schema_name
         AND (touched.object_name IS NULL OR w.object_name = touched.object_name));
    FOR missing IN
      SELECT a.user_name, a.schema_name, a.object, a.privilege, a.is_granted, a.has_usage
        FROM metadb.access a
       WHERE a.schema_name = touched.schema_name
         AND (touched.object_name IS NULL OR a.object_name = touched.object_name)
         AND NOT (a.is_granted AND a.has_usage)
    LOOP
      BEGIN
        IF NOT missing.has_usage THEN
          EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', missing.schema_name, missing.user_name);
        END IF;
        IF NOT missing.is_granted THEN
          EXECUTE format('GRANT %s ON %s TO %I', missing.privilege, missing.object,
                         missing.user_name);
        END IF;
      EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'metadb could not restore the access of "%" to %: %',
          missing.user_name, missing.object, SQLERRM;
      END;
    END LOOP;
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'metadb could not restore access: %', SQLERRM;
END
$function$;
REVOKE ALL ON FUNCTION metadb.restore_access() FROM PUBLIC;
)sql";

constexpr std::string_view kTrigger =
    "CREATE EVENT TRIGGER metadb_restore_access ON ddl_command_end WHEN TAG IN ("
    "'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW', "
    "'CREATE FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'CREATE FUNCTION', 'CREATE PROCEDURE', "
    "'CREATE AGGREGATE', 'CREATE SCHEMA', 'ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', "
    "'ALTER FOREIGN TABLE', 'ALTER FUNCTION', 'ALTER PROCEDURE', 'ALTER ROUTINE', "
    "'ALTER AGGREGATE', 'ALTER SCHEMA') EXECUTE FUNCTION metadb.restore_access()";

}  // namespace

void create_access_trigger(Connection& superuser) {
  const Result role =
      superuser.exec("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user");
  if (!role.boolean(0, 0)) return;
  Transaction transaction(superuser);
  // Two servers that start at once would update one tuple.
  superuser.exec("SELECT pg_catalog.pg_advisory_xact_lock(1835361384, 22)");
  superuser.exec(std::string(kFunction));
  const Result present = superuser.exec(
      "SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'metadb_restore_access'");
  if (present.rows() == 0) superuser.exec(std::string(kTrigger));
  transaction.commit();
}

}  // namespace metadb::catalog
