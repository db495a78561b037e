#include "server/session_login.h"

#include <endian.h>
#include <fmt/format.h>

#include <cstring>

#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;

namespace {

// Codes of AuthenticationXXX, message type 'R'.
enum Method : uint32_t {
  kOk = 0,
  kCleartextPassword = 3,
  kMd5Password = 5,
  kGss = 7,
  kGssContinue = 8,
  kSspi = 9,
  kSasl = 10,
  kSaslContinue = 11,
  kSaslFinal = 12,
};

bool is_ticket(uint32_t method) {
  return method == kGss || method == kGssContinue || method == kSspi;
}

wire::Report fatal(std::string_view sqlstate, std::string message, std::string hint = {}) {
  wire::Report report;
  report.severity = "FATAL";
  report.sqlstate = sqlstate;
  report.message = std::move(message);
  report.hint = std::move(hint);
  return report;
}

wire::Report nothing_proved(const std::string& user) {
  return fatal(
      wire::sqlstate::kInvalidAuthorization,
      fmt::format("login of user \"{}\" proves nothing: the backing database asked for no password",
                  user),
      "Make it ask for one (scram-sha-256 in its pg_hba.conf); for local clients, "
      "accept_backend_trust in metadb.yaml lets its answer count.");
}

// The list of names in AuthenticationSASL.
bool offers(std::string_view mechanisms, std::string_view wanted) {
  wire::PayloadReader reader(mechanisms);
  for (auto name = reader.text(); reader.ok() && !name.empty(); name = reader.text()) {
    if (name == wanted) return true;
  }
  return false;
}

}  // namespace

void follow_parameter(SessionLegs& legs, std::string_view parameter_status_payload) {
  const auto status = wire::read_parameter_status(parameter_status_payload);
  if (status && status->name == "client_encoding") legs.client_encoding = status->value;
}

Login::Login(SessionLegs& legs, LoginRules rules, KeyExchange exchange_key)
    : legs_(legs), rules_(std::move(rules)), exchange_key_(std::move(exchange_key)) {}

asio::awaitable<bool> Login::run(std::string_view startup_packet) {
  if (!co_await legs_.upstream.write(startup_packet)) co_return false;
  for (;;) {
    const auto here = legs_.from_upstream.next();
    const bool must_wait = !here || !legs_.from_upstream.holds(*here);
    if (must_wait) {
      if (!co_await flush()) co_return false;
    }
    const auto header = co_await wire::read_frame(legs_.upstream, legs_.from_upstream);
    if (!header) {
      co_await refuse(fatal(wire::sqlstate::kConnectionFailure,
                            "the backing database closed the connection during the login"));
      co_return false;
    }
    const Step step = co_await take(*header);
    if (step == Step::go_on) continue;
    if (step == Step::ready) co_return co_await flush();
    co_await flush();
    co_return false;
  }
}

// One message of the backend's: passed on, unless it is about who the client is.
asio::awaitable<Login::Step> Login::take(wire::FrameHeader header) {
  const std::string_view payload = legs_.from_upstream.payload(header);
  switch (header.type) {
    case 'R':
      co_return co_await authenticate(header);
    case 'K':
      if (const auto key = wire::read_backend_key(payload)) {
        const wire::BackendKey given = exchange_key_(*key);
        wire::append_backend_key(out_, given.pid, given.secret);
      }
      legs_.from_upstream.drop(header);
      co_return Step::go_on;
    case 'S':
      follow_parameter(legs_, payload);
      break;
    case 'Z':
      if (!payload.empty()) legs_.status = payload.front();
      forward(header);
      co_return Step::ready;
    case 'E':
      forward(header);
      co_return Step::end;
    default:
      break;
  }
  forward(header);
  co_return Step::go_on;
}

asio::awaitable<Login::Step> Login::authenticate(wire::FrameHeader header) {
  wire::PayloadReader reader(legs_.from_upstream.payload(header));
  const uint32_t method = reader.uint32();
  const std::string data(reader.rest());
  if (method == kOk) {
    if (!is_challenge_answered_ && !rules_.is_trust_accepted && !rules_.password) {
      co_return co_await refuse(nothing_proved(rules_.user));
    }
    forward(header);
    co_return Step::go_on;
  }
  if (is_ticket(method)) {
    co_return co_await refuse(
        fatal(wire::sqlstate::kInvalidAuthorization, "GSSAPI and SSPI logins can't be relayed"));
  }
  if (rules_.password) {
    legs_.from_upstream.drop(header);
    co_return co_await answer(method, data);
  }
  forward(header);
  // A branch of its own: g++ 12 runs a co_await inside ?: whatever the condition says.
  if (method == kSaslFinal) co_return Step::go_on;
  co_return co_await relay_answer();
}

asio::awaitable<Login::Step> Login::relay_answer() {
  if (!co_await flush()) co_return Step::end;
  const auto header = co_await wire::read_frame(legs_.client, legs_.from_client);
  if (!header) co_return Step::end;
  if (header->type != 'p') {
    co_return co_await refuse(
        fatal(wire::sqlstate::kProtocolViolation, "expected a password response"));
  }
  legs_.from_client.pass(*header);
  const bool is_written = co_await legs_.upstream.write(legs_.from_client.run());
  legs_.from_client.run_written();
  is_challenge_answered_ = true;
  co_return is_written ? Step::go_on : Step::end;
}

asio::awaitable<Login::Step> Login::answer(uint32_t method, std::string_view data) {
  const auto message = answer_of_ours(method, data);
  if (!message) {
    co_return co_await refuse(fatal(wire::sqlstate::kInvalidAuthorization,
                                    "metadb could not log in to its own database"));
  }
  const bool is_written = co_await legs_.upstream.write(*message);
  co_return is_written ? Step::go_on : Step::end;
}

// nullopt: a method that we do not know, or a server that does not know the password.
std::optional<std::string> Login::answer_of_ours(uint32_t method, std::string_view data) {
  std::string out;
  switch (method) {
    case kCleartextPassword:
      wire::append_password(out, *rules_.password);
      return out;
    case kMd5Password:
      wire::append_password(out, md5_password(rules_.user, *rules_.password, data));
      return out;
    case kSasl:
      if (!offers(data, ScramClient::kMechanism)) return std::nullopt;
      scram_ = std::make_unique<ScramClient>(std::string(), *rules_.password);
      wire::append_sasl_initial_response(out, ScramClient::kMechanism, scram_->first_message());
      return out;
    case kSaslContinue: {
      const auto proof = scram_ ? scram_->final_message(data) : std::nullopt;
      if (!proof) return std::nullopt;
      wire::append_sasl_response(out, *proof);
      return out;
    }
    case kSaslFinal:
      if (!scram_ || !scram_->is_genuine(data)) return std::nullopt;
      return out;
    default:
      return std::nullopt;
  }
}

asio::awaitable<Login::Step> Login::refuse(wire::Report report) {
  wire::append_error(out_, report);
  co_await flush();
  co_return Step::end;
}

asio::awaitable<bool> Login::flush() {
  const bool is_written = co_await legs_.client.write(out_);
  out_.clear();
  co_return is_written;
}

void Login::forward(const wire::FrameHeader& header) {
  legs_.from_upstream.pass(header);
  out_ += legs_.from_upstream.run();
  legs_.from_upstream.run_written();
}

}  // namespace metadb::server
