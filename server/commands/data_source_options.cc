#include "server/commands/data_source_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ingest/kafka_probe.h"
#include "ingest/rules.h"
#include "ingest/topics.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::DataSource;
using catalog::Error;

constexpr std::string_view kPropertyPrefix = "kafka.";

// What `check` throws is about the text at `position`.
template <class Check>
auto located(int position, const Check& check) {
  try {
    return check();
  } catch (Error& error) {
    error.position = position;
    throw;
  }
}

void check_filter(const std::string& name, const std::string& value) {
  ingest::NameRules rules;
  if (name == "schema_pass_filter") rules.schema_pass_filter = value;
  if (name == "schema_stop_filter") rules.schema_stop_filter = value;
  if (name == "table_stop_filter") rules.table_stop_filter = value;
  const ingest::Rules compiled(rules);
}

void check_value(const std::string& name, const std::string& value) {
  catalog::check_option(name, value);
  if (name == "topics") ingest::TopicList::parse(value);
  if (name.ends_with("_filter")) check_filter(name, value);
  if (name == "table_from_topic" && !value.empty()) const ingest::TopicTables compiled(value);
  if (name.starts_with(kPropertyPrefix)) {
    ingest::check_kafka_properties({{name.substr(kPropertyPrefix.size()), value}});
  }
}

std::string checked_name(const ast::Name& name) {
  return located(name.position, [&] { return catalog::canonical_option(name.text); });
}

bool is_required(const std::string& name) {
  return std::ranges::any_of(
      catalog::source_option_rows(),
      [&](const catalog::SourceOptionRow& row) { return row.is_required && row.name == name; });
}

// One that has a default can be set whether or not it was given before.
bool has_default(const std::string& name) {
  return std::ranges::any_of(catalog::source_option_rows(),
                             [&](const catalog::SourceOptionRow& row) {
                               return !row.default_value.empty() && row.name == name;
                             });
}

void drop_option(DataSource& source, const ast::Name& name) {
  const std::string option = checked_name(name);
  if (!source.has_option(option)) {
    throw Error("42601", fmt::format("option \"{}\" not found", option))
        .with_position(name.position);
  }
  if (is_required(option)) {
    throw Error("42601", fmt::format("option \"{}\" is required and cannot be dropped", option))
        .with_hint("Use SET to give it another value.")
        .with_position(name.position);
  }
  source.options.erase(option);
}

}  // namespace

void add_option(DataSource& source, const ast::Option& option) {
  const std::string name = checked_name(option.name);
  located(option.value.position, [&] { check_value(name, option.value.text); });
  if (!source.options.emplace(name, option.value.text).second) {
    throw Error("42601", fmt::format("option \"{}\" is specified more than once", name))
        .with_position(option.name.position);
  }
}

void change_option(DataSource& source, const ast::OptionChange& change) {
  if (change.action == ast::OptionAction::drop) {
    drop_option(source, change.name);
    return;
  }
  const std::string name = checked_name(change.name);
  const bool is_set = source.has_option(name);
  if (change.action == ast::OptionAction::add && is_set) {
    throw Error("42601", fmt::format("option \"{}\" provided more than once", name))
        .with_hint("Use SET to give it another value.")
        .with_position(change.name.position);
  }
  if (change.action == ast::OptionAction::set && !is_set && !has_default(name)) {
    throw Error("42601", fmt::format("option \"{}\" not found", name))
        .with_hint("Use ADD for an option that has no value yet.")
        .with_position(change.name.position);
  }
  located(change.value.position, [&] { check_value(name, change.value.text); });
  source.options.insert_or_assign(name, change.value.text);
}

void check_complete(const DataSource& source) {
  std::vector<std::string> missing;
  for (const catalog::SourceOptionRow& row : catalog::source_option_rows()) {
    if (row.is_required && !source.options.contains(row.name))
      missing.push_back(fmt::format("\"{}\"", row.name));
  }
  if (missing.empty()) return;
  throw Error("42601", fmt::format("required option{} {} missing", missing.size() > 1 ? "s" : "",
                                   fmt::join(missing, ", ")))
      .with_hint(
          "Write: CREATE DATA SOURCE name TYPE kafka OPTIONS (brokers 'host:port', topics "
          "'...', consumer_group '...').");
}

}  // namespace metadb::server
