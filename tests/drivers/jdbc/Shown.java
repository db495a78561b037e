// How the program prints its sections, and what all of them use.
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

class Shown {
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

  // Runs `way` when some session sleeps in this text.
  static CompletableFuture<Void> whenRunning(String text, Step way) {
    return CompletableFuture.runAsync(() -> {
      try (Connection watcher = connect()) {
        String query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and pid <> pg_backend_pid()"
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
}
