// libpq, wrapped: the only file pair of the product that includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/error.h"

struct pg_conn;
struct pg_result;

namespace metadb::catalog {

// "name" with embedded quotes doubled. The only way an identifier enters SQL text.
std::string quote_identifier(std::string_view name);
// "schema"."name"
std::string quote_qualified(std::string_view schema, std::string_view name);
// 'text', as E'...' if it holds a backslash. The only way a literal enters SQL text.
std::string quote_literal(std::string_view text);
// Replaces or adds one keyword of a libpq connection string or URI and returns a keyword string.
// Throws Error 22023 if conninfo does not parse; the message never shows a password.
std::string conninfo_with(std::string_view conninfo,
                          const std::vector<std::pair<std::string, std::string>>& settings);
// The value of one keyword of a connection string or URI, after libpq's own parsing; nullopt if
// unset.
std::optional<std::string> conninfo_value(std::string_view conninfo, std::string_view keyword);

// The rows of one statement in text format. Owns the libpq result.
class Result {
 public:
  explicit Result(pg_result* result);
  [[nodiscard]] int rows() const;
  [[nodiscard]] int columns() const;
  [[nodiscard]] std::string_view column_name(int column) const;
  [[nodiscard]] uint32_t column_type(int column) const;
  [[nodiscard]] bool is_null(int row, int column) const;
  // REQUIRES: not NULL. The view lives as long as the Result.
  [[nodiscard]] std::string_view text(int row, int column) const;
  [[nodiscard]] std::optional<std::string> optional_text(int row, int column) const;
  [[nodiscard]] int64_t int64(int row, int column) const;
  [[nodiscard]] bool boolean(int row, int column) const;
  // Rows that the statement inserted, updated or deleted; 0 if it says none.
  [[nodiscard]] int64_t affected() const;
  [[nodiscard]] std::string_view command_tag() const;

 private:
  std::shared_ptr<pg_result> result_;
};

using Param = std::optional<std::string>;  // nullopt = SQL NULL

// One connection, used by one thread at a time. Every failure throws Error with PostgreSQL's own
// SQLSTATE, or 08006 where the connection is lost. Notices go to the process log at debug level.
class Connection {
 public:
  // Connects; blocks at most connect_timeout of conninfo (10 s if it names none).
  explicit Connection(const std::string& conninfo);
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;

  // One or more statements, simple protocol; the last statement's result.
  Result exec(const std::string& sql);
  // The same, unless it takes longer than that: then 57014, and the connection is of no more use.
  Result exec_within(const std::string& sql, std::chrono::milliseconds timeout);
  // The same in one exchange; a result for each statement.
  std::vector<Result> exec_each(const std::string& sql);
  // One statement with parameters, extended protocol, types inferred by PostgreSQL.
  Result exec(const std::string& sql, const std::vector<Param>& params);
  // Sends rows in COPY BINARY: sql must be `COPY ... FROM STDIN (FORMAT binary)`, perhaps with
  // statements before it; rows are complete tuples (int16 field count, then fields); header and
  // trailer are added here. Returns the row count.
  int64_t copy_binary(const std::string& sql, std::span<const std::string_view> chunks);

  [[nodiscard]] int server_version() const;  // e.g. 150004
  [[nodiscard]] int backend_pid() const;
  // Where libpq found the server: a host, or the directory of a Unix socket.
  [[nodiscard]] std::string host() const;
  // The same as it was named: what its certificate has to say.
  [[nodiscard]] std::string host_name() const;
  // The value of a connection parameter in force, defaults and environment included; empty if none.
  [[nodiscard]] std::string parameter(std::string_view keyword) const;
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] std::string database() const;
  [[nodiscard]] std::string user() const;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] bool is_ok() const;
  // NOTIFY payloads that have arrived (channel, payload), without blocking.
  std::vector<std::pair<std::string, std::string>> take_notifications();
  // The SCRAM-SHA-256 verifier to send in place of `password`, as psql's \password does.
  [[nodiscard]] std::string scram_verifier(std::string_view user, std::string_view password) const;
  // Notices go to `listener` from now on, in its thread, while a statement runs; it throws nothing.
  struct Notice {
    std::string severity;
    std::string message;
    std::string detail;
    std::string hint;
  };
  void on_notice(std::function<void(const Notice&)> listener);
  // Asks the server to cancel what this connection runs; callable from any thread. A server that
  // does not answer in time may still do it.
  void cancel(std::chrono::milliseconds timeout = kCancelMax) const;
  static constexpr std::chrono::milliseconds kCancelMax{5'000};
  // What it waits for, and all that comes after, fails with 08006; callable from any thread.
  void break_off() const;

 private:
  // The socket once more: libpq closes its own when it likes, in the thread that uses it.
  class SecondSocket {
   public:
    explicit SecondSocket(int of);
    ~SecondSocket();
    SecondSocket(SecondSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    SecondSocket& operator=(SecondSocket&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    [[nodiscard]] int fd() const { return fd_; }

   private:
    int fd_;
  };

  Result check(pg_result* raw);
  [[noreturn]] void throw_lost(std::string_view doing);
  // Before the connection, which tells it notices until its end; libpq keeps its address.
  std::unique_ptr<std::function<void(const Notice&)>> notice_listener_;
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> connection_;
  SecondSocket socket_{-1};
};

// BEGIN on construction, ROLLBACK on destruction unless commit() was called.
class Transaction {
 public:
  explicit Transaction(Connection& connection, std::string_view begin = "BEGIN");
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace metadb::catalog
