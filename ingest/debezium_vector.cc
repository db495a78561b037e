#include "ingest/debezium_vector.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_scalar.h"
#include "ingest/debezium_text.h"

namespace metadb::ingest {
namespace {

// pgvector's numbers are 32 bits wide; the connector reads what they print as doubles. A number
// that is no such print would lose digits.
void append_number(std::string& out, const JsonNode& value) {
  if (value.is_null()) throw DecodeError("a vector with NULL in it", "22004");
  const auto wide = floating<double>(value);
  const auto narrow = static_cast<float>(wide);
  const size_t begin = out.size();
  append_float_text(out, narrow);
  if (static_cast<double>(narrow) == wide) return;
  double printed = 0;
  std::from_chars(out.data() + begin, out.data() + out.size(), printed);
  if (printed != wide) throw DecodeError("a number that is no 32 bit float", "22008");
}

}  // namespace

void convert_vector(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::array, "a vector");
  const size_t begin = begin_cell(out);
  out += '[';
  for (const JsonNode* item = value.begin(); item != value.end(); item = item->next()) {
    if (item != value.begin()) out += ',';
    append_number(out, *item);
  }
  out += ']';
  end_cell(out, begin);
}

void convert_sparse_vector(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::object, "a sparse vector");
  const JsonNode* dimensions = value.member("dimensions");
  const JsonNode* vector = value.member("vector");
  if (dimensions == nullptr || vector == nullptr) {
    throw DecodeError("a sparse vector without dimensions or vector");
  }
  expect(*vector, JsonKind::array, "the entries of a vector");
  std::vector<std::pair<int64_t, const JsonNode*>> entries;
  for (const JsonNode* entry = vector->begin(); entry != vector->end(); entry = entry->next()) {
    expect(*entry, JsonKind::array, "an entry of a vector");
    const JsonNode* index = entry->begin();
    if (index == entry->end() || index->next() == entry->end()) {
      throw DecodeError("an entry of a vector without index or number");
    }
    entries.emplace_back(integer(*index), index->next());
  }
  std::ranges::sort(entries);
  const size_t begin = begin_cell(out);
  out += '{';
  for (const auto& [index, number] : entries) {
    if (number != entries.front().second) out += ',';
    out += std::to_string(index) + ":";
    append_number(out, *number);
  }
  out += "}/" + std::to_string(integer(*dimensions));
  end_cell(out, begin);
}

}  // namespace metadb::ingest
