// Connections, metadata, types, statements, batches, cursors.
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;

class Queries extends Shown {
  static void connection() throws Exception {
    try (Connection c = connect("ApplicationName", "one", "currentSchema", "library", "options", "-c work_mem=5MB",
             "assumeMinServerVersion", "9.0")) {
      PGConnection pg = c.unwrap(PGConnection.class);
      show("parameters", new java.util.TreeMap<>(pg.getParameterStatuses()));
      show("process", one(c, "select pg_backend_pid()").equals(String.valueOf(pg.getBackendPID())));
      show("settings", one(c, "select current_setting('search_path') || current_setting('work_mem') || "
          + "current_setting('application_name')"));
      show("valid", c.isValid(5));
      c.setSchema("public");
      c.setClientInfo("ApplicationName", "two");
      show("live", pg.getParameterStatus("application_name"));
      show("read only", c.isReadOnly());
      show("isolation", c.getTransactionIsolation());
    }
    refused("a wrong password", () -> connect("password", "wrong"));
    refused("a wrong database", () -> connect("database", "nowhere"));
    refused("a standby", () -> connect("targetServerType", "secondary"));
    try (Connection c = connect("targetServerType", "primary", "groupStartupParameters", "true")) {
      show("primary", one(c, "show transaction_read_only"));
    }
  }

  static void metadata() throws Exception {
    try (Connection c = connect()) {
      DatabaseMetaData data = c.getMetaData();
      show("product", data.getDatabaseProductName() + " " + data.getDatabaseProductVersion());
      show("keywords", data.getSQLKeywords().length());
      show("longest names", data.getMaxColumnNameLength() + " " + data.getMaxColumnsInIndex());
      showRows("schemas", data.getSchemas());
      showRows("catalogs", data.getCatalogs());
      showRows("table types", data.getTableTypes());
      showRows("tables", data.getTables(null, "library", "%", null));
      showRows("only tables", data.getTables("library", null, "%loan%", new String[] {"TABLE", "VIEW"}));
      showRows("columns", data.getColumns(null, "library", "%", "%"));
      showRows("primary keys", data.getPrimaryKeys(null, "library", "loans"));
      showRows("imported", data.getImportedKeys(null, "library", "loans"));
      showRows("exported", data.getExportedKeys(null, "library", "items"));
      showRows("indexes", data.getIndexInfo(null, "library", "items", false, false));
      showRows("types of parameters", data.getFunctionColumns(null, "library", "%", "%"));
      showRows("functions", data.getFunctions(null, "library", "%"));
      showRows("procedures", data.getProcedures(null, "library", "%"));
      showRows("privileges", data.getTablePrivileges(null, "library", "items"));
      showRows("column privileges", data.getColumnPrivileges(null, "library", "items", "%"));
      showRows("own types", data.getUDTs(null, "library", "%", null));
      showRows("best row", data.getBestRowIdentifier(null, "library", "patrons", 0, false));
      showRows("versions", data.getVersionColumns(null, "library", "patrons"));
      showRows("tables of metadb", data.getTables(null, "metadb", "base%", null));
      try (ResultSet types = data.getTypeInfo()) {
        int count = 0;
        while (types.next()) count++;
        show("types", count);
      }
    }
  }

  static void types() throws Exception {
    try (Connection c = connect("currentSchema", "library")) {
      for (int threshold : new int[] {5, -1}) {
        try (PreparedStatement statement = c.prepareStatement("select * from kinds where ?")) {
          statement.unwrap(PGStatement.class).setPrepareThreshold(threshold);
          statement.setBoolean(1, true);
          showRows("kinds", statement.executeQuery());
        }
      }
      try (PreparedStatement s = c.prepareStatement(
               "select ?::int, ?::bigint, ?::numeric, ?::float8, ?::text, ?::bytea, ?::boolean, ?::date, "
               + "?::timestamptz, ?::int[], ?::jsonb, ?::mood, ?::uuid, ?::text")) {
        s.setInt(1, -1);
        s.setLong(2, Long.MAX_VALUE);
        s.setBigDecimal(3, new BigDecimal("1234567890.0987654321"));
        s.setDouble(4, 1e-300);
        s.setString(5, "tä\nxt");
        s.setBytes(6, new byte[] {0, -1});
        s.setBoolean(7, true);
        s.setObject(8, java.time.LocalDate.of(2026, 2, 28));
        s.setObject(9, java.time.OffsetDateTime.parse("2026-02-28T10:00:00+01:00"));
        s.setArray(10, c.createArrayOf("int4", new Integer[] {1, null, 3}));
        s.setObject(11, "{\"a\": 1}", Types.OTHER);
        s.setObject(12, "happy", Types.OTHER);
        s.setObject(13, java.util.UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
        s.setNull(14, Types.VARCHAR);
        ResultSetMetaData before = s.getMetaData();
        show("described before", before.getColumnCount() + " " + before.getColumnTypeName(12));
        show("parameters", s.getParameterMetaData().getParameterTypeName(3));
        showRows("round trip", s.executeQuery());
      }
    }
  }

  static void prepared() throws Exception {
    String names = "select count(*) from pg_prepared_statements where statement like '%kept%' and not from_sql "
        + "and name like 'S\\_%'";
    try (Connection c = connect(); PreparedStatement s = c.prepareStatement("select ? || 'kept'")) {
      for (int use = 1; use <= 7; ++use) {
        s.setString(1, "use " + use + " ");
        try (ResultSet rows = s.executeQuery()) {
          rows.next();
          show("row", rows.getString(1) + " " + s.unwrap(PGStatement.class).isUseServerPrepare() + " on server: "
              + one(c, names));
        }
      }
      run(c, "create temporary table changes (a int)");
      try (PreparedStatement changing = c.prepareStatement("select * from changes")) {
        for (int use = 0; use < 6; ++use) changing.executeQuery().close();
        run(c, "alter table changes add column b text");
        showRows("after a change", changing.executeQuery());
      }
      run(c, "deallocate all");
      // The driver notices DEALLOCATE and prepares again.
      showRows("after deallocate all", s.executeQuery());
      refused("a syntax error", () -> c.prepareStatement("select ? from from").executeQuery());
      refused("a wrong value", () -> {
        try (PreparedStatement wrong = c.prepareStatement("select ?::int")) {
          wrong.setString(1, "x");
          wrong.executeQuery();
        }
      });
    }
    try (Connection c = connect("autosave", "always")) {
      c.setAutoCommit(false);
      run(c, "create temporary table changes (a int)");
      try (PreparedStatement changing = c.prepareStatement("select * from changes")) {
        for (int use = 0; use < 6; ++use) changing.executeQuery().close();
        run(c, "alter table changes add column b text");
        showRows("autosave", changing.executeQuery());
      }
      refused("an error", () -> run(c, "select nothing"));
      show("the block lives", one(c, "select 1"));
      c.rollback();
    }
    try (Connection c = connect("autosave", "conservative")) {
      c.setAutoCommit(false);
      refused("an error", () -> run(c, "select nothing"));
      refused("then", () -> run(c, "select 1"));
    }
  }

  static void batches() throws Exception {
    for (String rewrite : new String[] {"false", "true"}) {
      try (Connection c = connect("reWriteBatchedInserts", rewrite)) {
        run(c, "create temporary table rows (id int primary key, name text)");
        c.setAutoCommit(false);
        try (PreparedStatement s = c.prepareStatement("insert into rows values (?, ?)")) {
          for (int number = 0; number < 2000; ++number) {
            s.setInt(1, number);
            s.setString(2, "n".repeat(number % 50));
            s.addBatch();
          }
          int[] counts = s.executeBatch();
          show("batch", counts.length + " " + counts[0] + " " + counts[1999]);
          c.commit();
          for (int number : new int[] {3000, 5, 3001}) {
            s.setInt(1, number);
            s.setString(2, "x");
            s.addBatch();
          }
          try {
            s.executeBatch();
            throw new IllegalStateException("a row twice is not refused");
          } catch (BatchUpdateException error) {
            show("counts", Arrays.toString(error.getUpdateCounts()));
            show("cause", told(error.getNextException()));
          }
          c.rollback();
        }
        try (Statement s = c.createStatement()) {
          s.addBatch("insert into rows values (4000, 'a')");
          s.addBatch("update rows set name = 'b' where id < 3");
          s.addBatch("delete from rows where id = 1");
          show("mixed", Arrays.toString(s.executeBatch()));
        }
        try (PreparedStatement s = c.prepareStatement("insert into rows values (?, 'k') returning id",
                 Statement.RETURN_GENERATED_KEYS)) {
          for (int number = 5000; number < 5003; ++number) {
            s.setInt(1, number);
            s.addBatch();
          }
          s.executeBatch();
          showRows("keys", s.getGeneratedKeys());
        }
        c.commit();
        show("rows", one(c, "select count(*) || ' ' || max(id) from rows"));
        c.rollback();
      }
    }
  }

  static void cursors() throws Exception {
    try (Connection c = connect()) {
      c.setAutoCommit(false);
      try (Statement s = c.createStatement()) {
        s.setFetchSize(7);
        ResultSet rows = s.executeQuery("select generate_series(1, 1000), 'x'");
        long sum = 0;
        while (rows.next()) {
          sum += rows.getInt(1);
          // Another statement while the portal is suspended.
          if (rows.getInt(1) == 100) show("between", one(c, "select 'other'"));
        }
        show("sum", sum);
        show("portals", one(c, "select count(*) from pg_cursors"));
        rows = s.executeQuery("select n / (20 - n) from generate_series(1, 40) n");
        int count = 0;
        try {
          while (rows.next()) count++;
          throw new IllegalStateException("no error in a row");
        } catch (SQLException error) {
          show("error after rows", told(error));
        }
        c.rollback();
        s.setMaxRows(5);
        showRows("at most five", s.executeQuery("select generate_series(1, 100)"));
      }
      c.commit();
      try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
        run(c, "create temporary table rows (id int primary key, name text)");
        run(c, "insert into rows select n, 'n' || n from generate_series(1, 5) n");
        ResultSet rows = s.executeQuery("select id, name from rows order by id");
        rows.absolute(-1);
        rows.updateString(2, "changed");
        rows.updateRow();
        rows.moveToInsertRow();
        rows.updateInt(1, 6);
        rows.updateString(2, "new");
        rows.insertRow();
        rows.first();
        rows.deleteRow();
        showRows("changed", s.executeQuery("select * from rows order by id"));
      }
      try (CallableStatement call = c.prepareCall("{? = call upper(?)}")) {
        call.registerOutParameter(1, Types.VARCHAR);
        call.setString(2, "called");
        call.execute();
        show("call", call.getString(1));
      }
      run(c, "create function pg_temp.opens() returns refcursor language plpgsql as "
          + "'declare c refcursor; begin open c for select generate_series(1, 4); return c; end'");
      try (CallableStatement call = c.prepareCall("{? = call pg_temp.opens()}")) {
        call.registerOutParameter(1, Types.OTHER);
        call.execute();
        showRows("a cursor of a function", (ResultSet) call.getObject(1));
      }
    }
    try (Connection c = connect("preferQueryMode", "simple")) {
      c.setAutoCommit(false);
      try (CallableStatement call = c.prepareCall("call library.twice(?)")) {
        call.registerOutParameter(1, Types.INTEGER);
        call.setInt(1, 21);
        call.execute();
        show("a procedure", call.getInt(1));
      }
    }
  }
}
