// The statements that make the rows of a transformed table follow the versions of its parent.
//
// `roots` is a temporary table with a row for each version of the parent that begins, and each end
// without successor: n (order), g (n of the first of the same key), id, d (ended), e (when), u
// (columns that are unavailable), r0, r1, ... (the key). For each transformed table, `rows` holds
// the rows of the documents: p (n of the version), i, ordinals o0 ..., values v0 .... From both,
// what a staging table of the merge needs: the rows, and deletes of those that are no more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingest/child_rows.h"
#include "ingest/merge_sql.h"

namespace metadb::ingest {

class ChildSql {
 public:
  struct Names {
    std::string roots;  // of temporary tables
    std::string rows;
    std::string stage;
    std::string origin;  // __origin of the rows
  };
  // REQUIRES: the columns of the child's key that name its roots are of the types of the parent's.
  ChildSql(const catalog::Table& parent, const catalog::Table& child, const ChildShape& shape,
           Names names);

  // Condition that the document of row `alias` of `roots` is known. `document`: index of the column
  // in the parent's stage; nullopt: all are.
  static std::string available(const std::string& alias, std::optional<uint16_t> document);
  static std::string create_roots(const catalog::Table& parent, const std::string& name);
  // Whether a root has several versions: if not, each key is staged once.
  static std::string has_chains(const std::string& roots);
  // Current rows of the parent as roots, in the order of their __id, that come after `after_id`.
  struct Chunk {
    int64_t after_id = 0;
    int64_t rows_max = 0;
  };
  static std::string take_current(const catalog::Table& parent, const std::string& origin,
                                  const std::string& roots, Chunk chunk);
  // Their documents, as MergeSql::documents().
  static std::string current_documents(const catalog::Table& parent, const std::string& column,
                                       const std::string& roots);

  [[nodiscard]] const MergeSql& merge() const { return merge_; }
  [[nodiscard]] std::string create_rows() const;
  [[nodiscard]] std::string drop_rows() const;
  [[nodiscard]] std::string truncate_rows() const;
  [[nodiscard]] std::string copy_rows() const;
  // Into the stage: the rows; deletes of rows that the next version of their root has not; deletes
  // of current rows that the first version of their root has not. `document`: index of the column
  // in the parent's stage, whose unavailable documents change nothing.
  [[nodiscard]] std::string stage_rows() const;
  [[nodiscard]] std::string stage_superseded(std::optional<uint16_t> document) const;
  [[nodiscard]] std::string stage_vanished(std::optional<uint16_t> document) const;
  // All current rows of the origin end with their roots, which a truncate ends at `ts_us`, or with
  // those that it does not spare. To be run before that.
  [[nodiscard]] std::string end_with_roots(int64_t ts_us, bool spares_newer) const;

  // The document of one version of the past (child_late_sql.cc). Its staged rows take the place of
  // what the root has in the window: what is there is taken out, cut, and put back with them.
  struct Window {
    int64_t from_us = 0;  // microseconds since 1970
    int64_t until_us = 0;
  };
  static std::string knows_documents(const std::string& roots, std::optional<uint16_t> document);
  [[nodiscard]] std::string create_pieces() const;
  [[nodiscard]] std::vector<std::string> take_pieces(const Window& window) const;
  [[nodiscard]] std::string add_pieces(const Window& window) const;
  [[nodiscard]] std::string put_pieces() const;
  static std::string drop_pieces();

 private:
  [[nodiscard]] std::string versions(std::optional<uint16_t> document) const;
  [[nodiscard]] std::string insert_deletes(const std::string& keys) const;
  [[nodiscard]] std::string root_values(const std::string& alias) const;
  [[nodiscard]] std::string same_root(const std::string& roots_alias,
                                      const std::string& child_alias) const;
  [[nodiscard]] std::string rows() const { return "pg_temp." + names_.rows; }
  [[nodiscard]] std::string roots() const { return "pg_temp." + names_.roots; }

  catalog::Table parent_;
  catalog::Table child_;
  ChildShape shape_;
  Names names_;
  MergeSql merge_;
};

}  // namespace metadb::ingest
