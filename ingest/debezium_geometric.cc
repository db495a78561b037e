#include "ingest/debezium_geometric.h"

#include <bit>
#include <initializer_list>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_scalar.h"

namespace metadb::ingest {
namespace {

double coordinate(const JsonNode& value, std::string_view name) {
  const JsonNode* found = value.member(name);
  if (found == nullptr) throw DecodeError("a point, line or circle without " + std::string(name));
  return floating<double>(*found);
}

void append_coordinates(std::string& out, const JsonNode& value,
                        std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    append_big_endian(out, std::bit_cast<uint64_t>(coordinate(value, name)));
  }
}

}  // namespace

void convert_point(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a point");
  // MySQL's; PostgreSQL's have none.
  const JsonNode* srid = value.member("srid");
  if (srid != nullptr && !srid->is_null()) throw DecodeError("a point with an SRID", "22008");
  const size_t begin = begin_cell(out);
  append_coordinates(out, value, {"x", "y"});
  end_cell(out, begin);
}

void convert_line(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a line");
  const size_t begin = begin_cell(out);
  append_coordinates(out, value, {"a", "b", "c"});
  end_cell(out, begin);
}

void convert_circle(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a circle");
  const JsonNode* center = value.member("center");
  if (center == nullptr) throw DecodeError("a circle without center");
  const size_t begin = begin_cell(out);
  append_coordinates(out, *center, {"x", "y"});
  append_coordinates(out, value, {"radius"});
  end_cell(out, begin);
}

}  // namespace metadb::ingest
