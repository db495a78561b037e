// Commands of ours in the extended protocol: their statements and portals.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/session_answers.h"
#include "server/session_execution.h"
#include "server/session_text.h"
#include "server/wire/messages.h"

namespace metadb::server {

// What became of a client's message.
enum class Outcome {
  pass,     // it is PostgreSQL's
  handled,  // it was ours, or is to be ignored
  end,      // the session ends
};

// g++ 12 miscompiles a co_await within the expression of a co_return: it stands by itself, and the
// choice is made here.
inline Outcome handled_if(bool is_written) {
  return is_written ? Outcome::handled : Outcome::end;
}

// PostgreSQL refuses everything until the transaction block ends.
bool has_failed_transaction(const SessionLegs& legs);
catalog::Error failed_transaction();

// The extended protocol as postgres.c does it, for statements that PostgreSQL never sees. Parse
// decides whose a statement is; what names it or one of its portals later is answered here.
// After an error of ours everything up to Sync is ignored; Sync itself always goes to PostgreSQL,
// whose ReadyForQuery ends the pipeline.
class ExtendedCommands {
 public:
  ExtendedCommands(SessionLegs& legs, SessionAnswers& answers, CommandExecution& execution);

  // Nothing of ours is prepared or bound: messages need no look.
  [[nodiscard]] bool is_empty() const { return statements_.empty() && portals_.empty(); }
  // Whether a statement of ours has this name. The unnamed one does not count.
  [[nodiscard]] bool is_prepared(std::string_view name) const;
  [[nodiscard]] bool has_names() const;
  // Whether the unnamed statement or portal is ours.
  [[nodiscard]] bool has_unnamed() const;
  [[nodiscard]] bool is_skipping() const { return is_skipping_; }

  boost::asio::awaitable<Outcome> parse(std::string_view payload);
  // REQUIRES of these four: the payload may be cut at the end of a buffer, but not in its names.
  boost::asio::awaitable<Outcome> bind(std::string_view payload);
  boost::asio::awaitable<Outcome> describe(std::string_view payload);
  boost::asio::awaitable<Outcome> execute(std::string_view payload);
  boost::asio::awaitable<Outcome> close(std::string_view payload);

  // Runs one statement, in either protocol, unless the transaction is in the way.
  // REQUIRES: it has not failed.
  boost::asio::awaitable<CommandResult> run(const OwnStatement& statement);

  void synced() { is_skipping_ = has_executed_ = false; }
  // What else ends the life of statements and portals; the unnamed ones end with a simple query.
  void forget_unnamed();
  void ready(char status);
  void completed(std::string_view tag);

 private:
  struct Statement {
    OwnStatement text;
    std::vector<ColumnDescription> columns;
  };
  struct Portal {
    std::shared_ptr<const Statement> statement;
    std::vector<int16_t> formats;
    std::optional<Reply> reply;  // once it was run
    size_t rows_sent = 0;
    bool is_completed = false;
  };
  using StatementPtr = std::shared_ptr<const Statement>;
  using PortalPtr = std::shared_ptr<Portal>;

  boost::asio::awaitable<Outcome> fail(catalog::Error error);
  boost::asio::awaitable<std::optional<Outcome>> gate();
  boost::asio::awaitable<ParsedText> parsed(const std::optional<wire::ParseMessage>& message) const;
  std::optional<catalog::Error> check_parse(const wire::ParseMessage& message,
                                            const ClientText& text) const;
  std::optional<catalog::Error> check_bind(const std::optional<wire::BindMessage>& message,
                                           const Statement& statement) const;
  CommandResult deallocate(const std::string& name);
  boost::asio::awaitable<std::optional<catalog::Error>> fill(PortalPtr portal);
  boost::asio::awaitable<Outcome> send(PortalPtr portal, size_t rows_max);
  [[nodiscard]] StatementPtr statement(std::string_view name) const;
  [[nodiscard]] PortalPtr portal(std::string_view name) const;
  // As is_prepared().
  [[nodiscard]] bool is_portal_taken(std::string_view name) const;
  [[nodiscard]] bool is_ours(const wire::TargetMessage& target) const;
  void describe_columns(const Statement& statement, const std::vector<int16_t>& formats);

  SessionLegs& legs_;
  SessionAnswers& answers_;
  CommandExecution& execution_;
  std::map<std::string, StatementPtr, std::less<>> statements_;
  std::map<std::string, PortalPtr, std::less<>> portals_;
  bool is_skipping_ = false;
  bool has_executed_ = false;  // a portal of ours, since the last Sync
};

}  // namespace metadb::server
