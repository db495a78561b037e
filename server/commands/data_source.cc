#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "catalog/sources.h"
#include "ingest/kafka_probe.h"
#include "ingest/rules.h"
#include "ingest/topics.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

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

// What the worker would fail on later is refused here.
void check_value(const std::string& name, const std::string& value) {
  catalog::check_option(name, value);
  if (name == "topics") ingest::TopicList::parse(value);
  if (name.ends_with("_filter")) check_filter(name, value);
  if (name.starts_with(kPropertyPrefix)) {
    ingest::check_kafka_properties({{name.substr(kPropertyPrefix.size()), value}});
  }
}

void add_option(DataSource& source, const ast::Option& option) {
  const std::string name =
      located(option.name.position, [&] { return catalog::canonical_option(option.name.text); });
  located(option.value.position, [&] { check_value(name, option.value.text); });
  if (!source.options.emplace(name, option.value.text).second) {
    throw Error("42601", fmt::format("option \"{}\" is specified more than once", name))
        .with_position(option.name.position);
  }
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

DataSource source_of(const ast::CreateDataSource& command) {
  if (command.type.text != "kafka") {
    throw Error("0A000", fmt::format("data source type \"{}\" is not supported", command.type.text))
        .with_hint("The type is kafka.")
        .with_position(command.type.position);
  }
  DataSource source;
  source.name = command.name.text;
  for (const ast::Option& option : command.options) add_option(source, option);
  check_complete(source);
  return source;
}

void warn_of(const std::string& problem, const DataSource& source, const Context& session) {
  spdlog::warn("data source {}: {}", source.name, problem);
  session.notice(
      {.severity = "WARNING",
       .sqlstate = "01000",
       .message = fmt::format("data source \"{}\" can't be read yet: {}", source.name, problem),
       .hint = "It is created and keeps trying; LIST status shows how it gets on."});
}

// The source is there by now: a stop ends the wait, not the command.
void warn_of_what_the_probe_finds(const DataSource& source, CommandContext& context) {
  const Context& session = context.session();
  const auto problem = context.probe()(source, *context.catalog().snapshot(), session.stop());
  if (session.stop().stop_requested()) {
    session.notice(
        {.severity = "WARNING",
         .sqlstate = "01000",
         .message = "canceling wait for the brokers due to user request",
         .detail = fmt::format("Data source \"{}\" is created; whether it can be read was not "
                               "found out.",
                               source.name),
         .hint = "LIST status shows how it gets on."});
    return;
  }
  if (problem) warn_of(*problem, source, session);
}

bool share_a_broker(const DataSource& a, const DataSource& b) {
  const auto brokers_of = [](const DataSource& source) {
    std::set<std::string> out;
    std::istringstream text(source.option("brokers"));
    for (std::string broker; std::getline(text >> std::ws, broker, ',');) out.insert(broker);
    return out;
  };
  const std::set<std::string> others = brokers_of(b);
  return std::ranges::any_of(brokers_of(a),
                             [&](const std::string& broker) { return others.contains(broker); });
}

// Consumers of one group share what its topics have.
void warn_of_shared_group(const DataSource& source, const catalog::Snapshot& catalog,
                          const Context& session) {
  const std::string group = source.option("consumer_group");
  for (const auto& [name, other] : catalog.sources) {
    if (name == source.name || other.option("consumer_group") != group) continue;
    if (!share_a_broker(source, other)) continue;
    session.notice(
        {.severity = "WARNING",
         .sqlstate = "01000",
         .message = fmt::format("data source \"{}\" has the same brokers and consumer group \"{}\"",
                                name, group),
         .hint = "The group may give each of them a part of the partitions only: name "
                 "another consumer_group."});
  }
}

// Stops a worker, and starts it again when it goes unless the stop is made final.
class StoppedWorker {
 public:
  StoppedWorker(CommandContext& context, const std::string& name) : workers_(context.workers()) {
    const auto snapshot = context.catalog().snapshot();
    const auto found = snapshot->sources.find(name);
    if (found != snapshot->sources.end() && workers_.status(name)) restarted_ = found->second;
    workers_.stop(name);
  }
  ~StoppedWorker() {
    if (restarted_) workers_.start(*restarted_);
  }
  StoppedWorker(const StoppedWorker&) = delete;
  StoppedWorker& operator=(const StoppedWorker&) = delete;
  void stays_stopped() { restarted_.reset(); }

 private:
  ingest::Workers& workers_;
  std::optional<DataSource> restarted_;
};

void tell_what_stays(const std::string& name, bool has_positions, CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  const auto tables = std::ranges::count_if(
      snapshot->tables, [&](const auto& entry) { return entry.second->source_name == name; });
  if (tables == 0 && !has_positions) return;
  context.session().notice(
      {.message = fmt::format("the tables of data source \"{}\" ({}) and its positions are kept",
                              name, tables),
       .hint = "A data source created under this name again goes on where this one stopped."});
}

}  // namespace

Reply run(const ast::CreateDataSource& command, CommandContext& context) {
  require_administrator(context, ast::CreateDataSource::kTag);
  const DataSource source = source_of(command);
  {
    const Turns::Turn turn = context.turns().take(context.session().stop());
    catalog::Transaction transaction(context.connection());
    catalog::insert_source(context.connection(), source);
    const bool resumes = catalog::has_positions(context.connection(), source.name);
    transaction.commit();
    context.catalog().publish(
        [&](catalog::Snapshot& next) { next.sources.insert_or_assign(source.name, source); });
    context.workers().start(source);
    spdlog::info("data source {} created by {}", source.name, context.session().caller.user);
    if (resumes) {
      context.session().notice(
          {.message = fmt::format(
               "data source \"{}\" goes on where it stopped before it was dropped", source.name),
           .detail = "Its tables and its positions in the topics were kept."});
    }
  }
  warn_of_shared_group(source, *context.catalog().snapshot(), context.session());
  warn_of_what_the_probe_finds(source, context);
  return {};
}

Reply run(const ast::DropDataSource& command, CommandContext& context) {
  require_administrator(context, ast::DropDataSource::kTag);
  const std::string& name = command.name.text;
  const Turns::Turn turn = context.turns().take(context.session().stop());
  catalog::Transaction transaction(context.connection());
  catalog::delete_source(context.connection(), name);
  StoppedWorker worker(context, name);
  const bool has_positions = catalog::has_positions(context.connection(), name);
  transaction.commit();
  worker.stays_stopped();
  context.catalog().publish([&](catalog::Snapshot& next) { next.sources.erase(name); });
  spdlog::info("data source {} dropped by {}", name, context.session().caller.user);
  tell_what_stays(name, has_positions, context);
  return {};
}

}  // namespace metadb::server
