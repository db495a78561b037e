// pgJDBC: what a Java program sees through it. Run as source: java -cp DRIVER Jdbc.java
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.security.MessageDigest;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class Jdbc {
  interface Step {
    void run() throws Exception;
  }

  static final boolean IS_METADB = "metadb".equals(System.getenv("DRIVERS_ON"));
  static int failures = 0;

  static void section(String name, Step step) {
    if (name.startsWith("metadb") && !IS_METADB) return;
    System.out.println("== " + name);
    try {
      step.run();
    } catch (Throwable error) {
      failures++;
      System.out.println("!! " + error);
      error.printStackTrace();
    }
    System.out.flush();
  }

  static void show(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  static String env(String name) {
    return System.getenv(name);
  }

  // options: names and values in turn.
  static Connection connect(String... options) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", env("PGUSER"));
    properties.setProperty("password", env("PGPASSWORD"));
    properties.setProperty("sslmode", env("PGSSLMODE"));
    if (env("PGSSLROOTCERT") != null) properties.setProperty("sslrootcert", env("PGSSLROOTCERT"));
    String database = env("PGDATABASE");
    for (int at = 0; at < options.length; at += 2) {
      if (options[at].equals("database")) database = options[at + 1];
      else properties.setProperty(options[at], options[at + 1]);
    }
    return DriverManager.getConnection(
        "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + database, properties);
  }

  static String told(SQLException error) {
    Map<String, Object> fields = new LinkedHashMap<>();
    ServerErrorMessage message =
        error instanceof PSQLException ? ((PSQLException) error).getServerErrorMessage() : null;
    if (message == null) return error.getSQLState() + " " + error.getMessage();
    fields.put("severity", message.getSeverity());
    fields.put("sqlstate", message.getSQLState());
    fields.put("message", message.getMessage());
    fields.put("detail", message.getDetail());
    fields.put("hint", message.getHint());
    fields.put("position", message.getPosition());
    fields.put("internal", message.getInternalQuery());
    fields.put("internal position", message.getInternalPosition());
    fields.put("where", message.getWhere());
    fields.put("schema", message.getSchema());
    fields.put("table", message.getTable());
    fields.put("column", message.getColumn());
    fields.put("datatype", message.getDatatype());
    fields.put("constraint", message.getConstraint());
    fields.put("file", message.getFile());
    fields.put("routine", message.getRoutine());
    fields.values().removeIf(value -> value == null || value.equals(0));
    return fields.toString();
  }

  // Shows the error that this raises; not to raise one is a failure.
  static void refused(String what, Step step) throws Exception {
    try {
      step.run();
    } catch (SQLException error) {
      show(what + " is refused", told(error));
      return;
    }
    throw new IllegalStateException(what + " is not refused");
  }

  static String cell(Object value) throws SQLException {
    if (value instanceof byte[]) return HexFormat.of().formatHex((byte[]) value);
    if (value instanceof java.sql.Array) return Arrays.deepToString((Object[]) ((java.sql.Array) value).getArray());
    return String.valueOf(value);
  }

  static void showRows(String what, ResultSet rows, String... columns) throws SQLException {
    ResultSetMetaData description = rows.getMetaData();
    StringBuilder names = new StringBuilder();
    for (int at = 1; at <= description.getColumnCount(); ++at) {
      names.append(description.getColumnLabel(at)).append(" ").append(description.getColumnTypeName(at)).append(", ");
    }
    show(what, names);
    while (rows.next()) {
      StringBuilder line = new StringBuilder("  ");
      for (int at = 1; at <= description.getColumnCount(); ++at) line.append(cell(rows.getObject(at))).append(" | ");
      System.out.println(line);
    }
    rows.close();
  }

  static void showWarnings(SQLWarning warning) {
    for (; warning != null; warning = warning.getNextWarning()) show("warning", told(warning));
  }

  static String one(Connection connection, String text) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(text)) {
      return rows.next() ? rows.getString(1) : "no row";
    }
  }

  static void run(Connection connection, String text) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(text);
    }
  }

  static String md5(byte[] data) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(data));
  }

  // Runs `way` when some other session executes this text.
  static CompletableFuture<Void> whenRunning(String text, Step way) {
    return CompletableFuture.runAsync(() -> {
      try (Connection watcher = connect()) {
        String query = "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
            + " and query like '%" + text + "%'";
        long end = System.nanoTime() + 30_000_000_000L;
        while (!one(watcher, query).equals("1")) {
          if (System.nanoTime() > end) throw new IllegalStateException(text + " does not run");
        }
        way.run();
      } catch (Exception error) {
        throw new RuntimeException(error);
      }
    });
  }

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

  static void copy() throws Exception {
    try (Connection c = connect()) {
      CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
      run(c, "create temporary table rows (id int primary key, name text)");
      StringBuilder text = new StringBuilder();
      for (int number = 0; number < 20000; ++number) text.append(number).append("\tnäme ").append(number).append("\n");
      show("in", copy.copyIn("copy rows from stdin", new StringReader(text.toString())));
      show("csv", copy.copyIn("copy rows from stdin (format csv)",
          new ByteArrayInputStream("20000,\"two\nlines\"\n".getBytes(StandardCharsets.UTF_8))));
      for (String format : new String[] {"text", "csv", "binary"}) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long count = copy.copyOut("copy (select * from rows order by id) to stdout (format " + format + ")", out);
        show(format, count + " " + out.size() + " " + md5(out.toByteArray()));
      }
      StringWriter lines = new StringWriter();
      copy.copyOut("copy (select * from rows where id < 3 order by id) to stdout", lines);
      show("lines", lines.toString().replace("\n", "/"));
      refused("a wrong row", () -> copy.copyIn("copy rows from stdin", new StringReader("x\ty\n".repeat(50000))));
      refused("a row twice", () -> copy.copyIn("copy rows from stdin", new StringReader("5\ty\n")));
      refused("no such table", () -> copy.copyIn("copy nothing from stdin"));
      refused("not a copy", () -> copy.copyIn("select 1"));
      refused("a failure on the way out", () -> copy.copyOut(
          "copy (select 1 / (500 - n) from generate_series(1, 1000) n) to stdout", new ByteArrayOutputStream()));
      CopyIn running = copy.copyIn("copy rows from stdin");
      byte[] part = "30000\tx\n".getBytes(StandardCharsets.UTF_8);
      running.writeToCopy(part, 0, part.length);
      running.cancelCopy();
      show("rows", one(c, "select count(*) from rows"));
    }
  }

  static void cancel() throws Exception {
    try (Connection c = connect()) {
      for (boolean in_block : new boolean[] {false, true}) {
        c.setAutoCommit(!in_block);
        try (Statement s = c.createStatement()) {
          CompletableFuture<Void> canceller = whenRunning("pg_sleep(60)", s::cancel);
          refused("a cancelled query", () -> s.executeQuery("select pg_sleep(60)"));
          canceller.get();
          if (in_block) {
            refused("then", () -> s.executeQuery("select 1"));
            c.rollback();
          }
          s.cancel();
          show("goes on", one(c, "select 'here'"));
          s.setQueryTimeout(1);
          if (!in_block) refused("a time-out", () -> s.executeQuery("select pg_sleep(60)"));
        }
      }
      show("the end", one(c, "select 1"));
    }
  }

  static void largeObjects() throws Exception {
    try (Connection c = connect()) {
      c.setAutoCommit(false);
      LargeObjectManager manager = c.unwrap(PGConnection.class).getLargeObjectAPI();
      long oid = manager.createLO(LargeObjectManager.READWRITE);
      byte[] data = new byte[500000];
      for (int at = 0; at < data.length; ++at) data[at] = (byte) (at * 7);
      try (LargeObject object = manager.open(oid, LargeObjectManager.READWRITE)) {
        object.write(data);
        show("size", object.size64() + " " + object.tell64());
        object.seek64(1000, LargeObject.SEEK_SET);
        show("part", HexFormat.of().formatHex(object.read(8)));
        object.truncate64(400000);
        show("size", object.size64());
        object.seek64(0, LargeObject.SEEK_SET);
        show("stream", md5(object.getInputStream().readAllBytes()));
      }
      c.commit();
      run(c, "create temporary table objects (o oid)");
      try (PreparedStatement s = c.prepareStatement("insert into objects values (?)")) {
        s.setBlob(1, new ByteArrayInputStream("a blob".getBytes(StandardCharsets.UTF_8)));
        s.executeUpdate();
      }
      try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("select o from objects")) {
        rows.next();
        show("blob", new String(rows.getBlob(1).getBytes(1, 100), StandardCharsets.UTF_8));
        show("unlinked", one(c, "select lo_unlink(o) from objects"));
      }
      manager.delete(oid);
      refused("deleted twice", () -> manager.delete(1));
      c.rollback();
      manager.delete(oid);
      c.commit();
      refused("no block", () -> {
        c.setAutoCommit(true);
        manager.open(1);
      });
    }
  }

  static void transactions() throws Exception {
    try (Connection c = connect()) {
      run(c, "create temporary table t (a int unique)");
      c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      c.setAutoCommit(false);
      run(c, "insert into t values (1)");
      Savepoint saved = c.setSavepoint("saved");
      refused("a row twice", () -> run(c, "insert into t values (1)"));
      refused("then", () -> run(c, "select 1"));
      c.rollback(saved);
      run(c, "insert into t values (2)");
      c.releaseSavepoint(saved);
      c.commit();
      show("rows", one(c, "select string_agg(a::text, ',' order by a) from t"));
      run(c, "insert into t values (3)");
      refused("in a block", () -> run(c, "select nothing"));
      // Up to 42.2 the driver took ROLLBACK as an answer to COMMIT without a word.
      try {
        c.commit();
        show("commit", "is silent");
      } catch (SQLException error) {
        show("commit", told(error));
      }
      c.rollback();
      c.setReadOnly(true);
      refused("a write", () -> run(c, "create table library.never (a int)"));
      c.rollback();
      c.setReadOnly(false);
      c.setAutoCommit(true);
      show("rows", one(c, "select count(*) from t"));
    }
  }

  static void errorsAndNotices() throws Exception {
    for (String mode : new String[] {"extended", "simple"}) {
      try (Connection c = connect("preferQueryMode", mode, "currentSchema", "library")) {
        for (String text : new String[] {"select nothing", "select * form t", "select 'é', nothing", "select 1 / 0",
                 "select fail()", "insert into items values (1, 'again', '1', 1, null, null)",
                 "insert into items values (100, null, '1', 1, null, null)",
                 "insert into items values (100, 'x', 'x', 1, null, null)",
                 "insert into loans values (1, 1000, now())", "set no_such_setting = 1",
                 "do $$ begin execute 'select * from nothing'; end $$"}) {
          refused(mode + ": " + text, () -> run(c, text));
        }
        try (Statement s = c.createStatement()) {
          s.execute("select tell('this')");
          showWarnings(s.getWarnings());
          s.execute("");
          show("empty", s.getUpdateCount());
          s.execute("drop table if exists nothing; select 1; select 'two'");
          showWarnings(s.getWarnings());
          while (s.getMoreResults() || s.getUpdateCount() != -1) {
            if (s.getResultSet() != null) showRows("result", s.getResultSet());
          }
          refused("several", () -> s.execute("select 1; select 1 / 0; select 2"));
        }
      }
    }
  }

  static void notifications() throws Exception {
    try (Connection c = connect(); Connection other = connect()) {
      PGConnection pg = c.unwrap(PGConnection.class);
      run(c, "listen news");
      run(other, "notify news, 'at rest'");
      for (int count = 0; count < 1;) {
        for (PGNotification note : pg.getNotifications(10000)) {
          show("note", note.getName() + " " + note.getParameter() + " "
              + (note.getPID() == other.unwrap(PGConnection.class).getBackendPID()));
          count++;
        }
      }
    }
  }

  static void simpleMode() throws Exception {
    for (String mode : new String[] {"simple", "extendedForPrepared", "extendedCacheEverything"}) {
      try (Connection c = connect("preferQueryMode", mode)) {
        try (PreparedStatement s = c.prepareStatement("select ?::int + 1, ? || 'ü', ?")) {
          s.setInt(1, -1);
          s.setString(2, "it's \\ ");
          s.setNull(3, Types.VARCHAR);
          for (int use = 0; use < 6; ++use) showRows(mode, s.executeQuery());
        }
        showRows("tables", c.getMetaData().getTables(null, "library", "%s", null));
      }
    }
  }

  static void bigValues() throws Exception {
    try (Connection c = connect(); PreparedStatement s = c.prepareStatement("select ?::bytea")) {
      byte[] data = new byte[20_000_000];
      Arrays.fill(data, (byte) 200);
      s.setBytes(1, data);
      try (ResultSet rows = s.executeQuery()) {
        rows.next();
        show("20 MB", Arrays.equals(rows.getBytes(1), data));
      }
      try (Statement plain = c.createStatement(); ResultSet rows = plain.executeQuery("select generate_series(1, 200000)")) {
        long sum = 0;
        while (rows.next()) sum += rows.getInt(1);
        show("rows", sum);
      }
    }
  }

  static void metadbCommands() throws Exception {
    try (Connection c = connect()) {
      for (String text : new String[] {"list data_sources", "list config", "list status"}) {
        try (PreparedStatement s = c.prepareStatement(text)) {
          ResultSetMetaData before = s.getMetaData();
          StringBuilder names = new StringBuilder();
          for (int at = 1; at <= before.getColumnCount(); ++at) {
            names.append(before.getColumnName(at)).append(" ").append(before.getColumnTypeName(at)).append(", ");
          }
          show(text, names);
          show("parameters", s.getParameterMetaData().getParameterCount());
          for (int use = 0; use < 7; ++use) {
            try (ResultSet rows = s.executeQuery()) {
              int count = 0;
              while (rows.next()) count++;
              show("rows", count + " " + s.unwrap(PGStatement.class).isUseServerPrepare());
            }
          }
        }
      }
      try (Statement s = c.createStatement()) {
        s.execute("create data source nowhere type kafka options (brokers '127.0.0.1:1', security 'plaintext', "
            + "topics '^none', consumer_group 'none')");
        showWarnings(s.getWarnings());
        showRows("sources", s.executeQuery("list data_sources"));
        show("set", s.executeUpdate("alter system set checkpoint_segment_size = '2999'"));
        s.setMaxRows(2);
        showRows("at most two", s.executeQuery("list config"));
        s.setMaxRows(0);
        show("reset", s.executeUpdate("alter system set checkpoint_segment_size = '3000'"));
        show("dropped", s.executeUpdate("drop data source nowhere"));
        s.execute("list data_sources; list data_sources");
        showRows("first of two", s.getResultSet());
        show("more", s.getMoreResults());
        showRows("second of two", s.getResultSet());
      }
      c.setAutoCommit(false);
      try (Statement s = c.createStatement()) {
        s.setFetchSize(2);
        showRows("a portal", s.executeQuery("list config"));
      }
    }
    try (Connection c = connect("preferQueryMode", "simple"); Statement s = c.createStatement()) {
      showRows("simple", s.executeQuery("list config"));
    }
  }

  // Two changes between two Syncs: the second comes too late.
  static void metadbBatch() throws Exception {
    try (Connection c = connect(); Statement s = c.createStatement()) {
      s.addBatch("alter system set checkpoint_segment_size = '2998'");
      s.addBatch("alter system set checkpoint_segment_size = '2996'");
      try {
        s.executeBatch();
        show("refused", "no");
      } catch (BatchUpdateException error) {
        show("refused", error.getNextException().getSQLState());
      }
      show("value", one(c, "select value from metadb.config where parameter = 'checkpoint_segment_size'"));
      run(c, "alter system set checkpoint_segment_size = '3000'");
    }
  }

  static void metadbErrors() throws Exception {
    for (String mode : new String[] {"extended", "simple"}) {
      try (Connection c = connect("preferQueryMode", mode)) {
        for (String text : new String[] {"create data source x type kafka optons (a 'b')", "list nothing",
                 "drop data source nowhere", "alter system set checkpoint_segment_size = 'x'"}) {
          refused(mode + ": " + text, () -> run(c, text));
        }
        refused("a parameter", () -> {
          try (PreparedStatement s = c.prepareStatement("list config ?")) {
            s.setInt(1, 1);
            s.executeQuery();
          }
        });
        c.setAutoCommit(false);
        show("in a block", one(c, "list config"));
        refused("a change in a block", () -> run(c, "drop data source nowhere"));
        refused("then", () -> one(c, "list config"));
        c.rollback();
        // BEGIN and the command go in one batch of messages here, in some versions of the driver.
        try {
          run(c, "drop data source nowhere");
          show("a change as the first in a block", "is not refused");
        } catch (SQLException error) {
          show("a change as the first in a block", error.getSQLState());
        }
        c.rollback();
        show("goes on", one(c, "select 1"));
      }
    }
    try (Connection c = connect("autosave", "always")) {
      c.setAutoCommit(false);
      refused("with autosave", () -> run(c, "drop data source nowhere"));
      show("the block lives", one(c, "select 1"));
    }
  }

  static void metadbCancel() throws Exception {
    try (Connection c = connect(); Connection other = connect(); Statement s = c.createStatement()) {
      other.setAutoCommit(false);
      run(other, "lock table metadb.config");
      CompletableFuture<Void> canceller = CompletableFuture.runAsync(() -> {
        try {
          while (!one(other, "select count(*) from pg_locks where not granted and relation = "
                             + "'metadb.config'::regclass").equals("1")) {
          }
          s.cancel();
        } catch (SQLException error) {
          throw new RuntimeException(error);
        }
      });
      refused("a command that waits", () -> s.execute("alter system set checkpoint_segment_size = '2997'"));
      canceller.get();
      show("goes on", one(c, "list config"));
    }
  }

  public static void main(String[] arguments) {
    section("connection", Jdbc::connection);
    section("metadata", Jdbc::metadata);
    section("types", Jdbc::types);
    section("prepared statements", Jdbc::prepared);
    section("batches", Jdbc::batches);
    section("cursors", Jdbc::cursors);
    section("copy", Jdbc::copy);
    section("cancel", Jdbc::cancel);
    section("large objects", Jdbc::largeObjects);
    section("transactions", Jdbc::transactions);
    section("errors and notices", Jdbc::errorsAndNotices);
    section("notifications", Jdbc::notifications);
    section("simple mode", Jdbc::simpleMode);
    section("big values", Jdbc::bigValues);
    section("metadb commands", Jdbc::metadbCommands);
    section("metadb batch", Jdbc::metadbBatch);
    section("metadb errors", Jdbc::metadbErrors);
    section("metadb cancel", Jdbc::metadbCancel);
    System.exit(failures == 0 ? 0 : 1);
  }
}
