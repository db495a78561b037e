// pgJDBC: what a Java program sees through it.
public class Jdbc extends Shown {
  public static void main(String[] arguments) {
    section("connection", Queries::connection);
    section("metadata", Queries::metadata);
    section("types", Queries::types);
    section("prepared statements", Queries::prepared);
    section("batches", Queries::batches);
    section("cursors", Queries::cursors);
    section("copy", Streams::copy);
    section("cancel", Streams::cancel);
    section("large objects", Streams::largeObjects);
    section("transactions", Streams::transactions);
    section("errors and notices", Streams::errorsAndNotices);
    section("notifications", Streams::notifications);
    section("simple mode", Streams::simpleMode);
    section("big values", Streams::bigValues);
    section("metadb commands", Commands::metadbCommands);
    section("metadb batch", Commands::metadbBatch);
    section("metadb errors", Commands::metadbErrors);
    section("metadb cancel", Commands::metadbCancel);
    System.exit(failures == 0 ? 0 : 1);
  }
}
