#include "grammar/literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "grammar/scan.h"
#include "grammar/syntax_failure.h"
#include "grammar/utf8.h"

namespace metadb::grammar {
namespace {

constexpr size_t kNameBytesMax = 63;  // NAMEDATALEN - 1

std::string cut_name(std::string name) {
  if (name.size() <= kNameBytesMax) return name;
  size_t end = kNameBytesMax;
  while (end > 0 && (static_cast<uint8_t>(name[end]) & 0xC0U) == 0x80) --end;
  name.resize(end);
  return name;
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// Decodes one literal; scan.l's states xq, xe, xeu and xqs.
class StringDecoder {
 public:
  StringDecoder(std::string_view written, int position, bool is_escape)
      : written_(written), position_(position), is_escape_(is_escape) {}

  std::string decode(size_t open) {
    at_ = open + 1;
    while (at_ < written_.size()) {
      const char c = written_[at_];
      if (c == '\'') {
        quote();
      } else if (c == '\\' && is_escape_) {
        escape();
      } else {
        check_no_pending_surrogate();
        result_.push_back(c);
        ++at_;
      }
    }
    check_no_pending_surrogate();
    if (has_raw_bytes_) check_encoding();
    return std::move(result_);
  }

 private:
  void quote() {
    check_no_pending_surrogate();
    if (at_ + 1 < written_.size() && written_[at_ + 1] == '\'') {
      result_.push_back('\'');
      at_ += 2;
      return;
    }
    const size_t next = scan::continuation(written_, at_ + 1);
    at_ = next == std::string_view::npos ? written_.size() : next + 1;
  }

  void escape() {
    const char c = at_ + 1 < written_.size() ? written_[at_ + 1] : '\\';
    if (c == 'u' || c == 'U') return unicode_escape(c == 'u' ? 4 : 8);
    check_no_pending_surrogate();
    if (c >= '0' && c <= '7') return byte_escape(at_ + 1, 3, 8);
    if (c == 'x' && at_ + 2 < written_.size() && digit_value(written_[at_ + 2]) < 16) {
      return byte_escape(at_ + 2, 2, 16);
    }
    constexpr std::string_view kLetters = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    const size_t letter = kLetters.find(c);
    result_.push_back(letter == std::string_view::npos ? c : kMeanings[letter]);
    at_ += 2;
  }

  // Up to `digits_max` digits of a byte; an octal value over 255 keeps its low eight bits.
  void byte_escape(size_t digits, size_t digits_max, int base) {
    int value = 0;
    at_ = digits;
    while (at_ < written_.size() && at_ < digits + digits_max &&
           digit_value(written_[at_]) < base) {
      value = value * base + digit_value(written_[at_++]);
    }
    const auto byte = static_cast<uint8_t>(value & 0xFF);
    has_raw_bytes_ = has_raw_bytes_ || byte >= 0x80 || byte == 0;
    result_.push_back(static_cast<char>(byte));
  }

  void unicode_escape(size_t digits) {
    const std::string_view shown = written_.substr(at_, 2 + digits);
    char32_t value = 0;
    for (size_t i = 2; i < 2 + digits; ++i) {
      const int digit = i < shown.size() ? digit_value(shown[i]) : 16;
      if (digit == 16) {
        throw SyntaxFailure{{"22025", "invalid Unicode escape",
                             "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.", position_here()}};
      }
      value = (value << 4U) | static_cast<char32_t>(digit);
    }
    const bool is_first = value >= 0xD800 && value <= 0xDBFF;
    const bool is_second = value >= 0xDC00 && value <= 0xDFFF;
    if (value == 0 || value > 0x10FFFF) {
      throw failure_near("invalid Unicode escape value", shown, position_here());
    }
    if (is_second != (first_surrogate_ != 0)) {
      throw failure_near("invalid Unicode surrogate pair", shown, position_here());
    }
    at_ += 2 + digits;
    if (is_first) {
      first_surrogate_ = value;
      return;
    }
    if (is_second) value = 0x10000 + ((first_surrogate_ - 0xD800) << 10U) + (value - 0xDC00);
    first_surrogate_ = 0;
    append_utf8(result_, value);
  }

  void check_no_pending_surrogate() const {
    if (first_surrogate_ == 0) return;
    const size_t length = at_ < written_.size() ? utf8_length(written_[at_]) : 0;
    throw failure_near("invalid Unicode surrogate pair",
                       written_.substr(std::min(at_, written_.size()), length), position_here());
  }

  // PostgreSQL names no position for these.
  void check_encoding() const {
    const size_t bad = valid_utf8_prefix(result_);
    if (bad == result_.size()) return;
    std::string bytes;
    for (const char c : result_.substr(bad, utf8_length(result_[bad]))) {
      bytes += fmt::format(" 0x{:02x}", static_cast<uint8_t>(c));
    }
    throw SyntaxFailure{{"22021", "invalid byte sequence for encoding \"UTF8\":" + bytes, "", 0}};
  }

  [[nodiscard]] int position_here() const {
    return position_ + static_cast<int>(count_characters(written_.substr(0, at_)));
  }

  std::string_view written_;
  int position_;
  bool is_escape_;
  size_t at_ = 0;
  std::string result_;
  char32_t first_surrogate_ = 0;  // waits for its second half; 0 = none
  bool has_raw_bytes_ = false;
};

}  // namespace

std::string fold_name(std::string_view word) {
  std::string name(word);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return cut_name(std::move(name));
}

std::string unquote_name(std::string_view quoted) {
  std::string name;
  for (size_t at = 1; at + 1 < quoted.size(); ++at) {
    name.push_back(quoted[at]);
    if (quoted[at] == '"') ++at;  // the second of a doubled quote
  }
  return cut_name(std::move(name));
}

std::string decode_string(std::string_view written, int position) {
  if (written.starts_with('$')) {
    const size_t tag = written.find('$', 1) + 1;
    return std::string(written.substr(tag, written.size() - 2 * tag));
  }
  const bool is_escape = !written.starts_with('\'');
  return StringDecoder(written, position, is_escape).decode(is_escape ? 1 : 0);
}

}  // namespace metadb::grammar
