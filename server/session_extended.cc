#include "server/session_extended.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/session_encoding.h"
#include "server/wire/binary.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
namespace ast = grammar::ast;
namespace sqlstate = wire::sqlstate;
using MaybeError = std::optional<catalog::Error>;

namespace {

// Why this command can't run in the session's present transaction; nullopt if it can.
MaybeError transaction_refusal(const ast::Command& command, const SessionLegs& legs,
                               bool has_executed) {
  if (std::holds_alternative<ast::List>(command)) return std::nullopt;
  if (legs.status == 'T') {
    return catalog::Error(
        sqlstate::kActiveSqlTransaction,
        fmt::format("{} cannot run inside a transaction block", ast::tag(command)));
  }
  if (has_executed) {
    return catalog::Error(
        sqlstate::kActiveSqlTransaction,
        fmt::format("{} cannot be executed within a pipeline", ast::tag(command)));
  }
  return std::nullopt;
}

catalog::Error statement_exists(std::string_view name) {
  return {sqlstate::kDuplicatePreparedStatement,
          fmt::format("prepared statement \"{}\" already exists", name)};
}

catalog::Error portal_exists(std::string_view name) {
  return {sqlstate::kDuplicateCursor, fmt::format("cursor \"{}\" already exists", name)};
}

// Of what returns no rows the formats mean nothing, as with PostgreSQL.
MaybeError check_result_formats(const std::vector<int16_t>& formats,
                                const std::vector<ColumnDescription>& columns) {
  if (columns.empty()) return std::nullopt;
  if (formats.size() > 1 && formats.size() != columns.size()) {
    return catalog::Error(sqlstate::kProtocolViolation,
                          fmt::format("bind message has {} result formats but query has {} columns",
                                      formats.size(), columns.size()));
  }
  for (const int16_t format : formats) {
    if (format == 0 || format == 1) continue;
    return catalog::Error(sqlstate::kInvalidParameterValue,
                          fmt::format("unsupported format code: {}", format));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (format_of(formats, i) != 0 && !wire::has_binary_form(columns[i].type_oid)) {
      return catalog::Error(sqlstate::kFeatureNotSupported,
                            fmt::format("column \"{}\" has no binary format here", columns[i].name))
          .with_hint("Ask for the result in text format.");
    }
  }
  return std::nullopt;
}

// Text and its kin are sent as text in either format.
std::optional<std::string> for_portal(const std::string& value, uint32_t type_oid, int16_t format,
                                      std::string_view client_encoding) {
  if (format == 0 || wire::is_text(type_oid)) return for_client(value, client_encoding);
  return wire::binary_form(type_oid, value);
}

}  // namespace

// The status is the last ReadyForQuery's. A failed block lets nothing be executed but what ends it:
// what was executed since without an error has ended it.
bool has_failed_transaction(const SessionLegs& legs) {
  return legs.status == 'E' && !legs.replies.has_executed();
}

catalog::Error failed_transaction() {
  return {sqlstate::kInFailedSqlTransaction,
          "current transaction is aborted, commands ignored until end of transaction block"};
}

ExtendedCommands::ExtendedCommands(SessionLegs& legs, SessionAnswers& answers,
                                   CommandExecution& execution)
    : legs_(legs), answers_(answers), execution_(execution) {}

// nullopt: answer. Otherwise what becomes of the message.
asio::awaitable<std::optional<Outcome>> ExtendedCommands::gate() {
  const Gate gate = co_await answers_.await_replies();
  switch (gate) {
    case Gate::copying:
    case Gate::skipping:
      co_return Outcome::pass;
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

asio::awaitable<ParsedText> ExtendedCommands::parsed(
    const std::optional<wire::ParseMessage>& message) const {
  if (!message) co_return ParsedText();
  auto text = co_await parse_text(message->text, legs_, execution_, *this);
  co_return std::move(text);
}

MaybeError ExtendedCommands::check_parse(const wire::ParseMessage& message,
                                         const ClientText& text) const {
  const bool has_parameter = message.text.find('$') != std::string_view::npos && text.error &&
                             text.error->message().find("near \"$") != std::string::npos;
  if (message.parameters > 0 || has_parameter) {
    return catalog::Error(sqlstate::kFeatureNotSupported, "a Metadb command takes no parameters")
        .with_hint("Write the values into the command as literals.");
  }
  if (text.error) return text.error;
  if (text.statements > 1) {
    return catalog::Error(sqlstate::kSyntaxError,
                          "cannot insert multiple commands into a prepared statement");
  }
  if (has_failed_transaction(legs_)) return failed_transaction();
  if (is_prepared(message.statement)) return statement_exists(message.statement);
  return std::nullopt;
}

asio::awaitable<Outcome> ExtendedCommands::parse(std::string_view payload) {
  // nullopt: malformed, or longer than any command of ours.
  const auto message = wire::read_parse(payload);
  const std::string_view name = wire::PayloadReader(payload).text();
  ParsedText read = co_await parsed(message);
  ClientText text = read_text(read, execution_, *this);
  // A Parse or Bind that PostgreSQL skips replaces nothing: where it would, its turn is awaited.
  if (!text.is_foreign() || statement(name)) {
    const auto outcome = co_await gate();
    if (outcome) co_return *outcome;
    if (!is_parsed_as_now(read, legs_)) read = co_await parsed(message);
    text = read_text(read, execution_, *this);
  }
  if (text.is_foreign()) {
    if (is_prepared(name)) co_return co_await fail(statement_exists(name));
    statements_.erase(std::string(name));
    co_return Outcome::pass;
  }
  // PostgreSQL, too, drops the unnamed one first, whether the new one can be had or not.
  if (name.empty()) statements_.erase(std::string());
  if (auto error = check_parse(*message, text)) co_return co_await fail(*error);
  auto made = std::make_shared<Statement>();
  made->text = std::move(text.ours.front());
  if (const auto* command = std::get_if<std::shared_ptr<const ast::Command>>(&made->text.what)) {
    made->columns = execution_.runner().describe(**command);
  }
  statements_[std::string(name)] = std::move(made);
  wire::append_bare(answers_.out(), '1');
  co_return Outcome::handled;
}

MaybeError ExtendedCommands::check_bind(const std::optional<wire::BindMessage>& message,
                                        const Statement& statement) const {
  if (!message) return catalog::Error(sqlstate::kProtocolViolation, "invalid bind message");
  if (message->parameter_formats > 1 && message->parameter_formats != message->parameters) {
    return catalog::Error(sqlstate::kProtocolViolation,
                          fmt::format("bind message has {} parameter formats but {} parameters",
                                      message->parameter_formats, message->parameters));
  }
  if (message->parameters != 0) {
    return catalog::Error(
        sqlstate::kProtocolViolation,
        fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires 0",
                    message->parameters, message->statement));
  }
  if (has_failed_transaction(legs_)) return failed_transaction();
  if (is_portal_taken(message->portal)) return portal_exists(message->portal);
  return check_result_formats(message->result_formats, statement.columns);
}

asio::awaitable<Outcome> ExtendedCommands::bind(std::string_view payload) {
  wire::PayloadReader names(payload);
  const std::string portal_name(names.text());
  const std::string_view statement_name = names.text();
  if (statement(statement_name) || portal(portal_name)) {
    const auto outcome = co_await gate();
    if (outcome) co_return *outcome;
  }
  const StatementPtr bound = names.ok() ? statement(statement_name) : nullptr;
  if (!bound) {
    if (is_portal_taken(portal_name)) co_return co_await fail(portal_exists(portal_name));
    portals_.erase(portal_name);
    co_return Outcome::pass;
  }
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
  if (!message || !is_ours(*message)) co_return Outcome::pass;
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  if (!is_ours(*message)) co_return Outcome::pass;
  const PortalPtr open = message->kind == 'P' ? portal(message->name) : nullptr;
  const StatementPtr described = open ? open->statement : statement(message->name);
  // What returns no rows is described in a failed block, too (exec_describe_statement_message).
  if (has_failed_transaction(legs_) && !described->columns.empty()) {
    co_return co_await fail(failed_transaction());
  }
  if (!open) wire::append_parameter_description_of_none(answers_.out());
  describe_columns(*described, open ? open->formats : std::vector<int16_t>());
  co_return Outcome::handled;
}

asio::awaitable<Outcome> ExtendedCommands::execute(std::string_view payload) {
  const auto message = wire::read_execute(payload);
  if (!message || !portal(message->portal)) co_return Outcome::pass;
  const size_t rows_max = message->rows_max;
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  const PortalPtr executed = portal(message->portal);
  if (!executed) co_return Outcome::pass;
  if (has_failed_transaction(legs_)) co_return co_await fail(failed_transaction());
  if (!executed->reply) {
    const auto error = co_await fill(executed);
    if (error) co_return co_await fail(*error);
  } else if (executed->is_completed && executed->reply->columns.empty()) {
    co_return co_await fail(
        catalog::Error(sqlstate::kObjectNotInPrerequisiteState,
                       fmt::format("portal \"{}\" cannot be run", message->portal)));
  }
  co_return co_await send(executed, rows_max);
}

asio::awaitable<CommandResult> ExtendedCommands::run(const OwnStatement& own) {
  if (const auto* gone = std::get_if<Deallocation>(&own.what)) co_return deallocate(gone->name);
  const auto command = std::get<std::shared_ptr<const ast::Command>>(own.what);
  const bool has_executed = has_executed_ || legs_.replies.has_executed();
  if (auto refusal = transaction_refusal(*command, legs_, has_executed)) co_return *refusal;
  const bool is_written = co_await answers_.flush();
  if (!is_written) {
    legs_.close();
    co_return catalog::Error(sqlstate::kConnectionFailure, "the client is gone");
  }
  CommandResult result = co_await execution_.run(command);
  auto* error = std::get_if<catalog::Error>(&result);
  if (error != nullptr && error->position > 0) error->position += own.offset;
  co_return result;
}

CommandResult ExtendedCommands::deallocate(const std::string& name) {
  if (statements_.erase(name) == 0) {
    return catalog::Error(sqlstate::kInvalidSqlStatementName,
                          fmt::format("prepared statement \"{}\" does not exist", name));
  }
  return Reply{"DEALLOCATE", {}, {}};
}

asio::awaitable<MaybeError> ExtendedCommands::fill(PortalPtr open) {
  const Statement& what = *open->statement;
  CommandResult result = co_await run(what.text);
  has_executed_ = true;
  if (auto* error = std::get_if<catalog::Error>(&result)) co_return *error;
  Reply reply = std::move(std::get<Reply>(result));
  for (auto& row : reply.rows) {
    for (size_t i = 0; i < row.size() && i < what.columns.size(); ++i) {
      if (!row[i]) continue;
      row[i] = for_portal(*row[i], what.columns[i].type_oid, format_of(open->formats, i),
                          legs_.client_encoding);
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
  if (!message || !is_ours(*message)) co_return Outcome::pass;
  const auto outcome = co_await gate();
  if (outcome) co_return *outcome;
  if (!is_ours(*message)) co_return Outcome::pass;
  if (message->kind == 'S') {
    statements_.erase(std::string(message->name));
  } else {
    portals_.erase(std::string(message->name));
  }
  // PostgreSQL may still have an unnamed one that ours has replaced: it must close that one.
  if (message->name.empty()) co_return Outcome::pass;
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
  // A ROLLBACK may be one to a savepoint: what it ends is known when ReadyForQuery says the same.
  for (const std::string_view end :
       {"COMMIT", "PREPARE TRANSACTION", "CLOSE CURSOR ALL", "DISCARD ALL"}) {
    if (tag == end) portals_.clear();
  }
}

void ExtendedCommands::forget_unnamed() {
  statements_.erase(std::string());
  portals_.erase(std::string());
}

bool ExtendedCommands::is_prepared(std::string_view name) const {
  return !name.empty() && statement(name) != nullptr;
}

bool ExtendedCommands::has_names() const {
  return std::ranges::any_of(statements_, [](const auto& entry) { return !entry.first.empty(); });
}

bool ExtendedCommands::has_unnamed() const {
  return statement("") != nullptr || portal("") != nullptr;
}

bool ExtendedCommands::is_portal_taken(std::string_view name) const {
  return !name.empty() && portal(name) != nullptr;
}

bool ExtendedCommands::is_ours(const wire::TargetMessage& target) const {
  if (target.kind == 'S') return statement(target.name) != nullptr;
  return target.kind == 'P' && portal(target.name) != nullptr;
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
