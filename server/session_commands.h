// Which of a client's messages are commands of ours, and what they answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "server/session_answers.h"
#include "server/session_execution.h"
#include "server/session_extended.h"
#include "server/session_text.h"

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
  boost::asio::awaitable<Outcome> query(std::string_view payload, bool is_cut);
  boost::asio::awaitable<Outcome> run_all(ClientText text);
  boost::asio::awaitable<Outcome> fail(catalog::Error error);
  boost::asio::awaitable<Outcome> finish();

  SessionLegs& legs_;
  SessionAnswers answers_;
  CommandExecution execution_;
  ExtendedCommands extended_;
};

}  // namespace metadb::server
