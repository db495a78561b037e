#include "server/session_commands.h"

#include <algorithm>

#include "grammar/classify.h"
#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
namespace sqlstate = wire::sqlstate;

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
      co_return co_await query(payload, is_cut);
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

// One that is cut is longer than any command of ours.
asio::awaitable<Outcome> SessionCommands::query(std::string_view payload, bool is_cut) {
  const auto text = is_cut ? std::string_view() : wire::read_query(payload);
  if (!text) co_return Outcome::pass;
  ParsedText parsed = co_await parse_text(*text, legs_, execution_, extended_);
  ClientText read = read_text(parsed, execution_, extended_);
  // A query that PostgreSQL skips ends nothing: what is unnamed stays.
  if (!read.is_foreign() || extended_.has_unnamed()) {
    const Gate gate = co_await answers_.await_replies();
    if (gate == Gate::closed) co_return Outcome::end;
    if (gate != Gate::open) co_return Outcome::pass;
    if (!is_parsed_as_now(parsed, legs_)) {
      parsed = co_await parse_text(*text, legs_, execution_, extended_);
    }
    read = read_text(parsed, execution_, extended_);
  }
  extended_.forget_unnamed();
  Outcome outcome = Outcome::pass;
  if (!read.is_foreign()) outcome = co_await run_all(std::move(read));
  // It ends the pipeline that it stands in.
  extended_.synced();
  co_return outcome;
}

asio::awaitable<Outcome> SessionCommands::run_all(ClientText text) {
  if (text.error) co_return co_await fail(*text.error);
  if (has_failed_transaction(legs_)) co_return co_await fail(failed_transaction());
  if (text.has_foreign()) {
    catalog::Error mixed(sqlstate::kFeatureNotSupported,
                         "Metadb commands and SQL statements cannot be mixed in one query string");
    mixed.hint = "Send each Metadb command by itself.";
    co_return co_await fail(std::move(mixed));
  }
  for (const OwnStatement& statement : text.ours) {
    CommandResult result = co_await extended_.run(statement);
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
  if (is_upstream_ready) {
    wire::append_ready_for_query(answers_.out(), legs_.status);
    extended_.ready(legs_.status);
  }
  bool is_written = co_await answers_.flush();
  if (is_written && !is_upstream_ready) is_written = co_await answers_.sync_upstream();
  co_return handled_if(is_written);
}

}  // namespace metadb::server
