// What we say ourselves in a session, at its place between PostgreSQL's replies.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "catalog/error.h"
#include "server/commands/command.h"
#include "server/session_legs.h"

namespace metadb::server {

// May we answer now?
enum class Gate {
  open,      // PostgreSQL owes nothing
  copying,   // PostgreSQL reads COPY data: whatever comes now is for it to judge
  skipping,  // PostgreSQL ignores everything up to the next Sync
  closed,    // the session ends
};

// Collects our messages and sends them to the client. Used by the coroutine that reads from the
// client: it stops at each message of ours until PostgreSQL has answered all that was sent before
// it, so our answers stand in order without being queued.
class SessionAnswers {
 public:
  explicit SessionAnswers(SessionLegs& legs) : legs_(legs) {}

  // Waits until everything sent before is answered; has PostgreSQL flush replies it holds back.
  boost::asio::awaitable<Gate> await_replies();

  std::string& out() { return out_; }
  void error(const catalog::Error& error);
  void row_description(const std::vector<ColumnDescription>& columns,
                       std::span<const int16_t> formats);
  // Sends the rows, text or already binary; what is collected leaves whenever a buffer is full.
  boost::asio::awaitable<bool> rows(std::span<const std::vector<std::optional<std::string>>> rows,
                                    bool is_text);

  [[nodiscard]] bool is_empty() const { return out_.empty(); }
  // False if the client is gone.
  boost::asio::awaitable<bool> flush();

  // Our error must be PostgreSQL's too: its open transaction fails with it. Makes it fail unless
  // there is nothing to fail; PostgreSQL then ignores what comes up to the next Sync. False if
  // PostgreSQL is gone.
  boost::asio::awaitable<bool> fail_upstream();
  // PostgreSQL has to be synchronized to be at one with us about the transaction.
  [[nodiscard]] bool needs_upstream() const;
  boost::asio::awaitable<bool> sync_upstream();

 private:
  SessionLegs& legs_;
  std::string out_;
};

// The format of one column by a Bind message's result formats: none = text, one = for all.
int16_t format_of(std::span<const int16_t> formats, size_t column);

}  // namespace metadb::server
