// TLS on either leg, as clients meet it.
#include "server/tls.h"

#include <openssl/ssl.h>

#include <fstream>

#include "server/role_verifiers.h"
#include "tests/server/front_end_fixture.h"
#include "tests/server/raw_client.h"
#include "tests/server/test_certificate.h"
#include "tests/server/tls_client.h"

namespace metadb::tests {
namespace {

class ClientTls : public FrontEndTest {
 protected:
  ClientTls() {
    make_certificate(folder, "server", "localhost");
    options.policy.tls = server::client_tls(certificate());
  }
  [[nodiscard]] server::ClientTlsOptions certificate() const {
    return {folder.file("server.crt"), folder.file("server.key"), ""};
  }
  // Without sslmode.
  [[nodiscard]] std::string tls_conninfo(const std::string& more) const {
    return "host=localhost hostaddr=127.0.0.1 gssencmode=disable port=" +
           std::to_string(front_end->port()) + " dbname=" + database.name() + " user=postgres " +
           more;
  }
  PgConnection connect_tls(const std::string& more) const {
    PgConnection connection = open(tls_conninfo(more));
    EXPECT_EQ(PQstatus(connection.get()), CONNECTION_OK) << PQerrorMessage(connection.get());
    return connection;
  }
  [[nodiscard]] std::string startup() const {
    return startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                         with_zero("database") + with_zero(database.name()));
  }
  // The client's context of a driver that knows PostgreSQL's ALPN.
  [[nodiscard]] static server::wire::TlsContext driver() {
    return server::upstream_tls({server::SslMode::require, "", "", "", ""}).context;
  }

  TestFolder folder;
};

TEST_F(ClientTls, IsWhatClientsAskFor) {
  start();
  for (const char* mode : {"prefer", "require", "verify-ca", "verify-full"}) {
    const auto connection =
        connect_tls(std::string("sslmode=") + mode + " sslrootcert=" + folder.file("server.crt"));
    EXPECT_EQ(PQsslInUse(connection.get()), 1) << mode;
    EXPECT_EQ(value(query(connection, "SELECT 41 + 1")), "42");
  }
  const auto plain = connect_tls("sslmode=disable");
  EXPECT_EQ(PQsslInUse(plain.get()), 0);
  const std::string version = PQsslAttribute(connect_tls("sslmode=require").get(), "protocol");
  EXPECT_EQ(version, "TLSv1.3");
}

TEST_F(ClientTls, OldVersionsAreRefused) {
  start();
  const auto old =
      open(tls_conninfo("sslmode=require ssl_max_protocol_version=TLSv1.1 "
                        "ssl_min_protocol_version=TLSv1"));
  EXPECT_EQ(PQstatus(old.get()), CONNECTION_BAD);
  const auto good = connect_tls("sslmode=require ssl_max_protocol_version=TLSv1.2");
  EXPECT_EQ(std::string(PQsslAttribute(good.get(), "protocol")), "TLSv1.2");
}

TEST_F(ClientTls, CanBeDemanded) {
  options.policy.is_tls_required = true;
  char directory[] = "/tmp/metadb-front.XXXXXX";
  ASSERT_TRUE(::mkdtemp(directory));
  options.socket_directory = directory;
  start();
  const auto plain = open(tls_conninfo("sslmode=disable"));
  EXPECT_NE(std::string(PQerrorMessage(plain.get())).find("sslmode=require"), std::string::npos);
  connect_tls("sslmode=require");
  const auto local = open(std::string("host=") + directory + " sslmode=prefer user=postgres port=" +
                          std::to_string(front_end->port()) + " dbname=" + database.name());
  EXPECT_EQ(PQstatus(local.get()), CONNECTION_OK) << PQerrorMessage(local.get());
  EXPECT_EQ(PQsslInUse(local.get()), 0) << "as PostgreSQL: no TLS over a Unix socket";
  front_end.reset();
  EXPECT_EQ(::rmdir(directory), 0);
}

TEST_F(ClientTls, CanDemandACertificate) {
  make_certificate(folder, "client", "someone");
  make_certificate(folder, "stranger", "stranger");
  server::ClientTlsOptions asking = certificate();
  asking.client_ca = folder.file("client.crt");
  options.policy.tls = server::client_tls(asking);
  start();
  const auto shows = [&](const std::string& name) {
    return " sslmode=require sslcert=" + folder.file(name + ".crt") +
           " sslkey=" + folder.file(name + ".key");
  };
  connect_tls(shows("client"));
  EXPECT_EQ(PQstatus(open(tls_conninfo(shows("stranger"))).get()), CONNECTION_BAD);
  EXPECT_EQ(PQstatus(open(tls_conninfo("sslmode=require sslcert=/nonexistent")).get()),
            CONNECTION_BAD);
}

TEST_F(ClientTls, MayBeginAtOnceIfItNamesPostgres) {
  start();
  TlsClient client(front_end->port());
  ASSERT_EQ(client.start_tls(driver()), std::nullopt);
  EXPECT_EQ(client.tls()->alpn(), "postgresql");
  client.send(startup());
  EXPECT_EQ(client.read(1), "R");
  // A browser, say.
  const server::wire::TlsContext mute(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  TlsClient stranger(front_end->port());
  static_cast<void>(stranger.start_tls(mute));
  stranger.send(startup());
  EXPECT_EQ(stranger.read(1), "");
  const unsigned char http[] = "\x08http/1.1";
  const server::wire::TlsContext browser(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  SSL_CTX_set_alpn_protos(browser.get(), http, sizeof http - 1);
  TlsClient other(front_end->port());
  EXPECT_NE(other.start_tls(browser), std::nullopt);
}

TEST_F(ClientTls, IsAnsweredInAnyOrder) {
  start();
  const std::string ssl = be32(8) + be32(server::wire::kSslRequestCode);
  const std::string gss = be32(8) + be32(server::wire::kGssEncRequestCode);
  for (const bool is_gss_first : {true, false}) {
    TlsClient client(front_end->port());
    if (is_gss_first) {
      client.send(gss);
      EXPECT_EQ(client.read(1), "N");
    }
    client.send(ssl);
    ASSERT_EQ(client.read(1), "S");
    ASSERT_EQ(client.start_tls(driver()), std::nullopt);
    client.send(startup());
    EXPECT_EQ(client.read(1), "R");
  }
}

// CVE-2021-23222: what comes in the clear behind the request must not count as encrypted.
TEST_F(ClientTls, NothingIsSmuggledInBeforeIt) {
  start();
  const RawClient raw(front_end->port());
  raw.send(be32(8) + be32(server::wire::kSslRequestCode) + startup());
  const std::string answer = raw.read_to_end();
  EXPECT_EQ(answer.substr(0, 1), "S");
  EXPECT_EQ(answer.find("postgres"), std::string::npos);
  EXPECT_LT(answer.size(), 100U) << "an alert at most";
}

// Behind an SSLRequest, as libpq 17 sends it, or from the first byte on.
class EncryptedCancel : public ClientTls, public testing::WithParamInterface<bool> {};

TEST_P(EncryptedCancel, IsServed) {
  start();
  const auto connection = connect_tls("sslmode=require");
  const RawClient key_of(front_end->port());
  key_of.send(startup());
  std::string key;
  for (auto message = key_of.read_message(); message.type != 'Z'; message = key_of.read_message()) {
    ASSERT_NE(message.type, '\0');
    if (message.type == 'K') key = message.payload;
  }
  key_of.send(frame('Q', with_zero("SELECT pg_sleep(30)")));
  auto admin = database.connect();
  server::wire::PayloadReader reader(key);
  const std::string pid = std::to_string(reader.uint32());
  const auto runs = [&] {
    return admin
               .exec("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid +
                     " AND state = 'active' AND query LIKE '%pg_sleep%'")
               .int64(0, 0) == 1;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!runs() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  TlsClient canceller(front_end->port());
  if (GetParam()) {
    canceller.send(be32(8) + be32(server::wire::kSslRequestCode));
    ASSERT_EQ(canceller.read(1), "S");
  }
  ASSERT_EQ(canceller.start_tls(driver()), std::nullopt);
  canceller.send(be32(static_cast<uint32_t>(8 + key.size())) +
                 be32(server::wire::kCancelRequestCode) + key);
  EXPECT_EQ(canceller.read(1), "");
  auto answer = key_of.read_message();
  if (answer.type == 'T') answer = key_of.read_message();
  EXPECT_EQ(answer.type, 'E');
  EXPECT_EQ(server::wire::error_field(answer.payload, 'C'), "57014");
}

INSTANTIATE_TEST_SUITE_P(Ways, EncryptedCancel, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Asked" : "Direct"; });

TEST_F(ClientTls, CarriesAnything) {
  start();
  const auto connection = connect_tls("sslmode=require");
  const auto big = query(connection,
                         "SELECT string_agg(md5(i::text), '') FROM generate_series(1, "
                         "300000) i");
  EXPECT_EQ(PQgetlength(big.get(), 0, 0), 300'000 * 32);
  query(connection, "CREATE TEMP TABLE t (v text)");
  EXPECT_EQ(PQresultStatus(query(connection, "COPY t FROM STDIN").get()), PGRES_COPY_IN);
  const std::string line(100'000, 'x');
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(PQputCopyData(connection.get(), (line + "\n").c_str(), 100'001), 1);
  }
  ASSERT_EQ(PQputCopyEnd(connection.get(), nullptr), 1);
  EXPECT_EQ(PQresultStatus(result(PQgetResult(connection.get())).get()), PGRES_COMMAND_OK);
  EXPECT_EQ(PQgetResult(connection.get()), nullptr);
  EXPECT_EQ(value(query(connection, "SELECT sum(length(v)) FROM t")), "10000000");
  EXPECT_EQ(value(query(connection, "list status")), "first");
}

TEST_F(ClientTls, NewCertificateIsForNewConnections) {
  start();
  const auto before = connect_tls("sslmode=verify-ca sslrootcert=" + folder.file("server.crt"));
  make_certificate(folder, "next", "localhost");
  server::SessionPolicy policy = options.policy;
  policy.tls = server::client_tls({folder.file("next.crt"), folder.file("next.key"), ""});
  front_end->choose_policy(policy);
  connect_tls("sslmode=verify-ca sslrootcert=" + folder.file("next.crt"));
  EXPECT_EQ(value(query(before, "SELECT 1")), "1");
}

TEST_F(ClientTls, WhatIsWrongWithAFileIsSaid) {
  std::ofstream(folder.file("garbage.pem")) << "no PEM";
  make_certificate(folder, "other", "other");
  for (const auto& [crt, key, ca, named] :
       {std::array<const char*, 4>{"missing.crt", "server.key", "", "missing.crt"},
        {"garbage.pem", "server.key", "", "garbage.pem"},
        {"server.crt", "missing.key", "", "missing.key"},
        {"server.crt", "other.key", "", "other.key"},
        {"server.crt", "server.key", "missing.ca", "missing.ca"}}) {
    try {
      static_cast<void>(server::client_tls(
          {folder.file(crt), folder.file(key), *ca == '\0' ? "" : folder.file(ca)}));
      ADD_FAILURE() << named;
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate, "F0000");
      EXPECT_NE(error.message().find(named), std::string::npos) << error.message();
    }
  }
}

// The leg to PostgreSQL is TLS; that to the client as well, unless a test says otherwise.
class UpstreamTls : public ClientTls {
 protected:
  UpstreamTls() {
    options.policy.accept_backend_trust = false;
    options.upstream.hosts = {{"127.0.0.1", server_port(), "localhost"}};
    use_mode(server::SslMode::require);
    auto verifiers = std::make_shared<server::RoleVerifiers>(server_conninfo(), "test");
    options.session.verifiers = [verifiers](const std::string& user) {
      return std::variant<server::ScramVerifier, catalog::Error>(verifiers->find(user));
    };
  }
  void TearDown() override {
    front_end.reset();
    for (const std::string& name : roles) database.connect().exec("DROP ROLE " + name);
  }
  void use_mode(server::SslMode mode, const std::string& root = "") {
    options.upstream.tls = server::upstream_tls({mode, root, "", "", ""});
  }
  std::string role(const std::string& method, const std::string& attributes = "") {
    const std::string name = "r" + std::to_string(roles.size()) + "_" + database.name();
    auto admin = database.connect();
    if (method == "md5") admin.exec("SET password_encryption = md5");
    admin.exec("CREATE ROLE " + name + " LOGIN PASSWORD 'secret' IN ROLE \"asks_" + method + "\" " +
               attributes);
    roles.push_back(name);
    return name;
  }
  static std::string as(const std::string& user, const std::string& password = "secret") {
    return " user=" + user + " password=" + password;
  }
  static std::string refusal(const PgConnection& connection) {
    EXPECT_EQ(PQstatus(connection.get()), CONNECTION_BAD);
    return PQerrorMessage(connection.get());
  }

  std::vector<std::string> roles;
};

TEST_F(UpstreamTls, ScramIsProvedHereAndThere) {
  start();
  const std::string user = role("scram-sha-256");
  for (const char* binding : {"disable", "prefer", "require"}) {
    const auto connection =
        connect_tls("sslmode=require channel_binding=" + std::string(binding) + as(user));
    EXPECT_EQ(value(query(connection,
                          "SELECT current_user || ssl FROM pg_stat_ssl WHERE pid = "
                          "pg_backend_pid()")),
              user + "true")
        << binding;
  }
  const auto plain = connect_tls("sslmode=disable" + as(user));
  EXPECT_EQ(value(query(plain, "SELECT current_user")), user);
  const std::string wrong = refusal(open(tls_conninfo("sslmode=require" + as(user, "wrong"))));
  EXPECT_NE(wrong.find("password authentication failed for user \"" + user), std::string::npos);
}

TEST_F(UpstreamTls, ExpiredPasswordIsNone) {
  start();
  const std::string expired = role("scram-sha-256", "VALID UNTIL '2001-01-01'");
  const std::string message = refusal(open(tls_conninfo("sslmode=require" + as(expired))));
  EXPECT_NE(message.find("password authentication failed"), std::string::npos) << message;
}

// Nobody learns who exists: the same salt each time, after a restart too, and what others have.
TEST_F(UpstreamTls, StrangersHaveAMock) {
  server::RoleVerifiers verifiers(server_conninfo(), "test");
  const std::string stranger = "nobody_" + database.name();
  const auto mock = verifiers.find(stranger);
  EXPECT_TRUE(mock.is_mock);
  EXPECT_EQ(mock.salt, verifiers.find(stranger).salt);
  EXPECT_EQ(mock.salt, server::RoleVerifiers(server_conninfo(), "test").find(stranger).salt);
  EXPECT_NE(mock.salt, verifiers.find("another_" + database.name()).salt);
  EXPECT_TRUE(verifiers.find(role("md5")).is_mock);
  const auto real = verifiers.find(role("scram-sha-256"));
  EXPECT_FALSE(real.is_mock);
  EXPECT_EQ(mock.salt.size(), real.salt.size());
  EXPECT_EQ(mock.iterations, real.iterations);
}

TEST_F(UpstreamTls, OneWhoLocksTheRolesHoldsUpALoginForSomeTimeOnly) {
  server::RoleVerifiers verifiers(server_conninfo(), "test", std::chrono::milliseconds(50));
  const std::string user = role("scram-sha-256");
  EXPECT_FALSE(verifiers.find(user).is_mock);
  auto admin = database.connect();
  {
    const catalog::Transaction holding(admin);
    admin.exec("LOCK TABLE pg_catalog.pg_authid IN ACCESS EXCLUSIVE MODE");
    try {
      static_cast<void>(verifiers.find(user));
      ADD_FAILURE() << "found";
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate, "57014");
    }
  }
  EXPECT_FALSE(verifiers.find(user).is_mock);
}

TEST_F(UpstreamTls, OtherMethodsAreRelayed) {
  start();
  for (const char* method : {"md5", "password"}) {
    const std::string user = role(method);
    connect_tls("sslmode=require" + as(user));
    refusal(open(tls_conninfo("sslmode=require" + as(user, "wrong"))));
  }
  const std::string nothing = refusal(open(tls_conninfo("sslmode=require")));
  EXPECT_NE(nothing.find("proves nothing"), std::string::npos) << nothing;
}

TEST_F(UpstreamTls, PasswordIsAskedForWhereVerifiersCannotBeRead) {
  options.session.verifiers = [](const std::string&) {
    return std::variant<server::ScramVerifier, catalog::Error>(
        catalog::Error("42501", "permission denied for table pg_authid"));
  };
  start();
  const std::string user = role("scram-sha-256");
  const auto connection = connect_tls("sslmode=require" + as(user));
  EXPECT_EQ(value(query(connection, "SELECT current_user")), user);
  const std::string wrong = refusal(open(tls_conninfo("sslmode=require" + as(user, "wrong"))));
  EXPECT_NE(wrong.find("password authentication failed"), std::string::npos) << wrong;
  const std::string plain = refusal(open(tls_conninfo("sslmode=disable" + as(user))));
  EXPECT_NE(plain.find("sslmode=require"), std::string::npos) << plain;
}

// PostgreSQL has prepared the password before it made the verifier.
TEST_F(UpstreamTls, PasswordOutsideAsciiIsPrepared) {
  options.session.verifiers = nullptr;
  start();
  const std::string user = role("scram-sha-256");
  database.connect().exec("ALTER ROLE " + user + " PASSWORD U&'caf\\00E9 \\2168'");
  for (const char* password : {"caf\xC3\xA9 IX", "cafe\xCC\x81 \xE2\x85\xA8"}) {
    const auto connection =
        connect_tls("sslmode=require" + as(user, "'" + std::string(password) + "'"));
    EXPECT_EQ(value(query(connection, "SELECT current_user")), user);
  }
}

TEST_F(UpstreamTls, DatabaseThatCannotBeAskedIsNamed) {
  options.session.verifiers = [](const std::string&) {
    return std::variant<server::ScramVerifier, catalog::Error>(
        catalog::Error("08001", "nobody is there"));
  };
  start();
  const std::string user = role("scram-sha-256");
  const std::string message = refusal(open(tls_conninfo("sslmode=require" + as(user))));
  EXPECT_NE(message.find("nobody is there"), std::string::npos) << message;
}

TEST_F(UpstreamTls, IsTakenWherePostgresWillHaveItNoOtherWay) {
  use_mode(server::SslMode::allow);
  start();
  const std::string user = role("scram-sha-256");
  database.connect().exec("GRANT asks_tls TO " + user);
  const auto secured = connect_tls("sslmode=disable" + as(user));
  EXPECT_EQ(value(query(secured, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")), "t");
  const std::string other = role("scram-sha-256");
  const auto plain = connect_tls("sslmode=disable" + as(other));
  EXPECT_EQ(value(query(plain, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")), "f");
  use_mode(server::SslMode::disable);
  front_end->choose_upstream(options.upstream);
  const std::string refused = refusal(open(tls_conninfo("sslmode=disable" + as(user))));
  EXPECT_NE(refused.find("pg_hba.conf rejects"), std::string::npos) << refused;
}

TEST_F(UpstreamTls, CertificateIsVerifiedAsAskedFor) {
  const std::string root = METADB_BINARY_DIR "/test-postgres/server.crt";
  use_mode(server::SslMode::verify_full, root);
  start();
  const std::string user = role("scram-sha-256");
  connect_tls("sslmode=require" + as(user));
  options.upstream.hosts[0].name = "db.example.org";
  front_end->choose_upstream(options.upstream);
  const std::string mismatch = refusal(open(tls_conninfo("sslmode=require" + as(user))));
  EXPECT_NE(mismatch.find("hostname mismatch"), std::string::npos) << mismatch;
  use_mode(server::SslMode::verify_ca, folder.file("server.crt"));
  front_end->choose_upstream(options.upstream);
  const std::string unknown = refusal(open(tls_conninfo("sslmode=require" + as(user))));
  EXPECT_NE(unknown.find("no TLS with the backing database"), std::string::npos) << unknown;
  EXPECT_THROW(
      static_cast<void>(server::upstream_tls({server::SslMode::verify_ca, "", "", "", ""})),
      catalog::Error);
}

TEST_F(UpstreamTls, QueriesAreCancelledOverIt) {
  start();
  const std::string user = role("scram-sha-256");
  const auto connection = connect_tls("sslmode=require" + as(user));
  ASSERT_EQ(PQsendQuery(connection.get(), "SELECT pg_sleep(30)"), 1);
  auto admin = database.connect();
  const std::string runs =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(30)' "
      "AND pid = " +
      std::to_string(PQbackendPID(connection.get()));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (admin.exec(runs).int64(0, 0) == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  const std::unique_ptr<PGcancel, void (*)(PGcancel*)> cancel(PQgetCancel(connection.get()),
                                                              &PQfreeCancel);
  std::array<char, 256> reason{};
  ASSERT_EQ(PQcancel(cancel.get(), reason.data(), reason.size()), 1) << reason.data();
  EXPECT_EQ(sqlstate(result(PQgetResult(connection.get()))), "57014");
}

}  // namespace
}  // namespace metadb::tests
