#include "catalog/postgres.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <future>
#include <map>
#include <system_error>
#include <thread>

namespace metadb::catalog {
namespace {

using ResultHandle = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// libpq ends its messages with a line break, and has several lines where there is more to say.
std::string one_line(const char* text) {
  std::string_view rest = text == nullptr ? "" : text;
  while (rest.ends_with('\n') || rest.ends_with(' ')) rest.remove_suffix(1);
  std::string out;
  for (const char c : rest) {
    if (c == '\n') {
      out += "; ";
    } else if (c != '\t') {
      out += c;
    }
  }
  return out;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

// Without the position, which counts in SQL of ours and would point anywhere in the client's.
Error error_of(const PGresult* result) {
  std::string sqlstate = field(result, PG_DIAG_SQLSTATE);
  std::string message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = one_line(PQresultErrorMessage(result));
  Error error(sqlstate.empty() ? "08006" : sqlstate, message);
  error.detail = field(result, PG_DIAG_MESSAGE_DETAIL);
  error.hint = field(result, PG_DIAG_MESSAGE_HINT);
  error.context = field(result, PG_DIAG_CONTEXT);
  error.constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  return error;
}

void tell_notice(void* listener, const PGresult* notice) {
  (*static_cast<std::function<void(const Connection::Notice&)>*>(listener))(
      {std::string(field(notice, PG_DIAG_SEVERITY)),
       std::string(field(notice, PG_DIAG_MESSAGE_PRIMARY)),
       std::string(field(notice, PG_DIAG_MESSAGE_DETAIL)),
       std::string(field(notice, PG_DIAG_MESSAGE_HINT))});
}

void log_notice(void* /*unused*/, const PGresult* notice) {
  spdlog::debug("postgresql: {}: {}", field(notice, PG_DIAG_SEVERITY),
                field(notice, PG_DIAG_MESSAGE_PRIMARY));
}

using Keywords = std::map<std::string, std::string>;

Keywords parsed_conninfo(std::string_view conninfo) {
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(std::string(conninfo).c_str(), &reason), &PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> message(reason, &PQfreemem);
  if (!options) {
    // libpq's message may quote a part of the string, which may be the password.
    throw Error("22023", "the connection string does not parse")
        .with_hint(
            "Give a libpq connection string such as \"host=db.example.org dbname=metadb "
            "user=admin\", or a URI.");
  }
  Keywords out;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) out[option->keyword] = option->val;
  }
  return out;
}

std::string conninfo_quoted(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string quote_qualified(std::string_view schema, std::string_view name) {
  return quote_identifier(schema) + "." + quote_identifier(name);
}

std::string quote_literal(std::string_view text) {
  const bool has_backslash = text.find('\\') != std::string_view::npos;
  std::string out = has_backslash ? " E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

std::string conninfo_with(std::string_view conninfo,
                          const std::vector<std::pair<std::string, std::string>>& settings) {
  Keywords merged = parsed_conninfo(conninfo);
  for (const auto& [keyword, value] : settings) merged[keyword] = value;
  std::string out;
  for (const auto& [keyword, value] : merged) {
    if (!out.empty()) out += ' ';
    out += keyword + "=" + conninfo_quoted(value);
  }
  return out;
}

std::optional<std::string> conninfo_value(std::string_view conninfo, std::string_view keyword) {
  const Keywords settings = parsed_conninfo(conninfo);
  const auto found = settings.find(std::string(keyword));
  if (found == settings.end()) return std::nullopt;
  return found->second;
}

Result::Result(pg_result* result) : result_(result, &PQclear) {}
int Result::rows() const {
  return PQntuples(result_.get());
}
int Result::columns() const {
  return PQnfields(result_.get());
}
std::string_view Result::column_name(int column) const {
  return PQfname(result_.get(), column);
}
uint32_t Result::column_type(int column) const {
  return PQftype(result_.get(), column);
}
bool Result::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Result::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

std::optional<std::string> Result::optional_text(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return std::string(text(row, column));
}

int64_t Result::int64(int row, int column) const {
  const std::string_view digits = text(row, column);
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc() || end != digits.data() + digits.size()) {
    throw Error("XX000", fmt::format("expected an integer in column \"{}\"", column_name(column)));
  }
  return value;
}

bool Result::boolean(int row, int column) const {
  return text(row, column) == "t";
}
std::string_view Result::command_tag() const {
  return PQcmdStatus(result_.get());
}

int64_t Result::affected() const {
  const std::string_view digits = PQcmdTuples(result_.get());
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Connection::Connection(const std::string& conninfo) : connection_(nullptr, &PQfinish) {
  Keywords settings = parsed_conninfo(conninfo);
  settings.try_emplace("connect_timeout", "10");
  // Over TCP: a host that went away without a word is noticed within a minute.
  settings.try_emplace("tcp_user_timeout", "60000");
  settings.try_emplace("keepalives_idle", "30");
  settings.try_emplace("keepalives_interval", "10");
  settings.try_emplace("keepalives_count", "3");
  settings.try_emplace("application_name", "metadb");
  // After a fail-over the first of several servers may answer, and be the standby by now.
  const auto names_several = [&](const char* keyword) {
    const auto found = settings.find(keyword);
    return found != settings.end() && found->second.find(',') != std::string::npos;
  };
  if (names_several("host") || names_several("hostaddr"))
    settings.try_emplace("target_session_attrs", "read-write");
  settings["client_encoding"] = "UTF8";
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : settings) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 0));
  if (!connection_) throw Error("53200", "out of memory");
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    throw Error("08001", one_line(PQerrorMessage(connection_.get())));
  }
  PQsetNoticeReceiver(connection_.get(), &log_notice, nullptr);
  socket_ = SecondSocket(PQsocket(connection_.get()));
}

Connection::SecondSocket::SecondSocket(int of)
    : fd_(of < 0 ? -1 : ::fcntl(of, F_DUPFD_CLOEXEC, 0)) {}

Connection::SecondSocket::~SecondSocket() {
  if (fd_ >= 0) ::close(fd_);
}

void Connection::throw_lost(std::string_view doing) {
  throw Error("08006", fmt::format("connection to PostgreSQL lost while {}: {}", doing,
                                   one_line(PQerrorMessage(connection_.get()))));
}

Result Connection::check(PGresult* raw) {
  if (raw == nullptr) throw_lost("running a statement");
  ResultHandle handle(raw, &PQclear);
  switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      return Result(handle.release());
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      throw Error("XX000", "COPY outside copy_binary()");
    default:
      throw error_of(raw);
  }
}

Result Connection::exec(const std::string& sql) {
  return check(PQexec(connection_.get(), sql.c_str()));
}

Result Connection::exec_within(const std::string& sql, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + timeout;
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) throw_lost("running statements");
  ResultHandle last(nullptr, &PQclear);
  for (;;) {
    while (PQisBusy(connection_.get()) == 1) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) throw Error("57014", "PostgreSQL does not answer");
      pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
      ::poll(&socket, 1, static_cast<int>(left.count()));
      if (socket.revents != 0 && PQconsumeInput(connection_.get()) != 1)
        throw_lost("running statements");
    }
    ResultHandle next(PQgetResult(connection_.get()), &PQclear);
    if (!next) return check(last.release());
    last = std::move(next);
  }
}

std::vector<Result> Connection::exec_each(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) throw_lost("running statements");
  std::vector<ResultHandle> raw;
  while (PGresult* each = PQgetResult(connection_.get())) raw.emplace_back(each, &PQclear);
  if (raw.empty()) throw_lost("running statements");
  std::vector<Result> out;
  for (ResultHandle& each : raw) out.push_back(check(each.release()));
  return out;
}

Result Connection::exec(const std::string& sql, const std::vector<Param>& params) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const Param& param : params) values.push_back(param ? param->c_str() : nullptr);
  return check(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                            nullptr, values.data(), nullptr, nullptr, 0));
}

int64_t Connection::copy_binary(const std::string& sql, std::span<const std::string_view> chunks) {
  // The signature, flags and header extension of the binary COPY format (PostgreSQL, COPY, File
  // Formats).
  static constexpr std::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  static constexpr std::string_view kTrailer("\377\377", 2);
  {
    const ResultHandle started(PQexec(connection_.get(), sql.c_str()), &PQclear);
    if (!started) throw_lost("starting COPY");
    if (PQresultStatus(started.get()) != PGRES_COPY_IN) throw error_of(started.get());
  }
  // In pieces: the server takes in a whole message before it looks at the first row.
  const auto put = [this](std::string_view bytes) {
    constexpr size_t kPiece = 64UL << 10U;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(kPiece, bytes.size()))) {
      const std::string_view piece = bytes.substr(0, kPiece);
      if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) != 1)
        return false;
    }
    return true;
  };
  bool sent = put(kHeader);
  for (size_t i = 0; sent && i < chunks.size(); ++i) sent = put(chunks[i]);
  sent = sent && put(kTrailer) && PQputCopyEnd(connection_.get(), nullptr) == 1;
  if (!sent) {
    // A statement error during COPY shows up as a result; a lost connection does not.
    const ResultHandle failed(PQgetResult(connection_.get()), &PQclear);
    if (failed && PQresultStatus(failed.get()) == PGRES_FATAL_ERROR) throw error_of(failed.get());
    throw_lost("sending COPY data");
  }
  ResultHandle done(PQgetResult(connection_.get()), &PQclear);
  while (PGresult* rest = PQgetResult(connection_.get())) PQclear(rest);
  return check(done.release()).affected();
}

int Connection::server_version() const {
  return PQserverVersion(connection_.get());
}
int Connection::backend_pid() const {
  return PQbackendPID(connection_.get());
}
std::string Connection::database() const {
  return PQdb(connection_.get());
}
std::string Connection::user() const {
  return PQuser(connection_.get());
}
std::string Connection::host() const {
  const std::string address = PQhostaddr(connection_.get());
  return address.empty() ? PQhost(connection_.get()) : address;
}
std::string Connection::host_name() const {
  return PQhost(connection_.get());
}
std::string Connection::parameter(std::string_view keyword) const {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfo(connection_.get()), &PQconninfoFree);
  const PQconninfoOption* option = options.get();
  while (option != nullptr && option->keyword != nullptr && option->keyword != keyword) ++option;
  if (option == nullptr || option->keyword == nullptr || option->val == nullptr) return {};
  return option->val;
}
uint16_t Connection::port() const {
  return static_cast<uint16_t>(std::strtoul(PQport(connection_.get()), nullptr, 10));
}
bool Connection::is_ok() const {
  return PQstatus(connection_.get()) == CONNECTION_OK;
}

bool Connection::in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

std::vector<std::pair<std::string, std::string>> Connection::take_notifications() {
  if (PQconsumeInput(connection_.get()) != 1) throw_lost("reading notifications");
  std::vector<std::pair<std::string, std::string>> out;
  while (PGnotify* raw = PQnotifies(connection_.get())) {
    const std::unique_ptr<PGnotify, void (*)(void*)> notification(raw, &PQfreemem);
    out.emplace_back(notification->relname, notification->extra);
  }
  return out;
}

void Connection::on_notice(std::function<void(const Notice&)> listener) {
  notice_listener_ = std::make_unique<std::function<void(const Notice&)>>(std::move(listener));
  PQsetNoticeReceiver(connection_.get(), &tell_notice, notice_listener_.get());
}

// libpq waits for the server's answer for as long as that takes: a thread that hangs there is left
// to itself.
void Connection::cancel(std::chrono::milliseconds timeout) const {
  const std::shared_ptr<PGcancel> request(PQgetCancel(connection_.get()), &PQfreeCancel);
  if (!request) return;
  std::promise<std::string> promise;
  std::future<std::string> failure = promise.get_future();
  try {
    std::thread([request, promise = std::move(promise)]() mutable {
      char reason[256] = "";
      promise.set_value(PQcancel(request.get(), reason, sizeof reason) == 1 ? ""
                                                                            : one_line(reason));
    }).detach();
  } catch (const std::system_error& error) {
    spdlog::warn("cancel request failed: {}", error.what());
    return;
  }
  if (failure.wait_for(timeout) != std::future_status::ready) {
    spdlog::warn("cancel request: PostgreSQL has not answered in {} ms", timeout.count());
  } else if (const std::string reason = failure.get(); !reason.empty()) {
    spdlog::warn("cancel request failed: {}", reason);
  }
}

void Connection::break_off() const {
  ::shutdown(socket_.fd(), SHUT_RDWR);
}

std::string Connection::scram_verifier(std::string_view user, std::string_view password) const {
  const std::unique_ptr<char, void (*)(void*)> verifier(
      PQencryptPasswordConn(connection_.get(), std::string(password).c_str(),
                            std::string(user).c_str(), "scram-sha-256"),
      &PQfreemem);
  if (!verifier) throw Error("XX000", "could not compute a SCRAM verifier");
  return verifier.get();
}

Transaction::Transaction(Connection& connection, std::string_view begin) : connection_(connection) {
  connection_.exec(std::string(begin));
}

Transaction::~Transaction() {
  if (!open_ || !connection_.is_ok()) return;
  try {
    connection_.exec("ROLLBACK");
  } catch (const Error& error) {
    // The connection is lost, and with it the transaction.
    spdlog::debug("rollback: {}", error.what());
  }
}

void Transaction::commit() {
  const Result result = connection_.exec("COMMIT");
  open_ = false;
  if (result.command_tag() != "COMMIT") {
    // COMMIT of a failed transaction answers ROLLBACK and no error.
    throw Error("25P02", "the transaction was rolled back");
  }
}

}  // namespace metadb::catalog
