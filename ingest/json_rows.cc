#include "ingest/json_rows.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "ingest/copy_format.h"
#include "ingest/debezium_error.h"
#include "ingest/json_walk.h"
#include "ingest/numeric.h"

namespace metadb::ingest {
namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_a_digit(char c) {
  return c >= '0' && c <= '9';
}

// PostgreSQL's numeric has a range; a number beyond it stays the text it is.
bool is_in_range(std::string_view number) {
  constexpr size_t kSurelyInRange = 1000;
  if (number.size() < kSurelyInRange && number.find_first_of("eE") == std::string_view::npos)
    return true;
  std::string cell;
  try {
    append_numeric_cell(cell, number);
    return true;
  } catch (const DecodeError&) {
    return false;
  }
}

// Reads from the front of a text; anything unexpected makes it fail for good.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  int digits(size_t count) {
    int number = 0;
    if (rest_.size() < count) return fail();
    for (size_t i = 0; i < count; ++i) {
      if (!is_a_digit(rest_[i])) return fail();
      number = number * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return number;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail();
  }
  void expect_in(int number, int least, int most) {
    if (number < least || number > most) fail();
  }
  // The microseconds of what stands behind a point.
  int fraction() {
    int us = 0;
    size_t count = 0;
    for (; count < rest_.size() && is_a_digit(rest_[count]); ++count) {
      if (count < 6) us = us * 10 + (rest_[count] - '0');
      if (count >= 6 && rest_[count] != '0') fail();
    }
    if (count == 0) fail();
    for (size_t i = count; i < 6; ++i) us *= 10;
    rest_.remove_prefix(count);
    return us;
  }
  // Minutes east of UTC.
  std::optional<int> zone() {
    if (take('Z') || take('z')) return 0;
    const bool is_west = rest_.starts_with('-');
    if (!take('+') && !take('-')) return std::nullopt;
    const int hours = digits(2);
    int minutes = 0;
    if (take(':') || !rest_.empty()) minutes = digits(2);
    expect_in(hours, 0, 15);
    expect_in(minutes, 0, 59);
    return (is_west ? -1 : 1) * (hours * 60 + minutes);
  }
  [[nodiscard]] bool is_done() const { return is_good_ && rest_.empty(); }

 private:
  int fail() {
    is_good_ = false;
    return 0;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

JsonMap* find_field(JsonMap& map, std::string_view name) {
  const auto found = std::ranges::find(map.fields, name, &JsonMap::field);
  return found == map.fields.end() ? nullptr : &*found;
}

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
  if (text.find('\0') == std::string_view::npos) {
    append_text(out, text);
    return;
  }
  std::string replaced;
  for (const char c : text) {
    if (c == '\0') {
      replaced += kReplacement;
    } else {
      replaced += c;
    }
  }
  append_text(out, replaced);
}

// The code unit of the escape \uXXXX at `at`; nullopt if there is none.
std::optional<unsigned> unit_at(std::string_view text, size_t at) {
  constexpr size_t kDigitsAt = 2;
  constexpr size_t kEscape = 6;
  if (text.size() < at + kEscape || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned unit = 0;
  const char* end = text.data() + at + kEscape;
  if (std::from_chars(text.data() + at + kDigitsAt, end, unit, 16).ptr != end) return std::nullopt;
  return unit;
}

bool is_high_surrogate(unsigned unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}

bool is_low_surrogate(unsigned unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// PostgreSQL's json may hold halves of surrogate pairs, which stand for no character: each becomes
// an escape of U+FFFD, in its place.
void mend_surrogates(std::string& text) {
  constexpr std::string_view kReplacement = "\\ufffd";
  for (size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const std::optional<unsigned> unit = unit_at(text, at);
    if (!unit) {
      at += 2;
      continue;
    }
    const bool is_half = is_high_surrogate(*unit) || is_low_surrogate(*unit);
    const size_t next = at + kReplacement.size();
    if (is_high_surrogate(*unit) && is_low_surrogate(unit_at(text, next).value_or(0))) {
      at = next + kReplacement.size();
      continue;
    }
    if (is_half) text.replace(at, kReplacement.size(), kReplacement);
    at = next;
  }
}

}  // namespace

std::optional<JsonMap> json_map(std::span<const catalog::JsonMapping> mappings) {
  std::vector<std::pair<catalog::JsonPath, std::string>> paths;
  for (const catalog::JsonMapping& mapping : mappings)
    paths.emplace_back(catalog::parse_json_path(mapping.path), mapping.id);
  // Parents first.
  std::ranges::stable_sort(paths, {}, [](const auto& path) { return path.first.size(); });
  std::optional<JsonMap> root;
  for (const auto& [path, id] : paths) {
    if (path.empty()) {
      root = JsonMap{id, "", {}};
      continue;
    }
    JsonMap* above = root ? &*root : nullptr;
    for (size_t i = 0; above != nullptr && i + 1 < path.size(); ++i)
      above = find_field(*above, path[i]);
    if (above != nullptr) above->fields.push_back({id, path.back(), {}});
  }
  return root;
}

std::string snake_case(std::string_view field) {
  while (field.starts_with('#') || field.starts_with('@')) field.remove_prefix(1);
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    const char c = field[i];
    if (!is_upper(c)) {
      out += c;
      continue;
    }
    const char before = i > 0 ? field[i - 1] : '_';
    const char after = i + 1 < field.size() ? field[i + 1] : '_';
    const bool begins_word =
        is_lower(before) || is_a_digit(before) || (is_upper(before) && is_lower(after));
    if (begins_word) out += '_';
    out += static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::optional<JsonTime> iso_time(std::string_view text) {
  namespace chrono = std::chrono;
  constexpr size_t kShortest = 16;  // 2026-01-02T03:04
  if (text.size() < kShortest || !is_a_digit(text[0])) return std::nullopt;
  TimeReader reader(text);
  const int year = reader.digits(4);
  reader.expect('-');
  const int month = reader.digits(2);
  reader.expect('-');
  const int day = reader.digits(2);
  if (!reader.take('T') && !reader.take('t')) reader.expect(' ');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  // PostgreSQL takes 03:04.5 for minutes and seconds.
  const bool has_seconds = reader.take(':');
  const int second = has_seconds ? reader.digits(2) : 0;
  const int us = has_seconds && reader.take('.') ? reader.fraction() : 0;
  const std::optional<int> zone = reader.zone();
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  reader.expect_in(year, 1, 9999);
  reader.expect_in(hour, 0, 23);
  reader.expect_in(minute, 0, 59);
  reader.expect_in(second, 0, 59);
  if (!reader.is_done() || !date.ok()) return std::nullopt;
  const int64_t days = chrono::sys_days(date).time_since_epoch().count();
  const int64_t minutes = (days * 24 + hour) * 60 + minute - zone.value_or(0);
  return JsonTime{(minutes * 60 + second) * 1'000'000 + us, zone.has_value()};
}

std::optional<JsonType> json_type(const JsonNode& value) {
  switch (value.kind) {
    case JsonKind::boolean:
      return JsonType::boolean;
    case JsonKind::number:
      return is_in_range(value.text) ? JsonType::numeric : JsonType::text;
    case JsonKind::string: {
      const std::optional<JsonTime> time = iso_time(value.text);
      if (!time) return JsonType::text;
      return time->has_zone ? JsonType::timestamptz : JsonType::timestamp;
    }
    case JsonKind::null:
    case JsonKind::array:
    case JsonKind::object:
    case JsonKind::bytes:
      return std::nullopt;
  }
  return std::nullopt;
}

void append_json_cell(std::string& out, const JsonNode& value, JsonType type) {
  switch (type) {
    case JsonType::boolean:
      append_boolean(out, value.text == "true");
      return;
    case JsonType::numeric:
      append_numeric_cell(out, value.text);
      return;
    case JsonType::timestamp:
    case JsonType::timestamptz:
      append_timestamptz(out, iso_time(value.text)->us);
      return;
    case JsonType::text:
      append_json_text(out, value.text);
      return;
  }
}

// The parser takes objects only, so the document stands in one. What is no JSON by itself must not
// become some by that: `1, "b": 2` makes another member, and `1}` ends the object.
const JsonNode* parse_json(JsonParser& parser, std::string_view text) {
  std::string wrapped = R"({"$":)";
  wrapped += text;
  wrapped += '}';
  mend_surrogates(wrapped);
  try {
    const JsonNode& root = parser.parse_object(wrapped);
    if (root.size == 1 || root.begin()->next() != root.end()) return nullptr;
    return root.begin();
  } catch (const DecodeError&) {
    return nullptr;
  }
}

void transform_json(const JsonMap& map, const JsonNode& document, JsonRowSink& to) {
  JsonWalk(to).document(map, document);
}

}  // namespace metadb::ingest
