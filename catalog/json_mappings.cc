#include "catalog/json_mappings.h"

#include <fmt/format.h>

#include <algorithm>

namespace metadb::catalog {
namespace {

constexpr size_t kIdMax = 16;

bool is_plain(char c) {
  return c != '.' && c != '"' && c != '[' && c != ']' && c != '$' && c != '*' && c != '\\' &&
         static_cast<unsigned char>(c) > ' ';
}

class PathReader {
 public:
  explicit PathReader(std::string_view text) : text_(text) {}

  JsonPath run() {
    if (!text_.starts_with('$')) refuse("it does not begin with \"$\"");
    at_ = 1;
    JsonPath path;
    while (at_ < text_.size()) {
      if (text_[at_] == '[') {
        refuse("an array needs no step of its own",
               "Write the name of the array: what follows is looked for in each of its elements.");
      }
      if (text_[at_] != '.') refuse("a \".\" is expected before each name");
      ++at_;
      path.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      if (path.back().empty()) refuse("a name is empty");
    }
    return path;
  }

 private:
  std::string plain() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    std::string name;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return name;
      }
      if (text_[at_] == '\\') {
        ++at_;
        const bool is_known = at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\\');
        if (!is_known) refuse("in a quoted name, \\ stands before \" and \\ only");
      }
      name += text_[at_];
    }
    refuse("a quoted name has no end");
  }

  [[noreturn]] void refuse(const std::string& reason,
                           std::string hint =
                               "A path is $ or $.a.b; a name that is no word is "
                               "written in double quotes: $.\"a.b\".") const {
    throw Error("22023", fmt::format("invalid path \"{}\": {}", text_, reason))
        .with_hint(std::move(hint));
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string described(const JsonMapping& mapping) {
  return fmt::format("column \"{}\" of table \"{}.{}__\"", mapping.column_name, mapping.schema_name,
                     mapping.table_name);
}

}  // namespace

JsonPath parse_json_path(std::string_view text) {
  return PathReader(text).run();
}

std::string json_path_text(const JsonPath& path) {
  std::string out = "$";
  for (const std::string& name : path) {
    out += '.';
    if (std::ranges::all_of(name, is_plain)) {
      out += name;
      continue;
    }
    out += '"';
    for (const char c : name) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

void check_mapping_id(std::string_view id) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_allowed = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
  };
  const bool is_good = !id.empty() && id.size() <= kIdMax && is_letter(id.front()) &&
                       std::ranges::all_of(id, is_allowed);
  if (is_good) return;
  throw Error("42602", fmt::format("invalid target identifier \"{}\"", id))
      .with_detail(
          fmt::format("It begins with a letter from a to z and consists of at most {} characters "
                      "a to z, 0 to 9 and _.",
                      kIdMax));
}

std::vector<JsonMapping> load_json_mappings(Connection& connection) {
  const Result rows = connection.exec(
      "SELECT schema_name, table_name, column_name, path, map FROM metadb.transform_json"
      " ORDER BY schema_name, table_name, column_name, path");
  std::vector<JsonMapping> out;
  for (int row = 0; row < rows.rows(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    out.push_back({text(0), text(1), text(2), text(3), text(4)});
  }
  return out;
}

void insert_json_mapping(Connection& connection, const JsonMapping& mapping) {
  // An id is part of the name of a table, whichever column its rows come from.
  const Result there = connection.exec(
      "SELECT path, map, column_name FROM metadb.transform_json WHERE (schema_name, table_name) = "
      "($1, $2) AND ((column_name = $3 AND path = $4) OR map = $5) ORDER BY column_name <> $3, "
      "path "
      "<> $4 LIMIT 1",
      {mapping.schema_name, mapping.table_name, mapping.column_name, mapping.path, mapping.id});
  if (there.rows() > 0) {
    JsonMapping other = mapping;
    other.column_name = there.text(0, 2);
    throw Error("42710", fmt::format("path \"{}\" of {} is already mapped to \"{}\"",
                                     there.text(0, 0), described(other), there.text(0, 1)));
  }
  connection.exec(
      "INSERT INTO metadb.transform_json (schema_name, table_name, column_name, path, map)"
      " VALUES ($1, $2, $3, $4, $5)",
      {mapping.schema_name, mapping.table_name, mapping.column_name, mapping.path, mapping.id});
}

void delete_json_mapping(Connection& connection, const JsonMapping& mapping) {
  const Result deleted = connection.exec(
      "DELETE FROM metadb.transform_json WHERE (schema_name, table_name, column_name, path) ="
      " ($1, $2, $3, $4)",
      {mapping.schema_name, mapping.table_name, mapping.column_name, mapping.path});
  if (deleted.affected() > 0) return;
  throw Error("42704",
              fmt::format("path \"{}\" of {} is not mapped", mapping.path, described(mapping)));
}

}  // namespace metadb::catalog
