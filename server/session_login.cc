#include "server/session_login.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <vector>

#include "server/auth.h"
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

// More than a string holds without the heap.
constexpr size_t kHeapBytes = 32;

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
std::vector<std::string_view> names_in(std::string_view mechanisms) {
  std::vector<std::string_view> names;
  wire::PayloadReader reader(mechanisms);
  for (auto name = reader.text(); reader.ok() && !name.empty(); name = reader.text()) {
    names.push_back(name);
  }
  return names;
}

bool offers_scram(std::string_view mechanisms) {
  return std::ranges::any_of(names_in(mechanisms), [](std::string_view name) {
    return name == kScramMechanism || name == kScramPlusMechanism;
  });
}

std::string list_of(const std::vector<std::string_view>& mechanisms) {
  std::string out;
  for (const std::string_view name : mechanisms) out += std::string(name) + '\0';
  return out + '\0';
}

std::string end_point_of(const wire::Channel& channel) {
  return channel.tls() == nullptr ? std::string() : channel.tls()->server_end_point();
}

wire::Report report_of(const catalog::Error& error) {
  wire::Report report = fatal(error.sqlstate, error.message(), error.hint);
  report.detail = error.detail;
  return report;
}

}  // namespace

Login::Login(SessionLegs& legs, LoginRules rules, KeyExchange exchange_key,
             VerifierQuestion ask_verifier, Elsewhere run_elsewhere)
    : legs_(legs),
      rules_(std::move(rules)),
      exchange_key_(std::move(exchange_key)),
      ask_verifier_(std::move(ask_verifier)),
      run_elsewhere_(std::move(run_elsewhere)) {
  legs_.from_client.begin_secret();
  legs_.client.wipe_what_was_read(true);
}

Login::~Login() {
  legs_.from_client.end_secret();
  legs_.client.wipe_what_was_read(false);
  if (rules_.password) OPENSSL_cleanse(rules_.password->data(), rules_.password->size());
}

asio::awaitable<LoginOutcome> Login::run(std::string_view startup_packet) {
  if (!co_await legs_.upstream.write(startup_packet)) co_return LoginOutcome::ended;
  for (;;) {
    const auto here = legs_.from_upstream.next();
    const bool must_wait = !here || !legs_.from_upstream.holds(*here);
    if (must_wait) {
      if (!co_await flush()) co_return LoginOutcome::ended;
    }
    const auto header = co_await wire::read_frame(legs_.upstream, legs_.from_upstream);
    if (!header) {
      co_await refuse(fatal(wire::sqlstate::kConnectionFailure,
                            "the backing database closed the connection during the login"));
      co_return LoginOutcome::ended;
    }
    const Step step = co_await take(*header);
    if (step == Step::go_on) continue;
    if (step == Step::retry) co_return LoginOutcome::wants_tls;
    const bool is_written = co_await flush();
    co_return step == Step::ready&& is_written ? LoginOutcome::ready : LoginOutcome::ended;
  }
}

// One message of the backend's: passed on, unless it is about who the client is.
asio::awaitable<Login::Step> Login::take(wire::FrameHeader header) {
  const std::string_view payload = legs_.from_upstream.payload(header);
  switch (header.type) {
    case 'R':
      has_asked_ = true;
      co_return co_await authenticate(header);
    case 'K':
      if (const auto key = wire::read_backend_key(payload)) {
        const wire::BackendKey given = exchange_key_(*key);
        wire::append_backend_key(out_, given.pid, given.secret);
      }
      legs_.from_upstream.drop(header);
      co_return Step::go_on;
    case 'S':
      if (is_place_reserved(payload)) {
        co_return co_await refuse(fatal(wire::sqlstate::kTooManyConnections,
                                        "remaining connection slots are reserved for superusers"));
      }
      if (const auto status = wire::read_parameter_status(payload)) {
        legs_.follow(status->name, status->value);
      }
      break;
    case 'Z':
      if (!payload.empty()) legs_.status = payload.front();
      forward(header);
      co_return Step::ready;
    case 'E':
      co_return take_error(header);
    default:
      break;
  }
  forward(header);
  co_return Step::go_on;
}

// A refusal that comes before any question is that of pg_hba.conf: it may have no line for
// connections without encryption.
Login::Step Login::take_error(const wire::FrameHeader& header) {
  const std::string_view payload = legs_.from_upstream.payload(header);
  const bool is_refused = wire::error_field(payload, 'C') == wire::sqlstate::kInvalidAuthorization;
  if (rules_.can_retry_with_tls && is_refused && !has_asked_) return Step::retry;
  forward(header);
  return Step::end;
}

bool Login::is_place_reserved(std::string_view parameter_status) const {
  if (!rules_.is_for_superusers) return false;
  const auto status = wire::read_parameter_status(parameter_status);
  return status && status->name == "is_superuser" && status->value != "on";
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
  if (rules_.password || scram_) {
    legs_.from_upstream.drop(header);
    co_return co_await answer(method, data);
  }
  if (method == kSasl && legs_.upstream.tls() != nullptr && offers_scram(data)) {
    legs_.from_upstream.drop(header);
    co_return co_await pass_through(data);
  }
  forward(header);
  // A branch of its own: g++ 12 runs a co_await inside ?: whatever the condition says.
  if (method == kSaslFinal) co_return Step::go_on;
  co_return co_await relay_answer();
}

// PostgreSQL waits for an answer to SCRAM that only we can give.
asio::awaitable<Login::Step> Login::pass_through(std::string_view offered) {
  auto found = co_await ask_verifier_(rules_.user);
  if (auto* error = std::get_if<catalog::Error>(&found)) {
    co_return co_await ask_for_password(std::move(*error), offered);
  }
  co_return co_await prove(std::get<ScramVerifier>(std::move(found)), offered);
}

asio::awaitable<Login::Step> Login::prove(ScramVerifier verifier, std::string_view offered) {
  ScramServer server(std::move(verifier), end_point_of(legs_.client));
  std::optional<catalog::Error> failed;
  std::optional<ScramServer::Proof> proof;
  wire::append_authentication(out_, kSasl, list_of(server.mechanisms()));
  auto message = co_await client_answer();
  if (!message) co_return Step::end;
  try {
    const auto response = wire::read_sasl_initial_response(legs_.from_client.payload(*message));
    if (!response)
      throw catalog::Error(wire::sqlstate::kProtocolViolation, "malformed SCRAM message");
    wire::append_authentication(out_, kSaslContinue,
                                server.first(response->mechanism, response->data));
  } catch (const catalog::Error& error) {
    failed = error;
  }
  legs_.from_client.drop(*message);
  if (failed) co_return co_await refuse(report_of(*failed));
  message = co_await client_answer();
  if (!message) co_return Step::end;
  try {
    proof = server.final(legs_.from_client.payload(*message));
  } catch (const catalog::Error& error) {
    failed = error;
  }
  legs_.from_client.drop(*message);
  if (failed) co_return co_await refuse(report_of(*failed));
  if (!proof) {
    co_return co_await refuse(
        fatal(wire::sqlstate::kInvalidPassword,
              fmt::format("password authentication failed for user \"{}\"", rules_.user)));
  }
  is_challenge_answered_ = true;
  wire::append_authentication(out_, kSaslFinal, proof->server_final);
  ScramClient::Secret secret = std::move(proof->keys);
  co_return co_await begin_scram(std::move(secret), offered);
}

// The documented fall-back where pg_authid can't be read.
asio::awaitable<Login::Step> Login::ask_for_password(catalog::Error reason,
                                                     std::string_view offered) {
  if (reason.sqlstate != wire::sqlstate::kInsufficientPrivilege) {
    co_return co_await refuse(report_of(reason));
  }
  if (legs_.client.tls() == nullptr) {
    co_return co_await refuse(fatal(
        wire::sqlstate::kInvalidAuthorization,
        "a login without TLS is not possible here: metadb reaches the backing database over TLS "
        "and may not read pg_authid",
        "Connect with sslmode=require; the administrator sets tls.certificate in metadb.yaml, or "
        "gives database.superuser to a superuser."));
  }
  wire::append_authentication(out_, kCleartextPassword);
  auto message = co_await client_answer();
  if (!message) co_return Step::end;
  const auto told = wire::PayloadReader(legs_.from_client.payload(*message)).text();
  // On the heap however short it is: moving it leaves no copy behind.
  std::string password;
  password.reserve(told.size() + kHeapBytes);
  password = told;
  legs_.from_client.drop(*message);
  is_challenge_answered_ = true;  // PostgreSQL judges it
  ScramClient::Secret secret = std::move(password);
  co_return co_await begin_scram(std::move(secret), offered);
}

asio::awaitable<Login::Step> Login::begin_scram(ScramClient::Secret secret,
                                                std::string_view offered) {
  scram_ = std::make_unique<ScramClient>(std::move(secret), end_point_of(legs_.upstream));
  co_return co_await answer(kSasl, offered);
}

// What the client says to a question of ours, to be dropped; nullopt: the login is over.
asio::awaitable<std::optional<wire::FrameHeader>> Login::client_answer() {
  if (!co_await flush()) co_return std::nullopt;
  const auto header = co_await wire::read_frame(legs_.client, legs_.from_client);
  if (!header) co_return std::nullopt;
  if (header->type != 'p') {
    co_await refuse(fatal(wire::sqlstate::kProtocolViolation, "expected a password response"));
    co_return std::nullopt;
  }
  co_return header;
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
  std::optional<std::string> message;
  const std::function<void()> make = [&] { message = answer_of_ours(method, data); };
  if (method == kSaslContinue) {
    co_await run_elsewhere_(make);
  } else {
    make();
  }
  if (!message) {
    co_return co_await refuse(fatal(wire::sqlstate::kInvalidAuthorization,
                                    "metadb could not log in to its own database"));
  }
  const bool is_written = co_await legs_.upstream.write(*message);
  OPENSSL_cleanse(message->data(), message->size());
  co_return is_written ? Step::go_on : Step::end;
}

// nullopt: a method that we do not know, or a server that does not know the password.
std::optional<std::string> Login::answer_of_ours(uint32_t method, std::string_view data) {
  std::string out;
  switch (method) {
    case kCleartextPassword:
      if (!rules_.password) return std::nullopt;
      wire::append_password(out, *rules_.password);
      return out;
    case kMd5Password:
      if (!rules_.password) return std::nullopt;
      wire::append_password(out, md5_password(rules_.user, *rules_.password, data));
      return out;
    case kSasl:
      if (!scram_) {
        scram_ = std::make_unique<ScramClient>(*rules_.password, end_point_of(legs_.upstream));
      }
      if (!scram_->choose(names_in(data))) return std::nullopt;
      wire::append_sasl_initial_response(out, scram_->mechanism(), scram_->first_message());
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
