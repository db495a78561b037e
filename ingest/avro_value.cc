#include "ingest/avro_value.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "ingest/debezium_error.h"
#include "ingest/json_text.h"

namespace metadb::ingest {
namespace {

constexpr size_t kValueDepthMax = 64;
constexpr size_t kKeptValues = 65536;
// Items without bytes (null, empty records) would let a few bytes claim any number of them.
constexpr size_t kNodesBeyondBytes = 65536;

[[noreturn]] void throw_value(const std::string& what) {
  throw DecodeError("not valid Avro: " + what, "22P03");
}

}  // namespace

char* TextArena::room() {
  if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique<char[]>(kChunkBytes));
  if (used_ + kTextMax > kChunkBytes) {
    used_ = 0;
    if (++chunk_ == chunks_.size()) chunks_.push_back(std::make_unique<char[]>(kChunkBytes));
  }
  return chunks_[chunk_].get() + used_;
}

std::string_view TextArena::keep(size_t length) {
  const std::string_view text(chunks_[chunk_].get() + used_, length);
  used_ += length;
  return text;
}

void TextArena::clear() {
  if (chunks_.size() > kChunksKept) chunks_.resize(kChunksKept);
  chunk_ = 0;
  used_ = 0;
}

const JsonNode& AvroReader::read(std::shared_ptr<const AvroSchema> schema, std::string_view bytes) {
  schema_ = std::move(schema);
  rest_ = bytes;
  nodes_max_ = bytes.size() * 2 + kNodesBeyondBytes;
  if (nodes_.capacity() > kKeptValues) nodes_ = std::vector<JsonNode>();
  nodes_.clear();
  arena_.clear();
  append_value(schema_->root(), {}, 0);
  if (!rest_.empty()) {
    throw_value(fmt::format("{} bytes after the end of the value", rest_.size()));
  }
  return nodes_.front();
}

std::string_view AvroReader::take(uint64_t length, const char* what) {
  if (length > rest_.size()) throw_value(fmt::format("ends within {}", what));
  const std::string_view taken = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return taken;
}

// Zig-zag, seven bits a byte, the lowest first.
int64_t AvroReader::take_long() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1, "a number")[0]);
    const bool is_too_long = shift == 63 && byte > 1;
    if (is_too_long) break;
    value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  throw_value("a number of more than 64 bits");
}

int32_t AvroReader::take_int() {
  const int64_t value = take_long();
  if (value != static_cast<int32_t>(value)) throw_value("an int of more than 32 bits");
  return static_cast<int32_t>(value);
}

std::string_view AvroReader::take_text() {
  const int64_t length = take_long();
  if (length < 0) throw_value("a negative length");
  return take(static_cast<uint64_t>(length), "a text");
}

JsonNode& AvroReader::append(JsonKind kind, std::string_view name, std::string_view text) {
  if (nodes_.size() >= nodes_max_) throw_value("more values than bytes");
  return nodes_.emplace_back(JsonNode{.kind = kind, .size = 1, .name = name, .text = text});
}

AvroReader::Open AvroReader::open(JsonKind kind, std::string_view name) {
  append(kind, name, {});
  return {nodes_.size() - 1};
}

void AvroReader::close(Open open) {
  nodes_[open.index].size = static_cast<uint32_t>(nodes_.size() - open.index);
}

void AvroReader::append_value(const AvroType& type, std::string_view name, size_t depth) {
  if (depth > kValueDepthMax) throw_value("nested too deeply");
  switch (type.kind) {
    case AvroKind::null:
      append(JsonKind::null, name, "null");
      return;
    case AvroKind::boolean:
      return append_boolean(name);
    case AvroKind::int32:
      return append_number(name, take_int());
    case AvroKind::int64:
      return append_number(name, take_long());
    case AvroKind::float32:
      return append_floating<float, uint32_t>(name);
    case AvroKind::float64:
      return append_floating<double, uint64_t>(name);
    case AvroKind::bytes:
      append(JsonKind::bytes, name, take_text());
      return;
    case AvroKind::fixed:
      append(JsonKind::bytes, name, take(type.size, "a fixed"));
      return;
    case AvroKind::string: {
      const JsonNode& text = append(JsonKind::string, name, take_text());
      if (!is_utf8(text.text)) throw DecodeError("not valid UTF-8", "22021");
      return;
    }
    case AvroKind::enumeration:
      return append_symbol(type, name);
    case AvroKind::record:
      return append_record(type, name, depth);
    case AvroKind::alternatives:
      return append_alternative(type, name, depth);
    case AvroKind::array:
      return append_array(type, name, depth);
    case AvroKind::map:
      return append_map(type, name, depth);
  }
}

void AvroReader::append_boolean(std::string_view name) {
  const char byte = take(1, "a boolean")[0];
  if (byte != 0 && byte != 1) throw_value("a boolean that is neither 0 nor 1");
  append(JsonKind::boolean, name, byte == 1 ? "true" : "false");
}

void AvroReader::append_number(std::string_view name, int64_t value) {
  char* room = arena_.room();
  const char* end = std::to_chars(room, room + TextArena::kTextMax, value).ptr;
  append(JsonKind::number, name, arena_.keep(static_cast<size_t>(end - room)));
}

// Little-endian. What is no number in JSON is a string there.
template <typename Float, typename Bits>
void AvroReader::append_floating(std::string_view name) {
  const std::string_view bytes = take(sizeof(Float), "a float");
  Bits bits = 0;
  for (size_t i = 0; i < sizeof(Float); ++i) {
    bits |= static_cast<Bits>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  const auto value = std::bit_cast<Float>(bits);
  if (std::isnan(value)) {
    append(JsonKind::string, name, "NaN");
  } else if (std::isinf(value)) {
    append(JsonKind::string, name, value > 0 ? "Infinity" : "-Infinity");
  } else {
    static_assert(kFloatingMax <= TextArena::kTextMax);
    const size_t length = write_floating(arena_.room(), value);
    append(JsonKind::number, name, arena_.keep(length));
  }
}

void AvroReader::append_symbol(const AvroType& type, std::string_view name) {
  const int64_t index = take_long();
  if (index < 0 || static_cast<uint64_t>(index) >= type.symbols.size()) {
    throw_value("an enum that is none of its symbols");
  }
  append(JsonKind::string, name, type.symbols[static_cast<size_t>(index)]);
}

void AvroReader::append_record(const AvroType& type, std::string_view name, size_t depth) {
  const Open record = open(JsonKind::object, name);
  for (const AvroMember& member : type.members) {
    append_value(*member.type, member.name, depth + 1);
  }
  close(record);
}

void AvroReader::append_alternative(const AvroType& type, std::string_view name, size_t depth) {
  const int64_t index = take_long();
  if (index < 0 || static_cast<uint64_t>(index) >= type.members.size()) {
    throw_value("a union that is none of its branches");
  }
  const AvroMember& branch = type.members[static_cast<size_t>(index)];
  const bool is_optional =
      type.members.size() <= 1 ||
      (type.members.size() == 2 && (type.members[0].type->kind == AvroKind::null ||
                                    type.members[1].type->kind == AvroKind::null));
  if (is_optional || branch.type->kind == AvroKind::null) {
    return append_value(*branch.type, name, depth + 1);
  }
  const Open chosen = open(JsonKind::object, name);
  append_value(*branch.type, branch.name, depth + 1);
  close(chosen);
}

// How many items follow; 0 ends them. A negative count is followed by the block's bytes.
uint64_t AvroReader::take_block() {
  const int64_t count = take_long();
  if (count >= 0) return static_cast<uint64_t>(count);
  if (count == std::numeric_limits<int64_t>::min()) throw_value("a block of too many items");
  const int64_t bytes = take_long();
  if (bytes < 0 || static_cast<uint64_t>(bytes) > rest_.size()) {
    throw_value("ends within a block");
  }
  return static_cast<uint64_t>(-count);
}

void AvroReader::append_array(const AvroType& type, std::string_view name, size_t depth) {
  const AvroType& item = *type.members[0].type;
  const Open array = open(JsonKind::array, name);
  for (uint64_t count = take_block(); count > 0; count = take_block()) {
    for (; count > 0; --count) {
      if (type.is_entries) {
        append_entry(item, depth + 1);
      } else {
        append_value(item, {}, depth + 1);
      }
    }
  }
  close(array);
}

// [key, value]: how JsonConverter writes an entry of a map whose keys are no strings.
void AvroReader::append_entry(const AvroType& entry, size_t depth) {
  const Open pair = open(JsonKind::array, {});
  for (const AvroMember& member : entry.members) append_value(*member.type, {}, depth + 1);
  close(pair);
}

void AvroReader::append_map(const AvroType& type, std::string_view name, size_t depth) {
  const Open map = open(JsonKind::object, name);
  for (uint64_t count = take_block(); count > 0; count = take_block()) {
    for (; count > 0; --count) {
      const std::string_view key = take_text();
      if (!is_utf8(key)) throw DecodeError("not valid UTF-8", "22021");
      append_value(*type.members[0].type, key, depth + 1);
    }
  }
  close(map);
}

}  // namespace metadb::ingest
