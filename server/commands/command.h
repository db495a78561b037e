// The seam between a session and what executes the commands of the dialect.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "catalog/error.h"
#include "grammar/ast.h"

namespace metadb::server {

struct ColumnDescription {
  std::string name;
  uint32_t type_oid;
  int16_t type_size;  // pg_type.typlen: -1 for text
};

// What a command answers, once it has succeeded.
struct Reply {
  std::string tag;
  std::vector<ColumnDescription> columns;                     // empty = no result set
  std::vector<std::vector<std::optional<std::string>>> rows;  // text format
};

// Who asks. Rights are those of the login role, whatever SET ROLE says.
struct Caller {
  std::string user;
  std::string database;
  bool is_local = false;  // came over loopback or the Unix socket
  int backend_pid = 0;
};

struct Notice {
  std::string severity = "NOTICE";
  std::string sqlstate = "00000";
  std::string message{};
  std::string detail{};
  std::string hint{};
};

// What a running command knows of the session that sent it. Lives as long as the run.
class Context {
 public:
  Context(Caller caller_, std::stop_token stop, std::function<void(Notice)> notify)
      : caller(std::move(caller_)), stop_(std::move(stop)), notify_(std::move(notify)) {}

  const Caller caller;

  // Goes to the client at once; callable from any thread during the run.
  void notice(Notice notice) const { notify_(std::move(notice)); }
  // Requested when the user cancels (the command then throws Error 57014), when the client is
  // gone and when the server stops.
  [[nodiscard]] const std::stop_token& stop() const { return stop_; }
  // Throws that Error if it was.
  void check_stop() const {
    if (!stop_.stop_requested()) return;
    throw catalog::Error("57014", "canceling statement due to user request");
  }

 private:
  std::stop_token stop_;
  std::function<void(Notice)> notify_;
};

// Executes commands. One object serves all sessions; every method is thread-safe.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  // For a verb that PostgreSQL has too: does this command concern us? Called on the io threads:
  // no blocking I/O.
  virtual bool takes(const grammar::ast::Command& command, const Caller& caller) = 0;
  // The columns that run() will answer with, for Describe; empty = no result set. Same thread.
  virtual std::vector<ColumnDescription> describe(const grammar::ast::Command& command) = 0;
  // Runs on the command pool and may block. Throws catalog::Error.
  virtual Reply run(const grammar::ast::Command& command, Context& context) = 0;
};

}  // namespace metadb::server
