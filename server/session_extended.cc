#include "server/session_extended.h"

#include <fmt/format.h>

#include <algorithm>

#include "grammar/classify.h"
#include "server/session_commands.h"
#include "server/session_encoding.h"
#include "server/wire/binary.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
namespace ast = grammar::ast;
namespace sqlstate = wire::sqlstate;
using MaybeError = std::optional<catalog::Error>;

// What a Parse message holds, if any of it is ours.
struct ExtendedCommands::Candidate {
  size_t statements = 0;
  std::shared_ptr<const ast::Command> command;
  MaybeError error;
};

ExtendedCommands::ExtendedCommands(SessionLegs& legs, SessionAnswers& answers,
                                   CommandExecution& execution)
    : legs_(legs), answers_(answers), execution_(execution) {}

// nullopt: answer. Otherwise what becomes of the message.
asio::awaitable<std::optional<Outcome>> ExtendedCommands::gate() {
  const Gate gate = co_await answers_.await_replies();
  switch (gate) {
    case Gate::copying:
      co_return Outcome::pass;
    case Gate::skipping:
      co_return Outcome::handled;
    case Gate::closed:
      co_return Outcome::end;
    case Gate::open:
      break;
  }
  co_return std::nullopt;
}

asio::awaitable<Outcome> ExtendedCommands::fail(catalog::Error error) {
  answers_.error(error);
  is_skipping_ = true;
  if (!co_await answers_.flush()) co_return Outcome::end;
  const bool is_written = co_await answers_.fail_upstream();
  co_return handled_if(is_written);
}

std::optional<ExtendedCommands::Candidate> ExtendedCommands::read_candidate(
    const wire::ParseMessage& message) {
  if (!grammar::may_be_ours(message.text)) return std::nullopt;
  std::string storage;
  const auto utf8 = utf8_of(message.text, legs_.client_encoding, storage);
  if (!utf8) return std::nullopt;
  Candidate candidate;
  for (const std::string_view text : grammar::split(*utf8)) {
    ++candidate.statements;
    grammar::Statement read = grammar::parse(text);
    if (auto* parsed = std::get_if<grammar::Parsed>(&read);
        parsed && is_ours(*parsed, execution_)) {
      candidate.command = std::make_shared<const ast::Command>(std::move(parsed->command));
    } else if (const auto* error = std::get_if<grammar::SyntaxError>(&read)) {
      const auto offset = static_cast<size_t>(text.data() - utf8->data());
      candidate.error = error_of(*error, utf8->substr(0, offset));
    }
  }
  if (!candidate.command && !candidate.error) return std::nullopt;
  return candidate;
}

MaybeError ExtendedCommands::check_parse(const wire::ParseMessage& message,
                                         const Candidate& candidate) const {
  const bool has_parameter = message.text.find('$') != std::string_view::npos && candidate.error &&
                             candidate.error->message().find("near \"$") != std::string::npos;
  if (message.parameters > 0 || has_parameter) {
    return catalog::Error(sqlstate::kFeatureNotSupported, "a Metadb command takes no parameters")
        .with_hint("Write the values into the command as literals.");
  }
  if (candidate.error) return candidate.error;
  if (candidate.statements > 1) {
    return catalog::Error(sqlstate::kSyntaxError,
                          "cannot insert multiple commands into a prepared statement");
  }
  if (legs_.status == 'E') return failed_transaction();
  if (!message.statement.empty() && statement(message.statement)) {
    return catalog::Error(
        sqlstate::kDuplicatePreparedStatement,
        fmt::format("prepared statement \"{}\" already exists", message.statement));
  }
  return std::nullopt;
}

asio::awaitable<Outcome> ExtendedCommands::parse(std::string_view payload) {
  const auto message = wire::read_parse(payload);
  if (!message) {
    // Malformed, or longer than any command of ours.
    if (payload.starts_with('\0')) statements_.erase(std::string());
    co_return Outcome::pass;
  }
  auto candidate = read_candidate(*message);
  const bool is_ours_already = !message->statement.empty() && statement(message->statement);
  if (!candidate && !is_ours_already) {
    if (message->statement.empty()) statements_.erase(std::string());
    co_return Outcome::pass;
  }
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  if (!candidate) candidate.emplace();  // PostgreSQL's text under a name that is taken
  if (auto error = check_parse(*message, *candidate)) co_return co_await fail(*error);
  auto made = std::make_shared<Statement>();
  made->command = candidate->command;
  made->columns = execution_.runner().describe(*candidate->command);
  statements_[std::string(message->statement)] = std::move(made);
  wire::append_bare(answers_.out(), '1');
  co_return Outcome::handled;
}

MaybeError ExtendedCommands::check_bind(const std::optional<wire::BindMessage>& message,
                                        const Statement& statement) const {
  if (!message) return catalog::Error(sqlstate::kProtocolViolation, "invalid bind message");
  if (message->parameters != 0) {
    return catalog::Error(
        sqlstate::kProtocolViolation,
        fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires 0",
                    message->parameters, message->statement));
  }
  const size_t formats = message->result_formats.size();
  if (formats > 1 && formats != statement.columns.size()) {
    return catalog::Error(sqlstate::kProtocolViolation,
                          fmt::format("bind message has {} result formats but query has {} columns",
                                      formats, statement.columns.size()));
  }
  if (legs_.status == 'E') return failed_transaction();
  if (!message->portal.empty() && portal(message->portal)) {
    return catalog::Error(sqlstate::kDuplicateCursor,
                          fmt::format("cursor \"{}\" already exists", message->portal));
  }
  for (size_t i = 0; i < statement.columns.size(); ++i) {
    const ColumnDescription& column = statement.columns[i];
    if (format_of(message->result_formats, i) != 0 && !wire::has_binary_form(column.type_oid)) {
      return catalog::Error(sqlstate::kFeatureNotSupported,
                            fmt::format("column \"{}\" has no binary format here", column.name))
          .with_hint("Ask for the result in text format.");
    }
  }
  return std::nullopt;
}

asio::awaitable<Outcome> ExtendedCommands::bind(std::string_view payload) {
  wire::PayloadReader names(payload);
  const std::string portal_name(names.text());
  const StatementPtr bound = statement(names.text());
  if (!bound || !names.ok()) {
    portals_.erase(portal_name);
    co_return Outcome::pass;
  }
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  auto message = wire::read_bind(payload);
  if (auto error = check_bind(message, *bound)) co_return co_await fail(*error);
  auto made = std::make_shared<Portal>();
  made->statement = bound;
  made->formats = std::move(message->result_formats);
  portals_[portal_name] = std::move(made);
  wire::append_bare(answers_.out(), '2');
  co_return Outcome::handled;
}

void ExtendedCommands::describe_columns(const Statement& described,
                                        const std::vector<int16_t>& formats) {
  if (described.columns.empty()) {
    wire::append_bare(answers_.out(), 'n');
  } else {
    answers_.row_description(described.columns, formats);
  }
}

asio::awaitable<Outcome> ExtendedCommands::describe(std::string_view payload) {
  const auto message = wire::read_target(payload);
  if (!message) co_return Outcome::pass;
  const StatementPtr named = message->kind == 'S' ? statement(message->name) : nullptr;
  const PortalPtr open = message->kind == 'P' ? portal(message->name) : nullptr;
  if (!named && !open) co_return Outcome::pass;
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  if (named) {
    wire::append_parameter_description_of_none(answers_.out());
    describe_columns(*named, {});
  } else {
    describe_columns(*open->statement, open->formats);
  }
  co_return Outcome::handled;
}

asio::awaitable<Outcome> ExtendedCommands::execute(std::string_view payload) {
  const auto message = wire::read_execute(payload);
  if (!message) co_return Outcome::pass;
  const PortalPtr executed = portal(message->portal);
  if (!executed) co_return Outcome::pass;
  const size_t rows_max = message->rows_max;
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  if (!executed->reply) {
    const auto error = co_await run(executed);
    if (error) co_return co_await fail(*error);
  } else if (executed->is_completed && executed->reply->columns.empty()) {
    co_return co_await fail(
        catalog::Error(sqlstate::kObjectNotInPrerequisiteState,
                       fmt::format("portal \"{}\" cannot be run", message->portal)));
  }
  co_return co_await send(executed, rows_max);
}

asio::awaitable<MaybeError> ExtendedCommands::run(PortalPtr open) {
  const Statement& what = *open->statement;
  if (auto refusal = transaction_refusal(*what.command, legs_)) co_return refusal;
  const bool is_written = co_await answers_.flush();
  if (!is_written) legs_.close();
  CommandResult result = co_await execution_.run(what.command);
  if (auto* error = std::get_if<catalog::Error>(&result)) co_return *error;
  Reply reply = std::move(std::get<Reply>(result));
  for (auto& row : reply.rows) {
    for (size_t i = 0; i < row.size() && i < what.columns.size(); ++i) {
      if (!row[i]) continue;
      if (format_of(open->formats, i) == 0) {
        row[i] = for_client(*row[i], legs_.client_encoding);
        continue;
      }
      row[i] = wire::binary_form(what.columns[i].type_oid, *row[i]);
      if (!row[i]) {
        co_return catalog::Error(
            sqlstate::kFeatureNotSupported,
            fmt::format("a value of column \"{}\" has no binary form", what.columns[i].name));
      }
    }
  }
  open->reply = std::move(reply);
  co_return std::nullopt;
}

asio::awaitable<Outcome> ExtendedCommands::send(PortalPtr open, size_t rows_max) {
  const Reply& reply = *open->reply;
  const size_t left = reply.rows.size() - open->rows_sent;
  const size_t count = rows_max == 0 ? left : std::min(left, rows_max);
  const std::span rows(reply.rows.data() + open->rows_sent, count);
  if (!co_await answers_.rows(rows, false)) co_return Outcome::end;
  open->rows_sent += count;
  // As PostgreSQL: a portal that gave as many rows as asked for is suspended, even at its end.
  if (rows_max != 0 && count == rows_max) {
    wire::append_bare(answers_.out(), 's');
  } else {
    open->is_completed = true;
    wire::append_command_complete(answers_.out(), reply.tag);
  }
  co_return Outcome::handled;
}

asio::awaitable<Outcome> ExtendedCommands::close(std::string_view payload) {
  const auto message = wire::read_target(payload);
  if (!message) co_return Outcome::pass;
  const bool is_ours_to_close = (message->kind == 'S' && statement(message->name)) ||
                                (message->kind == 'P' && portal(message->name));
  if (!is_ours_to_close) co_return Outcome::pass;
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  if (message->kind == 'S') {
    statements_.erase(std::string(message->name));
  } else {
    portals_.erase(std::string(message->name));
  }
  wire::append_bare(answers_.out(), '3');
  co_return Outcome::handled;
}

// Portals end with their transaction.
void ExtendedCommands::ready(char status) {
  if (status == 'I') portals_.clear();
}

void ExtendedCommands::completed(std::string_view tag) {
  if (tag == "DEALLOCATE ALL" || tag == "DISCARD ALL") {
    std::erase_if(statements_, [](const auto& entry) { return !entry.first.empty(); });
  }
  if (tag == "DISCARD ALL") portals_.clear();
}

void ExtendedCommands::forget_unnamed() {
  statements_.erase(std::string());
  portals_.erase(std::string());
}

ExtendedCommands::StatementPtr ExtendedCommands::statement(std::string_view name) const {
  const auto found = statements_.find(name);
  return found == statements_.end() ? nullptr : found->second;
}

ExtendedCommands::PortalPtr ExtendedCommands::portal(std::string_view name) const {
  const auto found = portals_.find(name);
  return found == portals_.end() ? nullptr : found->second;
}

}  // namespace metadb::server
