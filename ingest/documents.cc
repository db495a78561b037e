#include "ingest/documents.h"

#include <fmt/format.h>

#include <vector>

namespace metadb::ingest {
namespace {

// So many of the short documents are read at a time, 4 MiB at most; the long ones one by one.
constexpr int kShortRows = 256;
constexpr int kShortBytes = 16 * 1024;

std::string cursor(std::string_view name, const std::string& sql, std::string_view comparison) {
  return fmt::format(
      "DECLARE {} NO SCROLL CURSOR FOR SELECT n, t FROM ({}) d(n, t) WHERE octet_length(t) {} {}; ",
      name, sql, comparison, kShortBytes);
}

}  // namespace

// Two cursors, since nothing tells how long the next document is but itself.
void read_documents(catalog::Connection& connection, const std::string& sql,
                    const std::function<void(int64_t, std::string_view)>& each) {
  const std::string fetch_short = fmt::format("FETCH FORWARD {} FROM json_documents", kShortRows);
  const std::string fetch_long = "FETCH FORWARD 1 FROM json_documents_long";
  std::vector<catalog::Result> begun = connection.exec_each(
      cursor("json_documents", sql, "<=") + cursor("json_documents_long", sql, ">") + fetch_short +
      "; " + fetch_long);
  catalog::Result next_short = begun.at(2);
  catalog::Result next_long = begun.at(3);
  begun.clear();
  for (int at = 0;;) {
    const bool has_long = next_long.rows() > 0;
    if (at < next_short.rows() && (!has_long || next_short.int64(at, 0) < next_long.int64(0, 0))) {
      each(next_short.int64(at, 0), next_short.text(at, 1));
      ++at;
    } else if (at == kShortRows) {
      next_short = connection.exec(fetch_short);
      at = 0;
    } else if (has_long) {
      each(next_long.int64(0, 0), next_long.text(0, 1));
      next_long = catalog::Result(nullptr);  // or two would be held
      next_long = connection.exec(fetch_long);
    } else {
      break;
    }
  }
  connection.exec("CLOSE json_documents; CLOSE json_documents_long");
}

}  // namespace metadb::ingest
