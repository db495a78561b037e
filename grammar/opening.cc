#include "grammar/opening.h"

#include <algorithm>
#include <array>
#include <optional>

#include "grammar/scan.h"

namespace metadb::grammar {
namespace {

struct Row {
  std::string_view first;
  std::string_view second;  // empty = whatever follows
  std::string_view third;   // empty = whatever follows
  Opening opening;
};

constexpr std::array kRows = {
    Row{"create", "data", "", Opening::ours},      Row{"create", "external", "sql", Opening::ours},
    Row{"create", "user", "", Opening::shared},    Row{"create", "schema", "", Opening::shared},
    Row{"alter", "data", "", Opening::ours},       Row{"alter", "table", "", Opening::shared},
    Row{"alter", "system", "", Opening::shared},   Row{"drop", "data", "", Opening::ours},
    Row{"drop", "external", "sql", Opening::ours}, Row{"drop", "user", "", Opening::shared},
    Row{"pause", "data", "", Opening::ours},       Row{"resume", "data", "", Opening::ours},
    Row{"sync", "data", "", Opening::ours},        Row{"endsync", "data", "", Opening::ours},
    Row{"register", "", "", Opening::ours},        Row{"deregister", "", "", Opening::ours},
    Row{"grant", "access", "", Opening::shared},   Row{"revoke", "access", "", Opening::shared},
    Row{"purge", "data", "", Opening::ours},       Row{"purge", "dead", "", Opening::ours},
    Row{"retry", "dead", "", Opening::ours},       Row{"list", "", "", Opening::ours},
    Row{"refresh", "inferred", "", Opening::ours}, Row{"verify", "consistency", "", Opening::ours},
    Row{"run", "external", "sql", Opening::ours},
};

constexpr size_t kLongestVerb = 10;  // deregister

char folded(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_word(std::string_view written, std::string_view lower) noexcept {
  return written.size() == lower.size() &&
         std::equal(written.begin(), written.end(), lower.begin(),
                    [](char a, char b) { return folded(a) == b; });
}

// Which first letters and lengths the verbs have: tells nearly every foreign verb in one look.
using VerbShapes = std::array<std::array<bool, kLongestVerb + 1>, 26>;

constexpr VerbShapes kVerbShapes = [] {
  VerbShapes shapes{};
  for (const Row& row : kRows) shapes[row.first.front() - 'a'][row.first.size()] = true;
  return shapes;
}();

bool has_verb_shape(std::string_view word) noexcept {
  if (word.empty() || word.size() > kLongestVerb) return false;
  const char initial = folded(word.front());
  return initial >= 'a' && initial <= 'z' && kVerbShapes[initial - 'a'][word.size()];
}

// Hands out the words at the start of a text. A piece that is not a word ends them.
class Words {
 public:
  Words(std::string_view text, Comments comments) noexcept : text_(text), comments_(comments) {}

  std::string_view next() noexcept {
    const size_t begin =
        comments_ == Comments::skip ? scan::blank_end(text_, at_) : scan::space_end(text_, at_);
    if (comments_ == Comments::stop && scan::comment_starts(text_, begin)) is_unclear_ = true;
    at_ = scan::word_end(text_, begin);
    return text_.substr(begin, at_ - begin);
  }

  [[nodiscard]] bool is_unclear() const noexcept { return is_unclear_; }

 private:
  std::string_view text_;
  Comments comments_;
  size_t at_ = 0;
  bool is_unclear_ = false;
};

}  // namespace

Opening opening_of(std::string_view text, Comments comments) noexcept {
  Words words(text, comments);
  const std::string_view first = words.next();
  if (words.is_unclear()) return Opening::unclear;
  if (!has_verb_shape(first)) return Opening::foreign;
  std::optional<std::string_view> second;
  std::optional<std::string_view> third;
  for (const Row& row : kRows) {
    if (!is_word(first, row.first)) continue;
    if (row.second.empty()) return row.opening;
    if (!second) second = words.next();
    if (words.is_unclear()) return Opening::unclear;
    if (!is_word(*second, row.second)) continue;
    if (row.third.empty()) return row.opening;
    if (!third) third = words.next();
    if (words.is_unclear()) return Opening::unclear;
    if (is_word(*third, row.third)) return row.opening;
  }
  return Opening::foreign;
}

}  // namespace metadb::grammar
