// An HTTP server that answers as a test says.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace metadb::tests {

struct HttpRequest {
  std::string target;
  std::string authorization;
};

struct HttpReply {
  enum class Way { answer, bytes, hang, close };

  unsigned status = 200;
  std::string body = {};
  Way way = Way::answer;  // bytes: the body alone, as it stands, and the connection is closed
  bool keeps_alive = true;
};

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

// A thread for each connection. The handler may be called by several at once.
class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  explicit HttpServer(Handler handler, const std::optional<CertificateFiles>& files = std::nullopt)
      : handler_(std::move(handler)) {
    if (files) {
      tls_.emplace(boost::asio::ssl::context::tls_server);
      tls_->use_certificate_chain_file(files->certificate);
      tls_->use_private_key_file(files->key, boost::asio::ssl::context::pem);
    }
    accepting_ = std::thread([this] { accept(); });
  }
  ~HttpServer() {
    {
      const std::scoped_lock lock(mutex_);
      is_ending_ = true;
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    ended_.notify_all();
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    accepting_.join();
    for (std::thread& thread : serving_) thread.join();
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::string port() const {
    return std::to_string(acceptor_.local_endpoint().port());
  }
  [[nodiscard]] std::vector<HttpRequest> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  using Socket = boost::asio::ip::tcp::socket;

  void accept() {
    for (;;) {
      Socket socket(io_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      const std::scoped_lock lock(mutex_);
      if (error || is_ending_) return;
      ++connections_;
      const int handle = socket.native_handle();
      open_.push_back(handle);
      serving_.emplace_back([this, handle, taken = std::move(socket)]() mutable {
        serve(taken);
        const std::scoped_lock closing(mutex_);
        open_.remove(handle);
        taken.close();
      });
    }
  }

  void serve(Socket& socket) {
    boost::system::error_code error;
    if (!tls_) {
      while (answer(socket)) continue;
      return;
    }
    boost::asio::ssl::stream<Socket&> stream(socket, *tls_);
    stream.handshake(boost::asio::ssl::stream_base::server, error);
    while (!error && answer(stream)) continue;
  }

  // Whether the connection goes on.
  template <typename Stream>
  bool answer(Stream& stream) {
    namespace http = boost::beast::http;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    boost::system::error_code error;
    http::read(stream, buffer, request, error);
    if (error) return false;
    const HttpRequest asked{std::string(request.target()),
                            std::string(request[http::field::authorization])};
    {
      const std::scoped_lock lock(mutex_);
      requests_.push_back(asked);
    }
    const HttpReply reply = handler_(asked);
    if (reply.way == HttpReply::Way::close) return false;
    if (reply.way == HttpReply::Way::hang) {
      std::unique_lock lock(mutex_);
      ended_.wait(lock, [this] { return is_ending_; });
      return false;
    }
    if (reply.way == HttpReply::Way::bytes) {
      boost::asio::write(stream, boost::asio::buffer(reply.body), error);
      return false;
    }
    http::response<http::string_body> response(http::status(reply.status), 11, reply.body);
    response.keep_alive(reply.keeps_alive);
    response.prepare_payload();
    http::write(stream, response, error);
    return !error && reply.keeps_alive;
  }

  Handler handler_;
  boost::asio::io_context io_;
  std::optional<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_ending_ = false;
  std::vector<HttpRequest> requests_;
  std::list<int> open_;
  std::atomic<int> connections_ = 0;
  std::list<std::thread> serving_;
  std::thread accepting_;
};

}  // namespace metadb::tests
