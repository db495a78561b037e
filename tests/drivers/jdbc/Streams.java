// COPY, cancel, large objects, transactions, errors, notifications, query modes.
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

class Streams extends Shown {
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
      refused("deleted twice", () -> manager.delete(1L));
      c.rollback();
      manager.delete(oid);
      c.commit();
      refused("no block", () -> {
        c.setAutoCommit(true);
        manager.open(1L);
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
      try (Statement plain = c.createStatement();
          ResultSet rows = plain.executeQuery("select generate_series(1, 200000)")) {
        long sum = 0;
        while (rows.next()) sum += rows.getInt(1);
        show("rows", sum);
      }
    }
  }
}
