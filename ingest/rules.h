// Which source tables are taken, and where they go.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/sources.h"
#include "ingest/change.h"

namespace metadb::ingest {

// The options of a data source that concern names, as texts (dialect.md, Options).
struct NameRules {
  std::string schema_pass_filter{};
  std::string schema_stop_filter{};
  std::string table_stop_filter{};
  std::string trim_schema_prefix{};
  std::string add_schema_prefix{};
  std::string map_public_schema{};
  std::string module{};  // none: without the mod_ steps
};
NameRules name_rules(const catalog::DataSource& source);

struct Target {
  std::string schema;
  std::string table;   // the source's own name; ingest/names.h makes table names of it
  std::string origin;  // empty = none
  bool operator==(const Target&) const = default;
};

// Why nothing may be written there whatever the catalog holds; nullopt if it may.
std::optional<std::string> refusal(const Target& target);

// The elements of a comma-separated list of regular expressions: a comma that is escaped or inside
// {}, [] or () belongs to the expression. Space around elements and empty elements are dropped.
std::vector<std::string> split_expressions(std::string_view list);

// Which table the rows of a topic belong to, where nothing in them says so: by an expression with
// groups named schema and table, and perhaps db and server. One thread at a time.
class TopicTables {
 public:
  // Throws catalog::Error 2201B if the expression does not compile or has no such groups.
  explicit TopicTables(const std::string& expression);
  ~TopicTables();
  TopicTables(const TopicTables&) = delete;
  TopicTables& operator=(const TopicTables&) = delete;

  // nullopt: the expression does not match. Throws as Rules::passes() does.
  [[nodiscard]] std::optional<EventTable> table_of(std::string_view topic) const;

 private:
  class Expression;
  std::unique_ptr<Expression> expression_;
};

// Immutable once built; one thread at a time (it holds scratch space for matching).
class Rules {
 public:
  // Throws catalog::Error 2201B that names the expression which does not compile.
  explicit Rules(const NameRules& rules);
  ~Rules();
  Rules(Rules&&) noexcept;
  Rules& operator=(Rules&&) noexcept;

  // Filters look at the source's own names. Throws catalog::Error 2201B if an expression exceeds
  // the limits of matching.
  [[nodiscard]] bool passes(const EventTable& table) const;
  // `origins`: the names of the data origins there are.
  [[nodiscard]] Target target(const EventTable& table,
                              const std::vector<std::string>& origins) const;

 private:
  class Filter;
  NameRules rules_;
  std::unique_ptr<Filter> schema_pass_;
  std::unique_ptr<Filter> schema_stop_;
  std::unique_ptr<Filter> table_stop_;
};

}  // namespace metadb::ingest
