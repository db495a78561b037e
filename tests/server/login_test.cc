#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/server/front_end_fixture.h"
#include "tests/server/kept_log.h"
#include "tests/server/raw_client.h"

namespace metadb::tests {
namespace {

class Login : public FrontEndTest {
 protected:
  // A role of this test that PostgreSQL asks for a password in the named way.
  std::string role(const std::string& method, const std::string& attributes = "") {
    const std::string name = "r_" + database.name();
    auto admin = database.connect();
    if (method == "md5") admin.exec("SET password_encryption = md5");
    admin.exec("CREATE ROLE " + name + " LOGIN PASSWORD 'secret' IN ROLE \"asks_" + method + "\" " +
               attributes);
    role_ = name;
    return name;
  }
  void TearDown() override {
    front_end.reset();
    if (!role_.empty()) database.connect().exec("DROP ROLE " + role_);
  }
  std::string startup() const {
    return startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                         with_zero("database") + with_zero(database.name()));
  }

 private:
  std::string role_;
};

class LoginMethod : public Login, public testing::WithParamInterface<const char*> {};

TEST_P(LoginMethod, ChallengeIsRelayed) {
  const KeptLog log(spdlog::level::debug);
  options.policy.accept_backend_trust = false;
  start();
  const std::string user = role(GetParam());
  const auto good = open(conninfo("user=" + user + " password=secret"));
  EXPECT_EQ(PQstatus(good.get()), CONNECTION_OK) << PQerrorMessage(good.get());
  EXPECT_EQ(value(query(good, "SELECT current_user")), user);
  const auto bad = open(conninfo("user=" + user + " password=wrong"));
  EXPECT_NE(std::string(PQerrorMessage(bad.get())).find("password authentication failed"),
            std::string::npos);
  const auto none = open(conninfo("user=" + user));
  EXPECT_NE(std::string(PQerrorMessage(none.get())).find("no password supplied"),
            std::string::npos);
  front_end.reset();
  EXPECT_EQ(log.text().find("secret"), std::string::npos) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Methods, LoginMethod, testing::Values("scram-sha-256", "md5", "password"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(Login, BackendThatAsksNothingProvesNothing) {
  options.policy.accept_backend_trust = false;
  start();
  const auto refused = open(conninfo());
  EXPECT_EQ(PQstatus(refused.get()), CONNECTION_BAD);
  const std::string message = PQerrorMessage(refused.get());
  EXPECT_NE(message.find("proves nothing"), std::string::npos) << message;
  EXPECT_NE(message.find("accept_backend_trust"), std::string::npos) << message;
  const RawClient raw(front_end->port());
  raw.send(startup());
  EXPECT_EQ(server::wire::error_field(raw.read_message().payload, 'C'), "28000");
  EXPECT_EQ(raw.read_to_end(), "");
}

TEST_F(Login, OwnerEntersThroughTheSocketWithoutAPassword) {
  const std::string boss = role("scram-sha-256", "SUPERUSER");
  char directory[] = "/tmp/metadb-front.XXXXXX";
  ASSERT_TRUE(::mkdtemp(directory));
  options.policy.accept_backend_trust = false;
  options.socket_directory = directory;
  options.session.peer = server::EmbeddedPeer{::getuid(), boss, [] { return "secret"; }};
  start();
  const std::string over_socket = std::string("host=") + directory +
                                  " port=" + std::to_string(front_end->port()) +
                                  " dbname=" + database.name();
  const auto entered = open(over_socket + " user=" + boss);
  EXPECT_EQ(PQstatus(entered.get()), CONNECTION_OK) << PQerrorMessage(entered.get());
  EXPECT_EQ(value(query(entered, "SELECT current_user")), boss);
  const auto another = open(over_socket + " user=postgres");
  EXPECT_EQ(PQstatus(another.get()), CONNECTION_BAD);
  const auto over_tcp = open(conninfo("user=" + boss));
  EXPECT_EQ(PQstatus(over_tcp.get()), CONNECTION_BAD);
  front_end->stop(std::chrono::seconds(5));
  EXPECT_EQ(::rmdir(directory), 0);  // the socket file is gone
}

TEST_F(Login, BackendsOwnRefusalIsPassedBack) {
  start();
  const auto refused = open(address() + " dbname=no_such_database user=postgres");
  EXPECT_NE(std::string(PQerrorMessage(refused.get())).find("\"no_such_database\" does not exist"),
            std::string::npos);
}

TEST_F(Login, AnyStartupParameterReachesTheBackend) {
  start();
  const auto connection = connect("user=postgres application_name=x options='-c work_mem=77kB'");
  EXPECT_EQ(value(query(connection, "SHOW work_mem")), "77kB");
  EXPECT_EQ(value(query(connection, "SHOW application_name")), "x");
  EXPECT_EQ(PQbackendPID(connection.get()),
            std::stoi(value(query(connection, "SELECT pg_backend_pid()"))));
}

TEST_F(Login, UnreachableBackendIsNamed) {
  options.upstream.hosts = {{"/nonexistent", 5432}};
  start();
  const RawClient raw(front_end->port());
  raw.send(startup());
  const auto message = raw.read_message();
  EXPECT_EQ(message.type, 'E');
  EXPECT_EQ(server::wire::error_field(message.payload, 'C'), "57P03");
  EXPECT_EQ(server::wire::error_field(message.payload, 'V'), "FATAL");
}

TEST_F(Login, ConnectionsBeyondTheLimitAreRefused) {
  options.policy.connections_max = 1;
  start();
  const auto first = connect();
  const RawClient second(front_end->port());
  second.send(startup());
  EXPECT_EQ(server::wire::error_field(second.read_message().payload, 'C'), "53300");
}

TEST_F(Login, LastPlacesAreForSuperusers) {
  options.policy.connections_max = 2;
  options.policy.connections_reserved = 1;
  start();
  const std::string user = role("scram-sha-256");
  const std::string somebody = "user=" + user + " password=secret";
  const auto first = connect(somebody);
  const auto second = open(conninfo(somebody));
  EXPECT_NE(std::string(PQerrorMessage(second.get())).find("reserved for superusers"),
            std::string::npos)
      << PQerrorMessage(second.get());
  const auto boss = connect();
  EXPECT_EQ(value(query(boss, "SELECT 1")), "1");
  const auto third = open(conninfo());
  EXPECT_NE(std::string(PQerrorMessage(third.get())).find("too many clients"), std::string::npos);
}

TEST_F(Login, AllowListComesBeforePostgres) {
  options.policy.allow.emplace_back("host " + database.name() + " all 127.0.0.1 allow");
  start();
  const auto allowed = connect();
  EXPECT_EQ(value(query(allowed, "SELECT 1")), "1");
  const auto refused = open(address() + " dbname=postgres user=postgres");
  const std::string message = PQerrorMessage(refused.get());
  EXPECT_NE(message.find("the server's allow list rejects connection for host \"127.0.0.1\", user "
                         "\"postgres\", database \"postgres\", no encryption"),
            std::string::npos)
      << message;
  server::SessionPolicy policy = options.policy;
  policy.allow.clear();
  front_end->choose_policy(policy);
  EXPECT_EQ(PQstatus(open(address() + " dbname=postgres user=postgres").get()), CONNECTION_OK);
}

TEST_F(Login, IdleSessionsAreEnded) {
  options.policy.idle_timeout = std::chrono::milliseconds(300);
  start();
  const RawClient idle(front_end->port());
  idle.send(startup());
  EXPECT_EQ(idle.read_until_ready(), "RSKZI");
  const auto last = idle.read_message();
  EXPECT_EQ(last.type, 'E');
  EXPECT_EQ(server::wire::error_field(last.payload, 'C'), "57P05");
  EXPECT_EQ(idle.read_to_end(), "");
  // Neither one that works nor one that has a transaction open is idle.
  const RawClient working(front_end->port());
  working.send(startup());
  EXPECT_EQ(working.read_until_ready(), "RSKZI");
  working.send(frame('Q', with_zero("BEGIN; SELECT pg_sleep(1)")));
  EXPECT_EQ(working.read_until_ready(), "CTDCZT");
  working.send(frame('Q', with_zero("SELECT pg_sleep(1); COMMIT")));
  EXPECT_EQ(working.read_until_ready(), "TDCCZI");
}

TEST_F(Login, EncryptionRequestsAreAnsweredOnceEachInAnyOrder) {
  start();
  const std::string ssl = be32(8) + be32(server::wire::kSslRequestCode);
  const std::string gss = be32(8) + be32(server::wire::kGssEncRequestCode);
  for (const std::string& order : {ssl + gss, gss + ssl, ssl, gss, std::string()}) {
    const RawClient raw(front_end->port());
    for (size_t at = 0; at < order.size(); at += 8) {
      raw.send(order.substr(at, 8));
      EXPECT_EQ(raw.read(1), "N");
    }
    raw.send(startup());
    EXPECT_EQ(raw.read_until_ready(), "RSKZI");
  }
  const RawClient twice(front_end->port());
  twice.send(ssl + ssl);
  EXPECT_EQ(twice.read(1), "N");
  const auto refused = twice.read_message();
  EXPECT_EQ(server::wire::error_field(refused.payload, 'V'), "FATAL");
  EXPECT_EQ(server::wire::error_field(refused.payload, 'C'), "0A000");
  EXPECT_EQ(server::wire::error_field(refused.payload, 'M'),
            "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2");
}

TEST_F(Login, ThoseWhoNeverSayWhoTheyAreAreCounted) {
  const KeptLog log;
  options.policy.connections_max = 1;
  options.policy.connections_reserved = 0;
  start();
  std::vector<std::unique_ptr<RawClient>> mute;
  constexpr int kPlaces = 101;
  for (int i = 0; i < kPlaces; ++i) {
    mute.push_back(std::make_unique<RawClient>(front_end->port()));
  }
  // Some more come in before those are counted.
  const auto is_full = [&] {
    mute.push_back(std::make_unique<RawClient>(front_end->port()));
    return mute.back()->is_readable_within(std::chrono::milliseconds(100));
  };
  ASSERT_TRUE(eventually(is_full));
  for (int i = 0; i < 3; ++i) {
    const RawClient turned_away(front_end->port());
    const auto told = turned_away.read_message();
    EXPECT_EQ(told.type, 'E');
    EXPECT_EQ(server::wire::error_field(told.payload, 'C'), "53300");
    EXPECT_EQ(turned_away.read_to_end(), "");
  }
  EXPECT_TRUE(
      log.says("warning too many connections: 1 were turned away; there are "
               "max_connections = 1 and 100 more"));
  EXPECT_EQ(log.text().find("too many", log.text().find("too many") + 1), std::string::npos);
  mute.clear();
  EXPECT_TRUE(eventually([&] { return PQstatus(open(conninfo()).get()) == CONNECTION_OK; }));
  front_end.reset();
}

TEST_F(Login, EndsAreLoggedWhenAskedFor) {
  const KeptLog log;
  for (const bool is_asked : {false, true}) {
    options.policy.are_ends_logged = is_asked;
    start();
    const RawClient client(front_end->port());
    client.send(startup());
    EXPECT_EQ(client.read_until_ready(), "RSKZI");
    client.send(frame('X', ""));
    EXPECT_EQ(client.read_to_end(), "");
    front_end.reset();
    const std::string line =
        " as \"postgres\" to database \"" + database.name() + "\" ended after ";
    EXPECT_EQ(log.text().find(line) != std::string::npos, is_asked) << log.text();
  }
}

TEST_F(Login, NewerProtocolsAreNegotiatedByTheBackend) {
  start();
  const RawClient raw(front_end->port());
  raw.send(startup_packet(0x00030000 + 9999, with_zero("user") + with_zero("postgres") +
                                                 with_zero("_pq_.grease") + with_zero("1")));
  const auto message = raw.read_message();
  EXPECT_EQ(message.type, 'v');
  EXPECT_NE(message.payload.find("_pq_.grease"), std::string::npos);
  EXPECT_EQ(raw.read_until_ready(), "RSKZI");
}

TEST_F(Login, StartupComesByteByByte) {
  start();
  const RawClient raw(front_end->port());
  for (const char byte : startup()) raw.send(std::string(1, byte));
  EXPECT_EQ(raw.read_until_ready(), "RSKZI");
  for (const char byte : frame('Q', with_zero("list status"))) raw.send(std::string(1, byte));
  EXPECT_EQ(raw.read_until_ready(), "TDCZI");
}

TEST_F(Login, GarbageIsClosedWithoutHarm) {
  start();
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\n\r\n"), be32(10'001) + be32(kVersion3), be32(7) + "abc",
        be32(8) + be32(0x00020000), startup_packet(kVersion3, "user"), std::string("\x16\3\1\0", 4),
        be32(16) + be32(server::wire::kCancelRequestCode) + be32(1) + "none", std::string("x")}) {
    const RawClient raw(front_end->port());
    raw.send(garbage);
    raw.send_end();
    const std::string answer = raw.read_to_end();
    EXPECT_TRUE(answer.empty() || answer[0] == 'E') << answer;
  }
  EXPECT_EQ(value(query(connect(), "SELECT 1")), "1");
}

TEST_F(Login, SlowOnesAreClosed) {
  options.policy.login_timeout = std::chrono::milliseconds(50);
  start();
  const RawClient raw(front_end->port());
  raw.send(startup().substr(0, 10));
  EXPECT_EQ(raw.read_to_end(), "");
}

TEST_F(Login, SlowOnesAreToldIfTheySpeakTheProtocol) {
  options.policy.login_timeout = std::chrono::milliseconds(200);
  options.policy.accept_backend_trust = false;
  start();
  const RawClient raw(front_end->port());
  raw.send(startup_packet(kVersion3, with_zero("user") + with_zero(role("scram-sha-256"))));
  EXPECT_EQ(raw.read_message().type, 'R');
  EXPECT_EQ(server::wire::error_field(raw.read_message().payload, 'C'), "57014");
  EXPECT_EQ(raw.read_to_end(), "");
}

}  // namespace
}  // namespace metadb::tests
