// libFuzzer target: the rows of JSON documents. How it works: the input is a number of bytes and a
// document, read whole and in pieces of that many bytes, for a map of nested objects and arrays.
// What RFC 8259 calls JSON is read, and nothing else is; the rows do not depend on how it was cut;
// each is whole, and its values are fields of COPY. What is nested too deeply for one of the two
// readers only must not harm. The document is read as the path of a mapping, too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/error.h"
#include "ingest/json_pieces.h"

namespace {

using metadb::ingest::JsonLevel;
using metadb::ingest::JsonMap;
using metadb::ingest::JsonNode;

void require(bool holds) {
  if (!holds) std::abort();
}

// An independent reading of RFC 8259.
class Grammar {
 public:
  enum class Verdict { json, no_json, deep };

  explicit Grammar(std::string_view text) : text_(text) {}

  Verdict verdict() {
    if (!metadb::ingest::is_utf8(text_)) return Verdict::no_json;
    space();
    const bool is_value = value(0);
    space();
    if (is_deep_) return Verdict::deep;
    return is_value && at_ == text_.size() ? Verdict::json : Verdict::no_json;
  }

 private:
  // What is nested more deeply is empty where a document is read in pieces.
  static constexpr int kDepthMax = 100;

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view wanted) {
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  bool take_one_of(std::string_view wanted) {
    if (at_ == text_.size() || wanted.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  void space() {
    while (take_one_of(" \t\r\n")) continue;
  }
  bool digits() {
    const size_t begin = at_;
    while (take_one_of("0123456789")) continue;
    return at_ > begin;
  }

  bool value(int depth) {
    if (peek() == '{' || peek() == '[') return nested(depth);
    if (peek() == '"') return string();
    return take("true") || take("false") || take("null") || number();
  }
  bool number() {
    take("-");
    if (!take("0") && !digits()) return false;
    if (take(".") && !digits()) return false;
    if (!take_one_of("eE")) return true;
    take_one_of("+-");
    return digits();
  }
  bool string() {
    if (!take("\"")) return false;
    while (at_ < text_.size() && peek() != '"') {
      if (static_cast<unsigned char>(peek()) < ' ') return false;
      if (take("\\")) {
        if (!escape()) return false;
      } else {
        ++at_;
      }
    }
    return take("\"");
  }
  bool escape() {
    constexpr std::string_view kHex = "0123456789abcdefABCDEF";
    if (!take("u")) return take_one_of("\"\\/bfnrt");
    for (int i = 0; i < 4; ++i) {
      if (!take_one_of(kHex)) return false;
    }
    return true;
  }
  bool nested(int depth) {
    if (depth >= kDepthMax) {
      is_deep_ = true;
      return false;
    }
    const bool is_object = peek() == '{';
    const std::string_view end = is_object ? "}" : "]";
    ++at_;
    space();
    if (take(end)) return true;
    do {
      space();
      if (is_object && !name()) return false;
      if (!value(depth + 1)) return false;
      space();
    } while (take(","));
    return take(end);
  }
  bool name() {
    if (!string()) return false;
    space();
    if (!take(":")) return false;
    space();
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool is_deep_ = false;
};

// Keeps rows as texts.
class Rows : public metadb::ingest::JsonRowSink {
 public:
  void begin(const JsonMap& table, std::span<const JsonLevel> levels) override {
    require(!is_in_row_);
    is_in_row_ = true;
    text_ += "\n" + table.id;
    for (const JsonLevel& level : levels) {
      require(level.depth > 0 && level.ordinal > 0);
      text_ += "[" + level.array->id + std::to_string(level.depth) + " " +
               std::to_string(level.ordinal) + "]";
    }
  }
  void member(std::string_view id, std::string_view field, const JsonNode& value) override {
    for (const char c : metadb::ingest::snake_case(field)) require(c < 'A' || c > 'Z');
    text_ += " " + std::string(id) + "." + std::string(field);
    take(value);
  }
  void element(const JsonNode& value) override { take(value); }
  void end() override {
    require(is_in_row_);
    is_in_row_ = false;
  }

  [[nodiscard]] const std::string& text() const {
    require(!is_in_row_);
    return text_;
  }

 private:
  void take(const JsonNode& value) {
    require(is_in_row_);
    const auto type = json_type(value);
    if (!type) {
      // A piece has empty arrays and objects in place of others.
      text_ += value.is_null() ? "=null" : "={}";
      return;
    }
    const size_t begin = text_.size();
    append_json_cell(text_, value, *type);
    // A field of COPY: the length of what follows, in 32 bits.
    require(text_.size() >= begin + 4);
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i)
      length = length << 8 | static_cast<unsigned char>(text_[begin + i]);
    require(text_.size() == begin + 4 + length);
  }

  std::string text_;
  bool is_in_row_ = false;
};

JsonMap map_of_all() {
  const std::vector<std::pair<std::string, std::string>> paths = {
      {"$", "t"},      {"$.a", "a"},         {"$.a.b", "b"},      {"$.a.b.c", "c"}, {"$.o", "o"},
      {"$.o.c", "oc"}, {"$.\"o.c\"", "dot"}, {"$.a.b.c.a", "ca"}, {"$.é", "accent"}};
  std::vector<metadb::catalog::JsonMapping> mappings;
  for (const auto& [path, id] : paths) mappings.push_back({"s", "t", "c", path, id});
  return metadb::ingest::json_map(mappings).value();
}

// An array or object in an object, wherever that stands: it may be one that nothing maps, or that
// another one of its name replaces. Then nobody looks at it closely.
bool may_leave_out(std::string_view text) {
  for (size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    const size_t next = text.find_first_not_of(" \t\r\n", at + 1);
    if (next != std::string_view::npos && (text[next] == '{' || text[next] == '[')) return true;
  }
  return false;
}

// Of what is so deep that it is empty, nobody looks closely at what is left out.
bool may_be_deep(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return c == '{' || c == '['; }) > 100;
}

std::optional<std::string> rows(const JsonMap& map, std::string_view text, size_t piece_bytes) {
  static metadb::ingest::JsonParser parser;
  Rows sink;
  const bool is_json = transform_json_text(parser, map, text, sink, piece_bytes);
  if (is_json) return sink.text();
  require(sink.text().empty());
  return std::nullopt;
}

void check_document(std::string_view text, size_t piece_bytes) {
  using Verdict = Grammar::Verdict;
  static const JsonMap map = map_of_all();
  const Verdict verdict = Grammar(text).verdict();
  const auto whole = rows(map, text, metadb::ingest::kJsonPieceBytes);
  const auto cut = rows(map, text, piece_bytes);
  if (verdict == Verdict::json) {
    require(whole && cut == whole);
  } else if (verdict == Verdict::no_json) {
    require(!cut || may_leave_out(text));
    require(!whole || (may_leave_out(text) && may_be_deep(text)));
  }
}

// One path, one text.
void check_path(std::string_view text) {
  try {
    const auto path = metadb::catalog::parse_json_path(text);
    require(metadb::catalog::parse_json_path(metadb::catalog::json_path_text(path)) == path);
  } catch (const metadb::catalog::Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_document(text, data[0]);
  check_path(text);
  return 0;
}
