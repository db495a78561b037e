#include "ingest/documents.h"

#include <fmt/format.h>

#include <algorithm>

namespace metadb::ingest {
namespace {

// Of documents that are read at a time, in bytes; they are held twice.
constexpr size_t kReadBytes = size_t{4} << 20;
constexpr int64_t kReadRowsMax = 1000;

}  // namespace

void read_documents(catalog::Connection& connection, const std::string& sql,
                    const std::function<void(int64_t, std::string_view)>& each) {
  connection.exec("DECLARE json_documents NO SCROLL CURSOR FOR " + sql);
  int64_t rows = 1;
  for (;;) {
    const catalog::Result read =
        connection.exec(fmt::format("FETCH FORWARD {} FROM json_documents", rows));
    size_t bytes = 1;
    for (int row = 0; row < read.rows(); ++row) {
      const std::string_view text = read.text(row, 1);
      bytes += text.size();
      each(read.int64(row, 0), text);
    }
    if (read.rows() < rows) break;
    const size_t of_row = bytes / static_cast<size_t>(rows) + 1;
    rows = std::clamp<int64_t>(static_cast<int64_t>(kReadBytes / of_row), 1,
                               std::min(kReadRowsMax, rows * 16));
  }
  connection.exec("CLOSE json_documents");
}

}  // namespace metadb::ingest
