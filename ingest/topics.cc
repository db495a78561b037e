#include "ingest/topics.h"

#include <fmt/format.h>
#include <regex.h>

#include <algorithm>
#include <utility>

#include "catalog/error.h"

namespace metadb::ingest {
namespace {

constexpr size_t kNameMax = 249;  // Kafka's limit for a topic name
constexpr std::string_view kBlanks = " \t\r\n";

bool is_expression(std::string_view element) {
  return element.starts_with('^');
}

// Position after a bracket expression that opens at `open` (POSIX: a `]` directly after `[` or
// `[^` stands for itself, a backslash has no meaning, classes like [:digit:] may stand inside).
size_t bracket_end(std::string_view text, size_t open) {
  size_t at = open + 1;
  if (at < text.size() && text[at] == '^') ++at;
  if (at < text.size() && text[at] == ']') ++at;
  while (at < text.size() && text[at] != ']') {
    const bool opens_class = text[at] == '[' && at + 1 < text.size() &&
                             std::string_view(":.=").find(text[at + 1]) != std::string_view::npos;
    if (opens_class) {
      const char closing[] = {text[at + 1], ']'};
      const size_t close = text.find(std::string_view(closing, 2), at + 2);
      at = close == std::string_view::npos ? text.size() : close + 2;
    } else {
      ++at;
    }
  }
  return std::min(at + 1, text.size());
}

// Position of the comma that ends the expression at the beginning of `text`, or its size.
size_t expression_end(std::string_view text) {
  int depth = 0;
  size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\\') {
      at = std::min(at + 2, text.size());
      continue;
    }
    if (c == '[') {
      at = bracket_end(text, at);
      continue;
    }
    if (c == ',' && depth == 0) return at;
    if (c == '(' || c == '{') ++depth;
    if ((c == ')' || c == '}') && depth > 0) --depth;
    ++at;
  }
  return text.size();
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool may_stand_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

void check_name(const std::string& name) {
  if (name.empty()) {
    throw catalog::Error("22023", "option \"topics\" has an empty element");
  }
  if (!std::all_of(name.begin(), name.end(), may_stand_in_name)) {
    throw catalog::Error("22023", fmt::format("\"{}\" is not a valid topic name", name))
        .with_detail("A topic name consists of letters, digits, \".\", \"_\" and \"-\".")
        .with_hint("Begin the element with \"^\" to make it a regular expression.");
  }
  if (name.size() > kNameMax || name == "." || name == "..") {
    throw catalog::Error("22023", fmt::format("\"{}\" is not a valid topic name", name));
  }
}

}  // namespace

// A compiled expression. The flags are librdkafka's own, so that both agree on what matches.
struct TopicList::Expression {
  explicit Expression(const std::string& text);
  ~Expression() { regfree(&compiled); }
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  regex_t compiled{};
};

TopicList::Expression::Expression(const std::string& text) {
  const int status = regcomp(&compiled, text.c_str(), REG_EXTENDED | REG_NOSUB);
  if (status == 0) return;
  std::string reason(256, '\0');
  reason.resize(regerror(status, &compiled, reason.data(), reason.size()) - 1);
  throw catalog::Error("2201B", fmt::format("invalid regular expression \"{}\": {}", text, reason));
}

TopicList TopicList::parse(std::string_view text) {
  std::vector<std::string> elements;
  std::string_view rest = text;
  while (true) {
    const size_t first = rest.find_first_not_of(kBlanks);
    rest.remove_prefix(std::min(first, rest.size()));
    const size_t end =
        is_expression(rest) ? expression_end(rest) : std::min(rest.find(','), rest.size());
    elements.emplace_back(trimmed(rest.substr(0, end)));
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return TopicList(std::move(elements));
}

TopicList::TopicList(std::vector<std::string> elements) : elements_(std::move(elements)) {
  for (const std::string& element : elements_) {
    if (is_expression(element)) {
      expressions_.push_back(std::make_shared<const Expression>(element));
    } else {
      check_name(element);
    }
  }
}

bool TopicList::matches(const std::string& topic) const {
  const auto is_match = [&](const auto& expression) {
    return regexec(&expression->compiled, topic.c_str(), 0, nullptr, 0) == 0;
  };
  // A literal element can't equal an expression: no topic name begins with `^`.
  return std::find(elements_.begin(), elements_.end(), topic) != elements_.end() ||
         std::any_of(expressions_.begin(), expressions_.end(), is_match);
}

}  // namespace metadb::ingest
