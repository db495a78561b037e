#include "server/session_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "grammar/classify.h"
#include "server/session_encoding.h"
#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
namespace ast = grammar::ast;
namespace sqlstate = wire::sqlstate;

bool is_ours(const grammar::Parsed& parsed, const CommandExecution& execution) {
  return !parsed.is_shared || execution.runner().takes(parsed.command, execution.caller());
}

std::optional<catalog::Error> transaction_refusal(const ast::Command& command,
                                                  const SessionLegs& legs) {
  if (legs.status == 'E') return failed_transaction();
  if (std::holds_alternative<ast::List>(command)) return std::nullopt;
  if (legs.status == 'T') {
    return catalog::Error(
        sqlstate::kActiveSqlTransaction,
        fmt::format("{} cannot run inside a transaction block", ast::tag(command)));
  }
  if (legs.replies.has_executed()) {
    return catalog::Error(
        sqlstate::kActiveSqlTransaction,
        fmt::format("{} cannot be executed within a pipeline", ast::tag(command)));
  }
  return std::nullopt;
}

catalog::Error failed_transaction() {
  return {sqlstate::kInFailedSqlTransaction,
          "current transaction is aborted, commands ignored until end of transaction block"};
}

catalog::Error error_of(const grammar::SyntaxError& error, std::string_view offset_text) {
  const auto characters = std::ranges::count_if(
      offset_text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return catalog::Error(error.sqlstate, error.message)
      .with_hint(error.hint)
      .with_position(error.position > 0 ? error.position + static_cast<int>(characters) : 0);
}

// The statements of one simple query string.
struct SessionCommands::Batch {
  std::vector<std::shared_ptr<const ast::Command>> commands;  // ours
  size_t foreign = 0;                                         // PostgreSQL's
  std::optional<catalog::Error> error;                        // a syntax error in one of ours
};

SessionCommands::SessionCommands(SessionLegs& legs, CommandRunner& runner, CommandPool& pool,
                                 Caller caller)
    : legs_(legs),
      answers_(legs),
      execution_(legs, runner, pool, std::move(caller)),
      extended_(legs, answers_, execution_) {}

bool SessionCommands::looks_at(char type) const {
  switch (type) {
    case 'Q':
    case 'P':
      return true;
    case 'B':
    case 'D':
    case 'E':
    case 'C':
      return !extended_.is_empty();
    default:
      return false;
  }
}

bool SessionCommands::wants(const wire::FrameHeader& header, std::string_view payload) const {
  if (!looks_at(header.type)) return false;
  if (!extended_.is_empty()) return true;
  if (wire::FrameBuffer::exceeds(header)) return false;
  // A Parse message begins with the statement's name.
  if (header.type == 'P') payload.remove_prefix(std::min(payload.find('\0'), payload.size()));
  const size_t text_at = std::min(payload.find_first_not_of('\0'), payload.size());
  payload.remove_prefix(text_at);
  return grammar::may_be_ours(payload.substr(0, payload.find('\0')));
}

asio::awaitable<Outcome> SessionCommands::take(wire::FrameHeader header, std::string_view payload) {
  const bool is_cut = wire::FrameBuffer::exceeds(header);
  switch (header.type) {
    case 'Q':
      if (is_cut) {
        extended_.simple_query();
        co_return Outcome::pass;
      }
      co_return co_await query(payload);
    case 'P':
      co_return co_await extended_.parse(payload);
    case 'B':
      co_return co_await extended_.bind(payload);
    case 'D':
      co_return co_await extended_.describe(payload);
    case 'E':
      co_return co_await extended_.execute(payload);
    case 'C':
      co_return co_await extended_.close(payload);
    default:
      co_return Outcome::pass;
  }
}

SessionCommands::Batch SessionCommands::read_batch(std::string_view text) {
  Batch batch;
  std::string storage;
  const auto utf8 = utf8_of(text, legs_.client_encoding, storage);
  if (!utf8) {
    ++batch.foreign;
    return batch;
  }
  for (const std::string_view statement : grammar::split(*utf8)) {
    grammar::Statement read = grammar::parse(statement);
    if (auto* parsed = std::get_if<grammar::Parsed>(&read);
        parsed && is_ours(*parsed, execution_)) {
      batch.commands.push_back(std::make_shared<const ast::Command>(std::move(parsed->command)));
    } else if (const auto* error = std::get_if<grammar::SyntaxError>(&read)) {
      const auto offset = static_cast<size_t>(statement.data() - utf8->data());
      if (!batch.error) batch.error = error_of(*error, utf8->substr(0, offset));
    } else {
      ++batch.foreign;
    }
  }
  return batch;
}

asio::awaitable<Outcome> SessionCommands::query(std::string_view payload) {
  const auto text = wire::read_query(payload);
  if (!text) co_return Outcome::pass;
  Batch batch = read_batch(*text);
  if (batch.commands.empty() && !batch.error) {
    extended_.simple_query();
    co_return Outcome::pass;
  }
  const Gate gate = co_await answers_.await_replies();
  if (gate == Gate::copying) co_return Outcome::pass;
  if (gate == Gate::skipping) co_return Outcome::handled;
  if (gate == Gate::closed) co_return Outcome::end;
  extended_.simple_query();
  co_return co_await run_batch(std::move(batch));
}

asio::awaitable<Outcome> SessionCommands::run_batch(Batch batch) {
  if (batch.error) co_return co_await fail(*batch.error);
  if (legs_.status == 'E') co_return co_await fail(failed_transaction());
  if (batch.foreign > 0) {
    catalog::Error mixed(sqlstate::kFeatureNotSupported,
                         "Metadb commands and SQL statements cannot be mixed in one query string");
    mixed.hint = "Send each Metadb command by itself.";
    co_return co_await fail(std::move(mixed));
  }
  for (const auto& command : batch.commands) {
    if (auto refusal = transaction_refusal(*command, legs_)) co_return co_await fail(*refusal);
    if (!co_await answers_.flush()) co_return Outcome::end;
    CommandResult result = co_await execution_.run(command);
    if (auto* error = std::get_if<catalog::Error>(&result)) co_return co_await fail(*error);
    const Reply& reply = std::get<Reply>(result);
    if (!reply.columns.empty()) {
      answers_.row_description(reply.columns, {});
      if (!co_await answers_.rows(reply.rows, true)) co_return Outcome::end;
    }
    wire::append_command_complete(answers_.out(), reply.tag);
  }
  co_return co_await finish();
}

asio::awaitable<Outcome> SessionCommands::fail(catalog::Error error) {
  answers_.error(error);
  if (!answers_.needs_upstream()) co_return co_await finish();
  bool is_written = co_await answers_.flush();
  if (is_written) is_written = co_await answers_.fail_upstream();
  if (is_written) is_written = co_await answers_.sync_upstream();
  co_return handled_if(is_written);
}

// A simple query ends what the extended protocol left open, as PostgreSQL's own would.
asio::awaitable<Outcome> SessionCommands::finish() {
  const bool is_upstream_ready = !legs_.replies.is_unsynced();
  if (is_upstream_ready) wire::append_ready_for_query(answers_.out(), legs_.status);
  bool is_written = co_await answers_.flush();
  if (is_written && !is_upstream_ready) is_written = co_await answers_.sync_upstream();
  co_return handled_if(is_written);
}

}  // namespace metadb::server
