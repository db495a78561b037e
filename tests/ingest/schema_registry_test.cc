// The HTTP client for a schema registry, against a server that misbehaves in every way.
#include "ingest/schema_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/fakes/eventually.h"
#include "tests/ingest/http_server.h"
#include "tests/server/test_certificate.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using ingest::RegistryAnswer;
using ingest::RegistryOptions;
using ingest::SchemaRegistry;
using std::chrono::milliseconds;
using testing::HasSubstr;

RegistryOptions options_for(const HttpServer& server,
                            const std::string& before = "http://127.0.0.1:",
                            const std::string& path = "/base") {
  RegistryOptions options;
  options.url = *catalog::parse_url(before + server.port() + path);
  options.timeout = milliseconds(10'000);
  return options;
}

std::string failure_of(SchemaRegistry& registry, const std::string& path = "/x") {
  try {
    return "answered with " + std::to_string(registry.get(path).status);
  } catch (const Error& error) {
    return error.sqlstate + " " + error.message();
  }
}

HttpReply hello(const HttpRequest&) {
  return {.body = "hello"};
}

TEST(SchemaRegistry, KeepsOneConnectionAlive) {
  HttpServer server(hello);
  SchemaRegistry registry(options_for(server), {});
  for (int i = 0; i < 3; ++i) {
    const RegistryAnswer answer = registry.get("/schemas/ids/" + std::to_string(i));
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body, "hello");
  }
  EXPECT_EQ(server.connections(), 1);
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.requests()[2].target, "/base/schemas/ids/2");
  EXPECT_EQ(server.requests()[2].authorization, "");
}

TEST(SchemaRegistry, ConnectsAgainWhereTheServerHasClosed) {
  HttpServer closing(
      [](const HttpRequest&) { return HttpReply{.body = "x", .keeps_alive = false}; });
  SchemaRegistry registry(options_for(closing), {});
  EXPECT_EQ(registry.get("/1").body, "x");
  EXPECT_EQ(registry.get("/2").body, "x");
  EXPECT_EQ(closing.connections(), 2);
  // A server that says it keeps the connection, and does not.
  std::atomic<int> count = 0;
  HttpServer lying([&](const HttpRequest&) {
    const bool is_second = ++count == 2;
    return HttpReply{.body = "x",
                     .way = is_second ? HttpReply::Way::close : HttpReply::Way::answer};
  });
  SchemaRegistry other(options_for(lying), {});
  EXPECT_EQ(other.get("/1").body, "x");
  EXPECT_EQ(other.get("/2").body, "x");
  EXPECT_EQ(lying.requests().size(), 3U);
}

TEST(SchemaRegistry, SendsUserAndPassword) {
  HttpServer server(hello);
  RegistryOptions options = options_for(server);
  options.user = "Aladdin";
  options.password = "open sesame";
  SchemaRegistry registry(options, {});
  registry.get("/x");
  EXPECT_EQ(server.requests().at(0).authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST(SchemaRegistry, PassesEveryStatusOnAndFollowsNoRedirect) {
  HttpServer server([](const HttpRequest& request) {
    return HttpReply{.status = static_cast<unsigned>(std::stoi(request.target.substr(6))),
                     .body = "text"};
  });
  SchemaRegistry registry(options_for(server), {});
  for (const unsigned status : {200U, 302U, 401U, 404U, 500U, 503U}) {
    const RegistryAnswer answer = registry.get("/" + std::to_string(status));
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, "text");
  }
  EXPECT_EQ(server.requests().size(), 6U);
}

TEST(SchemaRegistry, TellsWhatIsNoAnswer) {
  for (const auto& reply : {HttpReply{.body = "garbage\r\n\r\n", .way = HttpReply::Way::bytes},
                            HttpReply{.body = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                            .way = HttpReply::Way::bytes},
                            HttpReply{.body = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
                            .way = HttpReply::Way::bytes},
                            HttpReply{.way = HttpReply::Way::close}}) {
    HttpServer server([&](const HttpRequest&) { return reply; });
    SchemaRegistry registry(options_for(server, "http://u:secret@localhost:"), {});
    EXPECT_THAT(failure_of(registry),
                testing::StartsWith("08006 schema registry http://localhost:" + server.port() +
                                    "/base/x: "));
    EXPECT_EQ(server.requests().size(), 1U) << reply.body;
  }
}

TEST(SchemaRegistry, RefusesAnAnswerThatIsTooLarge) {
  HttpServer server(
      [](const HttpRequest&) { return HttpReply{.body = std::string((16U << 20) + 1, 'x')}; });
  SchemaRegistry registry(options_for(server), {});
  EXPECT_THAT(failure_of(registry), HasSubstr("body limit exceeded"));
}

TEST(SchemaRegistry, TellsWhereNobodyListens) {
  RegistryOptions options;
  {
    const HttpServer gone(hello);
    options = options_for(gone);
  }
  SchemaRegistry registry(options, {});
  EXPECT_THAT(failure_of(registry), HasSubstr("Connection refused"));
}

TEST(SchemaRegistry, WaitsNoLongerThanItsTime) {
  HttpServer server([](const HttpRequest&) { return HttpReply{.way = HttpReply::Way::hang}; });
  RegistryOptions options = options_for(server);
  options.timeout = milliseconds(50);
  SchemaRegistry registry(options, {});
  EXPECT_THAT(failure_of(registry), HasSubstr("no answer in time"));
  EXPECT_THAT(failure_of(registry), HasSubstr("no answer in time"));
  EXPECT_EQ(server.connections(), 2);
}

TEST(SchemaRegistry, EndsAtOnceWhenItIsStopped) {
  HttpServer server([](const HttpRequest&) { return HttpReply{.way = HttpReply::Way::hang}; });
  RegistryOptions options = options_for(server);
  options.timeout = milliseconds(600'000);
  std::stop_source stop;
  SchemaRegistry registry(options, stop.get_token());
  std::thread asking([&] { EXPECT_THAT(failure_of(registry), HasSubstr("08006")); });
  EXPECT_TRUE(eventually([&] { return !server.requests().empty(); }));
  stop.request_stop();
  asking.join();
  EXPECT_EQ(failure_of(registry), "57P01 the data source is being stopped");
}

class TlsRegistry : public testing::Test {
 protected:
  void SetUp() override {
    make_certificate(folder_, "server", "localhost");
    make_certificate(folder_, "other", "localhost");
  }
  [[nodiscard]] CertificateFiles files() const {
    return {folder_.file("server.crt"), folder_.file("server.key")};
  }

  TestFolder folder_;
};

TEST_F(TlsRegistry, TrustsItsCaAlone) {
  HttpServer server(hello, files());
  RegistryOptions options = options_for(server, "https://localhost:");
  options.ca_file = folder_.file("server.crt");
  SchemaRegistry registry(options, {});
  EXPECT_EQ(registry.get("/1").body, "hello");
  EXPECT_EQ(registry.get("/2").body, "hello");
  EXPECT_EQ(server.connections(), 1);
  options.ca_file = folder_.file("other.crt");
  SchemaRegistry other(options, {});
  EXPECT_THAT(failure_of(other), HasSubstr("certificate verify failed"));
  options.ca_file.clear();
  SchemaRegistry without(options, {});
  EXPECT_THAT(failure_of(without), HasSubstr("certificate verify failed"));
}

TEST_F(TlsRegistry, ChecksTheNameOfTheHost) {
  HttpServer server(hello, files());
  RegistryOptions options = options_for(server, "https://127.0.0.1:");
  options.ca_file = folder_.file("server.crt");
  SchemaRegistry registry(options, {});
  EXPECT_THAT(failure_of(registry), HasSubstr("certificate verify failed"));
}

TEST_F(TlsRegistry, SpeaksNoTlsToAPlainServer) {
  HttpServer server(hello);
  RegistryOptions options = options_for(server, "https://localhost:");
  options.ca_file = folder_.file("server.crt");
  SchemaRegistry registry(options, {});
  EXPECT_THAT(failure_of(registry), HasSubstr("08006"));
}

TEST_F(TlsRegistry, NamesTheFileThatIsNoCa) {
  RegistryOptions options;
  options.url = *catalog::parse_url("https://localhost");
  options.ca_file = folder_.file("nothing.crt");
  try {
    const SchemaRegistry registry(options, {});
    ADD_FAILURE() << "was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "58P01");
    EXPECT_THAT(error.message(), HasSubstr("nothing.crt"));
  }
}

}  // namespace
}  // namespace metadb::tests
