#define PCRE2_CODE_UNIT_WIDTH 8
#include "ingest/rules.h"

#include <pcre2.h>

#include "catalog/error.h"
#include "ingest/names.h"

namespace metadb::ingest {
namespace {

// A name has at most some hundred bytes; an expression that needs more steps is a mistake.
constexpr uint32_t kMatchLimit = 1000000;
constexpr uint32_t kDepthLimit = 10000;
constexpr uint32_t kHeapLimitKib = 1024;

using Code = std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)>;
using MatchData = std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)>;
using MatchContext = std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)>;

PCRE2_SPTR bytes_of(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

std::string message_of(int error) {
  unsigned char buffer[256] = {};
  pcre2_get_error_message(error, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

[[noreturn]] void throw_expression(const std::string& expression, int error) {
  throw catalog::Error("2201B",
                       "invalid regular expression \"" + expression + "\": " + message_of(error));
}

Code compiled(const std::string& expression) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code code(
      pcre2_compile(bytes_of(expression), expression.size(), PCRE2_UTF, &error, &offset, nullptr),
      pcre2_code_free);
  if (code == nullptr) throw_expression(expression, error);
  return code;
}

MatchContext limited_context() {
  MatchContext context(pcre2_match_context_create(nullptr), pcre2_match_context_free);
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_depth_limit(context.get(), kDepthLimit);
  pcre2_set_heap_limit(context.get(), kHeapLimitKib);
  return context;
}

bool remove_prefix(std::string& text, std::string_view prefix) {
  if (prefix.empty() || !text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

// The fixed rewriting of FOLIO's module schemas: mod_a_storage is a, t_mod_a is t_a.
void remove_module(std::string& schema) {
  constexpr std::string_view kStorage = "_storage";
  constexpr std::string_view kInner = "_mod_";
  remove_prefix(schema, "mod_");
  if (schema.ends_with(kStorage)) schema.erase(schema.size() - kStorage.size());
  const size_t inner = schema.find(kInner);
  if (inner != std::string::npos) schema.replace(inner, kInner.size(), "_");
}

// Of several origins that fit, the longest: with origins a and a_b, a_b_c is c of a_b.
std::string extract_origin(std::string& schema, const std::vector<std::string>& origins) {
  const std::string* longest = nullptr;
  for (const std::string& origin : origins) {
    const bool fits = !origin.empty() && schema.size() > origin.size() + 1 &&
                      schema.starts_with(origin) && schema[origin.size()] == '_';
    if (fits && (longest == nullptr || origin.size() > longest->size())) longest = &origin;
  }
  if (longest == nullptr) return {};
  schema.erase(0, longest->size() + 1);
  return *longest;
}

}  // namespace

class Rules::Filter {
 public:
  explicit Filter(std::string_view list) : context_(limited_context()) {
    for (std::string& expression : split_expressions(list)) {
      Code code = compiled(expression);
      MatchData match(pcre2_match_data_create_from_pattern(code.get(), nullptr),
                      pcre2_match_data_free);
      elements_.push_back({std::move(expression), std::move(code), std::move(match)});
    }
  }

  [[nodiscard]] bool is_empty() const { return elements_.empty(); }
  // Does any expression match somewhere in the text?
  [[nodiscard]] bool matches(std::string_view text) const {
    for (const Element& element : elements_) {
      const int result = pcre2_match(element.code.get(), bytes_of(text), text.size(), 0, 0,
                                     element.match.get(), context_.get());
      if (result >= 0) return true;
      if (result != PCRE2_ERROR_NOMATCH) throw_expression(element.expression, result);
    }
    return false;
  }

 private:
  struct Element {
    std::string expression;
    Code code;
    MatchData match;
  };
  MatchContext context_;
  std::vector<Element> elements_;
};

class TopicTables::Expression {
 public:
  explicit Expression(const std::string& text)
      : text_(text),
        code_(compiled(text)),
        match_(pcre2_match_data_create_from_pattern(code_.get(), nullptr), pcre2_match_data_free),
        context_(limited_context()) {
    for (const char* name : {"schema", "table"}) {
      if (number_of(name) > 0) continue;
      throw catalog::Error(
          "2201B", "regular expression \"" + text + "\" has no group named \"" + name + "\"")
          .with_hint("Write the part of the topic that is the name as (?<" + std::string(name) +
                     ">...).");
    }
  }

  // Whether it matches; part() has the parts then.
  [[nodiscard]] bool matches(std::string_view topic) const {
    const int result =
        pcre2_match(code_.get(), bytes_of(topic), topic.size(), 0, 0, match_.get(), context_.get());
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) throw_expression(text_, result);
    return result >= 0;
  }
  // Empty for a group that is not there or matched nothing.
  [[nodiscard]] std::string part(const char* name, std::string_view topic) const {
    const int number = number_of(name);
    if (number <= 0) return {};
    const PCRE2_SIZE* places = pcre2_get_ovector_pointer(match_.get());
    const PCRE2_SIZE begin = places[2 * number];
    if (begin == PCRE2_UNSET) return {};
    return std::string(topic.substr(begin, places[2 * number + 1] - begin));
  }

 private:
  // Not positive: there is none.
  [[nodiscard]] int number_of(const char* name) const {
    return pcre2_substring_number_from_name(code_.get(), bytes_of(name));
  }

  std::string text_;
  Code code_;
  MatchData match_;
  MatchContext context_;
};

TopicTables::TopicTables(const std::string& expression)
    : expression_(std::make_unique<Expression>(expression)) {}
TopicTables::~TopicTables() = default;

std::optional<EventTable> TopicTables::table_of(std::string_view topic) const {
  if (!expression_->matches(topic)) return std::nullopt;
  EventTable out{expression_->part("server", topic), expression_->part("db", topic),
                 expression_->part("schema", topic), expression_->part("table", topic)};
  if (out.schema.empty() || out.table.empty()) return std::nullopt;
  return out;
}

NameRules name_rules(const catalog::DataSource& source) {
  return {source.option("schema_pass_filter"),
          source.option("schema_stop_filter"),
          source.option("table_stop_filter"),
          source.option("trim_schema_prefix"),
          source.option("add_schema_prefix"),
          source.option("map_public_schema"),
          source.option("module")};
}

std::optional<std::string> refusal(const Target& target) {
  if (target.schema.empty()) return "the rewritten schema name is empty";
  if (target.table.empty()) return "the table name is empty";
  if (target.schema == "metadb" || target.schema == "information_schema" ||
      target.schema.starts_with("pg_")) {
    return "schema \"" + target.schema + "\" is reserved";
  }
  if (target.table.starts_with("zzz___")) {
    return "table names beginning with \"zzz___\" are reserved";
  }
  return std::nullopt;
}

std::vector<std::string> split_expressions(std::string_view list) {
  std::vector<std::string> expressions;
  std::string current;
  const auto finish = [&] {
    const size_t first = current.find_first_not_of(" \t\r\n");
    if (first != std::string::npos) {
      expressions.push_back(current.substr(first, current.find_last_not_of(" \t\r\n") - first + 1));
    }
    current.clear();
  };
  int depth = 0;
  bool is_in_class = false;
  for (size_t i = 0; i < list.size(); i++) {
    const char c = list[i];
    if (c == ',' && depth == 0 && !is_in_class) {
      finish();
      continue;
    }
    current += c;
    if (c == '\\' && i + 1 < list.size()) {
      current += list[++i];
    } else if (is_in_class) {
      is_in_class = c != ']';
    } else if (c == '[') {
      is_in_class = true;
    } else if (c == '(' || c == '{') {
      depth++;
    } else if ((c == ')' || c == '}') && depth > 0) {
      depth--;
    }
  }
  finish();
  return expressions;
}

Rules::Rules(const NameRules& rules)
    : rules_(rules),
      schema_pass_(std::make_unique<Filter>(rules.schema_pass_filter)),
      schema_stop_(std::make_unique<Filter>(rules.schema_stop_filter)),
      table_stop_(std::make_unique<Filter>(rules.table_stop_filter)) {}
Rules::~Rules() = default;
Rules::Rules(Rules&&) noexcept = default;
Rules& Rules::operator=(Rules&&) noexcept = default;

bool Rules::passes(const EventTable& table) const {
  if (!schema_pass_->is_empty() && !schema_pass_->matches(table.schema)) return false;
  if (schema_stop_->matches(table.schema)) return false;
  return table_stop_->is_empty() || !table_stop_->matches(table.schema + "." + table.table);
}

Target Rules::target(const EventTable& table, const std::vector<std::string>& origins) const {
  Target target{table.schema, table.table, {}};
  if (table.schema == "public" && !rules_.map_public_schema.empty()) {
    target.schema = rules_.map_public_schema;
    return target;
  }
  remove_prefix(target.schema, rules_.trim_schema_prefix);
  if (rules_.module != "none") remove_module(target.schema);
  target.origin = extract_origin(target.schema, origins);
  if (!target.schema.empty()) target.schema = rules_.add_schema_prefix + target.schema;
  target.schema = shortened(target.schema, kNameBytesMax);
  return target;
}

}  // namespace metadb::ingest
