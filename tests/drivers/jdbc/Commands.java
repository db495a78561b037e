// Metadb commands through pgJDBC.
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CompletableFuture;
import org.postgresql.PGStatement;

class Commands extends Shown {
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
}
