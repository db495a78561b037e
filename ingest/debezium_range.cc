#include "ingest/debezium_range.h"

#include <charconv>
#include <optional>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_scalar.h"
#include "ingest/debezium_time.h"
#include "ingest/numeric.h"

namespace metadb::ingest {
namespace {

// Appends the cell of one bound. Throws DecodeError.
using AppendBound = void (*)(std::string& out, std::string_view text);

// Flags of a range (PostgreSQL, utils/rangetypes.h).
constexpr char kEmpty = 0x01;
constexpr char kLowerInclusive = 0x02;
constexpr char kUpperInclusive = 0x04;
constexpr char kLowerInfinite = 0x08;
constexpr char kUpperInfinite = 0x10;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), rest_(text) {}

  [[noreturn]] void fail() const {
    throw DecodeError("not a range: \"" + excerpt(text_) + "\"", "22008");
  }
  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }
  char next() {
    if (rest_.empty()) fail();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  // Up to the delimiter, which is left; nullopt: no bound. Quotes are doubled or escaped.
  std::optional<std::string> bound() {
    std::string out;
    bool is_quoted = false;
    bool is_given = false;
    while (is_quoted || !is_delimiter()) {
      const char c = next();
      is_given = true;
      if (c == '\\') {
        out += next();
      } else if (c != '"') {
        out += c;
      } else if (is_quoted && !rest_.empty() && rest_.front() == '"') {
        out += next();
      } else {
        is_quoted = !is_quoted;
      }
    }
    if (!is_given) return std::nullopt;
    return out;
  }

 private:
  [[nodiscard]] bool is_delimiter() const {
    if (rest_.empty()) fail();
    return rest_.front() == ',' || rest_.front() == ')' || rest_.front() == ']';
  }

  std::string_view text_;
  std::string_view rest_;
};

// The layout of range_send(): flags, then the bounds that there are.
void append_range_cell(std::string& out, const JsonNode& value, AppendBound append_bound) {
  expect(value, JsonKind::string, "a range");
  const std::string_view text = value.text;
  const size_t begin = begin_cell(out);
  if (text == "empty") {
    out += kEmpty;
    return end_cell(out, begin);
  }
  Reader reader(text);
  const char opening = reader.next();
  if (opening != '[' && opening != '(') reader.fail();
  const std::optional<std::string> lower = reader.bound();
  if (reader.next() != ',') reader.fail();
  const std::optional<std::string> upper = reader.bound();
  const char closing = reader.next();
  if (closing == ',' || !reader.is_at_end()) reader.fail();
  int flags = 0;
  flags |= lower ? (opening == '[' ? kLowerInclusive : 0) : kLowerInfinite;
  flags |= upper ? (closing == ']' ? kUpperInclusive : 0) : kUpperInfinite;
  out += static_cast<char>(flags);
  try {
    if (lower) append_bound(out, *lower);
    if (upper) append_bound(out, *upper);
  } catch (const DecodeError&) {
    reader.fail();
  }
  end_cell(out, begin);
}

template <typename T>
void append_integer_bound(std::string& out, std::string_view text) {
  T bound = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), bound);
  if (error != std::errc() || stop != text.data() + text.size()) {
    throw DecodeError("not an integer: " + excerpt(text), "22008");
  }
  append_int_cell(out, bound);
}

void append_numeric_bound(std::string& out, std::string_view text) {
  append_numeric_word_cell(out, text);
}

void append_date_bound(std::string& out, std::string_view text) {
  append_int_cell(out, parse_postgres_date(text));
}

void append_timestamp_bound(std::string& out, std::string_view text) {
  append_int_cell(out, parse_postgres_timestamp(text));
}

void append_timestamptz_bound(std::string& out, std::string_view text) {
  append_int_cell(out, parse_zoned_timestamp(text));
}

}  // namespace

void convert_int4range(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_range_cell(out, value, append_integer_bound<int32_t>);
}

void convert_int8range(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_range_cell(out, value, append_integer_bound<int64_t>);
}

void convert_numrange(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_range_cell(out, value, append_numeric_bound);
}

void convert_daterange(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_range_cell(out, value, append_date_bound);
}

void convert_tsrange(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_range_cell(out, value, append_timestamp_bound);
}

void convert_tstzrange(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_range_cell(out, value, append_timestamptz_bound);
}

}  // namespace metadb::ingest
