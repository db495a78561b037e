#include "ingest/schema_registry.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <exception>
#include <optional>

#include "ingest/debezium_base64.h"

namespace metadb::ingest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;
using catalog::Error;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

asio::ssl::context tls_context(const std::string& ca_file) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_peer);
  error_code error;
  if (ca_file.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.load_verify_file(ca_file, error);
  }
  if (!error) return context;
  throw Error("58P01", fmt::format("can't read the CA of the schema registry from \"{}\": {}",
                                   ca_file, error.message()));
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

http::request<http::empty_body> request_for(const RegistryOptions& options,
                                            const std::string& path) {
  constexpr unsigned kHttp11 = 11;
  http::request<http::empty_body> request(http::verb::get, options.url.path + path, kHttp11);
  request.set(http::field::host, bracketed(options.url.host) + ":" + options.url.port);
  request.set(http::field::user_agent, "metadb/" METADB_VERSION);
  request.set(http::field::accept, "application/vnd.schemaregistry.v1+json, application/json, */*");
  if (!options.user.empty()) {
    request.set(http::field::authorization,
                "Basic " + base64_encoded(options.user + ":" + options.password));
  }
  return request;
}

}  // namespace

// One connection, and the loop that drives it. After a failure it is of no use.
class SchemaRegistry::Connection {
 public:
  explicit Connection(const RegistryOptions& options) : options_(options) {
    if (!options_.url.is_https) {
      plain_.emplace(io_);
      return;
    }
    tls_.emplace(tls_context(options_.ca_file));
    secure_.emplace(io_, *tls_);
    secure_->set_verify_callback(asio::ssl::host_name_verification(options_.url.host));
    error_code error;
    asio::ip::make_address(options_.url.host, error);
    const bool is_name = error.failed();
    // What SSL_set_tlsext_host_name() does, with C++'s cast.
    if (is_name) {
      SSL_ctrl(secure_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               options_.url.host.data());
    }
  }

  // Throws system_error.
  RegistryAnswer get(const std::string& path, const std::stop_token& stop) {
    std::optional<RegistryAnswer> answer;
    std::exception_ptr failure;
    io_.restart();
    asio::co_spawn(io_, exchange(path),
                   [&](const std::exception_ptr& error, RegistryAnswer result) {
                     failure = error;
                     if (!error) answer = std::move(result);
                   });
    {
      const std::stop_callback ends(stop, [this] { io_.stop(); });
      io_.run_for(options_.timeout);
    }
    if (failure) std::rethrow_exception(failure);
    if (!answer) throw system_error(beast::error::timeout);
    return *std::move(answer);
  }

  // Whether a request has been answered on it: another may find it closed by the other side.
  [[nodiscard]] bool has_served() const { return has_served_; }

 private:
  asio::awaitable<RegistryAnswer> exchange(std::string path) {
    if (!has_connected_) co_await connect();
    if (secure_) co_return co_await ask(*secure_, path);
    co_return co_await ask(*plain_, path);
  }

  asio::awaitable<void> connect() {
    tcp::resolver resolver(io_);
    const auto endpoints =
        co_await resolver.async_resolve(options_.url.host, options_.url.port, asio::use_awaitable);
    PlainStream& stream = secure_ ? beast::get_lowest_layer(*secure_) : *plain_;
    co_await stream.async_connect(endpoints, asio::use_awaitable);
    if (secure_)
      co_await secure_->async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    has_connected_ = true;
  }

  template <typename Stream>
  asio::awaitable<RegistryAnswer> ask(Stream& stream, const std::string& path) {
    const auto request = request_for(options_, path);
    co_await http::async_write(stream, request, asio::use_awaitable);
    http::response_parser<http::string_body> parser;
    parser.body_limit(kBodyMax);
    co_await http::async_read(stream, buffer_, parser, asio::use_awaitable);
    has_served_ = parser.get().keep_alive();
    has_connected_ = has_served_;
    RegistryAnswer answer;
    answer.status = parser.get().result_int();
    answer.body = std::move(parser.get().body());
    co_return answer;
  }

  RegistryOptions options_;
  asio::io_context io_{1};
  std::optional<asio::ssl::context> tls_;
  std::optional<PlainStream> plain_;
  std::optional<TlsStream> secure_;
  beast::flat_buffer buffer_;
  bool has_connected_ = false;
  bool has_served_ = false;
};

SchemaRegistry::SchemaRegistry(RegistryOptions options, std::stop_token stop)
    : options_(std::move(options)), stop_(std::move(stop)) {
  if (options_.url.is_https) tls_context(options_.ca_file);
}

SchemaRegistry::~SchemaRegistry() = default;

std::string SchemaRegistry::shown(const std::string& path) const {
  const catalog::Url& url = options_.url;
  return fmt::format("{}://{}:{}{}{}", url.is_https ? "https" : "http", bracketed(url.host),
                     url.port, url.path, path);
}

RegistryAnswer SchemaRegistry::get(const std::string& path) {
  for (;;) {
    if (stop_.stop_requested()) throw Error("57P01", "the data source is being stopped");
    const bool may_be_stale = connection_ != nullptr && connection_->has_served();
    try {
      if (!may_be_stale) connection_ = std::make_unique<Connection>(options_);
      return connection_->get(path, stop_);
    } catch (const system_error& error) {
      connection_.reset();
      const bool is_timeout = error.code() == beast::error::timeout;
      if (may_be_stale && !is_timeout) continue;  // once: the next connection is a new one
      throw Error("08006", fmt::format("schema registry {}: {}", shown(path),
                                       is_timeout ? "no answer in time" : error.code().message()));
    }
  }
}

}  // namespace metadb::ingest
