// Which of a client's messages are commands of ours, and what they answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/parse.h"
#include "server/session_answers.h"
#include "server/session_execution.h"
#include "server/session_extended.h"

namespace metadb::server {

// The dialect's half of a session in the configured database.
//
// Called by the coroutine that reads from the client, for the messages that wants() picks. Sees
// to it that PostgreSQL and we always agree on the transaction's status.
class SessionCommands {
 public:
  SessionCommands(SessionLegs& legs, CommandRunner& runner, CommandPool& pool, Caller caller);

  // Whether the message needs a closer look; false is certain. Cheap for ordinary SQL.
  // REQUIRES: the message is whole, or larger than a buffer.
  [[nodiscard]] bool wants(const wire::FrameHeader& header, std::string_view payload) const;
  // Whether wants() can say anything but false, so that the message must be held until it is whole.
  [[nodiscard]] bool looks_at(char type) const;
  boost::asio::awaitable<Outcome> take(wire::FrameHeader header, std::string_view payload);

  // After an error of ours: the client's messages up to Sync are ignored.
  [[nodiscard]] bool is_skipping() const { return extended_.is_skipping(); }
  void synced() { extended_.synced(); }
  // From PostgreSQL: ReadyForQuery, and CommandComplete if it wants_tags().
  void ready(char status) { extended_.ready(status); }
  [[nodiscard]] bool wants_tags() const { return !extended_.is_empty(); }
  void completed(std::string_view tag) { extended_.completed(tag); }

  // To be flushed before anything more goes to PostgreSQL, and before waiting for the client.
  SessionAnswers& answers() { return answers_; }
  // False if no command of ours is running.
  bool cancel() { return execution_.cancel(); }

 private:
  struct Batch;
  Batch read_batch(std::string_view text);
  boost::asio::awaitable<Outcome> query(std::string_view payload);
  boost::asio::awaitable<Outcome> run_batch(Batch batch);
  boost::asio::awaitable<Outcome> fail(catalog::Error error);
  boost::asio::awaitable<Outcome> finish();

  SessionLegs& legs_;
  SessionAnswers answers_;
  CommandExecution execution_;
  ExtendedCommands extended_;
};

// ---- Rules that hold in both protocols.

// Whether a parsed command concerns us, or is PostgreSQL's after all.
bool is_ours(const grammar::Parsed& parsed, const CommandExecution& execution);
// Why this command can't run in the session's present transaction; nullopt if it can.
std::optional<catalog::Error> transaction_refusal(const grammar::ast::Command& command,
                                                  const SessionLegs& legs);
catalog::Error failed_transaction();
// `offset_text` stands before the statement in the client's text: positions count from its start.
catalog::Error error_of(const grammar::SyntaxError& error, std::string_view offset_text);

}  // namespace metadb::server
