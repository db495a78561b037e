// Schemas by their ids, from registries of both kinds.
#include "ingest/registered_schemas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/ingest/http_server.h"

namespace metadb::tests {
namespace {

using ingest::RegistryOptions;
using ingest::SchemaId;
using ingest::SchemaMissing;
using ingest::SchemaRegistry;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Kind = SchemaId::Kind;

// What stands at each path; 404 elsewhere.
class RegisteredSchemas : public testing::Test {
 protected:
  std::string connect(const SchemaId& id) { return schemas_.schema(id)->connect_schema(); }
  std::string reason(const SchemaId& id) {
    try {
      return connect(id);
    } catch (const SchemaMissing& error) {
      return error.sqlstate + " " + error.message();
    }
  }
  HttpReply reply(const HttpRequest& request) {
    const std::scoped_lock lock(mutex_);
    const auto found = replies_.find(request.target);
    if (found != replies_.end()) return found->second;
    return {.status = 404, .body = R"({"error_code":40403,"message":"Schema not found"})"};
  }
  void put(const std::string& path, const HttpReply& reply) {
    const std::scoped_lock lock(mutex_);
    replies_[path] = reply;
  }
  std::unique_ptr<SchemaRegistry> client() {
    RegistryOptions options;
    options.url = *catalog::parse_url("http://user:secret@127.0.0.1:" + server_.port());
    return std::make_unique<SchemaRegistry>(options, std::stop_token());
  }

  std::mutex mutex_;
  std::map<std::string, HttpReply> replies_;
  HttpServer server_{[this](const HttpRequest& request) { return reply(request); }};
  ingest::RegisteredSchemas schemas_{client(), {std::chrono::hours(1), std::chrono::hours(1)}};
};

const std::string kInt = R"({"type":"int32","optional":false})";

TEST_F(RegisteredSchemas, AreAskedForOnce) {
  put("/schemas/ids/7", {.body = R"({"schema":"\"int\""})"});
  put("/schemas/guids/12121212-1212-1212-abab-abababababab",
      {.body = R"({"schema":"{\"type\":\"int\"}","schemaType":"AVRO"})"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(connect({Kind::id, 0, 7}), kInt);
    EXPECT_EQ(connect({Kind::guid, 0x1212121212121212, 0xabababababababab}), kInt);
  }
  EXPECT_EQ(server_.requests().size(), 2U);
}

TEST_F(RegisteredSchemas, AreForgottenOnlyWhenThereAreTooMany) {
  const auto count = static_cast<uint64_t>(ingest::RegisteredSchemas::kSchemasMax);
  for (uint64_t id = 1; id <= count + 1; ++id) {
    put("/schemas/ids/" + std::to_string(id), {.body = R"({"schema":"\"int\""})"});
    connect({Kind::id, 0, id});
    connect({Kind::id, 0, 1});
  }
  EXPECT_EQ(server_.requests().size(), count + 1);
  connect({Kind::id, 0, 2});
  EXPECT_EQ(server_.requests().size(), count + 2);
}

TEST_F(RegisteredSchemas, HoldWhatTheyReferTo) {
  put("/schemas/ids/1",
      {.body =
           R"({"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",)"
           R"(\"type\":\"n.A\"},{\"name\":\"b\",\"type\":\"n.B\"}]}","references":[)"
           R"({"name":"n.A","subject":"n/A b","version":1},{"name":"n.B","subject":"B","version":2}]})"});
  put("/subjects/n%2FA%20b/versions/1",
      {.body = R"({"subject":"A","version":1,"id":5,"schema":"{\"type\":\"record\",)"
               R"(\"name\":\"n.A\",\"fields\":[{\"name\":\"b\",\"type\":\"n.B\"}]}",)"
               R"("references":[{"name":"n.B","subject":"B","version":2}]})"});
  put("/subjects/B/versions/2",
      {.body = R"({"schema":"{\"type\":\"fixed\",\"name\":\"n.B\",\"size\":2}"})"});
  const std::string b = R"({"type":"bytes","optional":false,"name":"n.B","field":"b"})";
  EXPECT_EQ(connect({Kind::id, 0, 1}), R"({"type":"struct","fields":[{"type":"struct","fields":[)" +
                                           b + R"(],"optional":false,"name":"n.A","field":"a"},)" +
                                           b + R"(],"optional":false,"name":"R"})");
  EXPECT_EQ(server_.requests().size(), 3U);
}

TEST_F(RegisteredSchemas, OfApicurioAreNotFoundWhereConfluentsClientsLook) {
  const auto hint = [this](const SchemaId& id) {
    try {
      return connect(id);
    } catch (const ingest::SchemaMissing& missing) {
      return missing.hint;
    }
  };
  EXPECT_THAT(hint({Kind::content_id, 0, 9}), HasSubstr("/apis/registry/v2 or /v3"));
  EXPECT_THAT(hint({Kind::id, 0, 9}), testing::StartsWith("The topic goes on by itself"));
}

TEST_F(RegisteredSchemas, MayBeMissingForAWhile) {
  const std::string missing = reason({Kind::id, 0, 9});
  EXPECT_EQ(missing, "55000 schema id 9 of registry http://127.0.0.1:" + server_.port() +
                         "/schemas/ids/9: not registered: status 404 (Schema not found)");
  put("/schemas/ids/9", {.body = R"({"schema":"\"int\""})"});
  EXPECT_EQ(connect({Kind::id, 0, 9}), kInt);
}

TEST_F(RegisteredSchemas, MayBeNoneOfOurs) {
  put("/schemas/ids/1", {.body = R"({"schema":"syntax = ...","schemaType":"PROTOBUF"})"});
  put("/schemas/ids/2", {.body = "<html>"});
  put("/schemas/ids/3", {.body = R"({"schema":5})"});
  put("/schemas/ids/4", {.body = R"({"schema":"{\"type\":\"unheard-of\"}"})"});
  put("/schemas/ids/5",
      {.body = R"({"schema":"\"x\"","references":[{"subject":"..","version":1}]})"});
  EXPECT_THAT(reason({Kind::id, 0, 1}), HasSubstr("it is no Avro but PROTOBUF"));
  EXPECT_THAT(reason({Kind::id, 0, 2}), HasSubstr("not valid JSON"));
  EXPECT_THAT(reason({Kind::id, 0, 3}), HasSubstr("the answer holds no schema"));
  EXPECT_THAT(reason({Kind::id, 0, 4}), HasSubstr("unknown type \"unheard-of\""));
  EXPECT_THAT(reason({Kind::id, 0, 5}), HasSubstr("/subjects/%2E./versions/1: not registered"));
  for (uint64_t id = 1; id <= 5; ++id) {
    EXPECT_THAT(reason({Kind::id, 0, id}), testing::StartsWith("55000 schema"));
  }
}

TEST_F(RegisteredSchemas, AreNotAskedForWhileTheRegistryIsDown) {
  put("/schemas/ids/1", {.status = 503, .body = "down"});
  put("/schemas/ids/2", {.body = R"({"schema":"\"int\""})"});
  EXPECT_EQ(connect({Kind::id, 0, 2}), kInt);
  const std::string down = reason({Kind::id, 0, 1});
  EXPECT_THAT(down, testing::StartsWith("08006 schema id 1"));
  EXPECT_THAT(down,
              AllOf(HasSubstr("the registry answers with status 503"), Not(HasSubstr("secret"))));
  const size_t asked = server_.requests().size();
  EXPECT_EQ(reason({Kind::id, 0, 3}), down);
  EXPECT_EQ(connect({Kind::id, 0, 2}), kInt);
  EXPECT_EQ(server_.requests().size(), asked);
}

TEST_F(RegisteredSchemas, AreAskedForAgainOnceItIsTime) {
  ingest::RegisteredSchemas schemas(client(),
                                    {std::chrono::milliseconds(0), std::chrono::milliseconds(0)});
  put("/schemas/ids/1", {.status = 503, .body = "down"});
  EXPECT_THROW(schemas.schema({Kind::id, 0, 1}), SchemaMissing);
  put("/schemas/ids/1", {.body = R"({"schema":"\"int\""})"});
  EXPECT_EQ(schemas.schema({Kind::id, 0, 1})->connect_schema(), kInt);
}

TEST_F(RegisteredSchemas, TellARefusalOfTheUser) {
  put("/schemas/ids/1", {.status = 401, .body = R"({"message":"Unauthorized"})"});
  EXPECT_THAT(reason({Kind::id, 0, 1}),
              AllOf(testing::StartsWith("28000"), HasSubstr("status 401 (Unauthorized)")));
}

TEST_F(RegisteredSchemas, ComeFromApicurioAsWell) {
  catalog::DataSource source;
  const auto from = [&](const std::string& path) {
    source.options = {{"schema_registry", "http://127.0.0.1:" + server_.port() + path},
                      {"schema_registry_type", "apicurio"}};
    return ingest::schema_store(source, {});
  };
  const std::string b = R"({"type":"fixed","name":"B","size":2})";
  const std::string list = R"([{"groupId":"g","artifactId":"B","version":"1","name":"B"}])";
  const std::string none = "[]";
  const std::string version = "/groups/g/artifacts/B/versions/1";
  for (const std::string base : {"/apis/registry/v2", "/apis/registry/v3"}) {
    put(base + "/ids/globalIds/7", {.body = R"("B")"});
    put(base + "/ids/globalIds/7/references", {.body = list});
    put(base + "/ids/contentIds/7", {.body = R"("int")"});
    put(base + "/ids/contentIds/7/references", {.body = none});
    put(base + version + (base.ends_with("v3") ? "/content" : ""), {.body = b});
    put(base + version + "/references", {.body = none});
  }
  for (const char* path : {"", "/apis/registry/v2", "/apis/registry/v3"}) {
    const auto store = from(path);
    EXPECT_EQ(store->schema({Kind::global_id, 0, 7})->connect_schema(),
              R"({"type":"bytes","optional":false,"name":"B"})");
    EXPECT_EQ(store->schema({Kind::content_id, 0, 7})->connect_schema(), kInt);
  }
}

TEST_F(RegisteredSchemas, AreProbedForBeforeTheyAreNeeded) {
  catalog::DataSource source;
  EXPECT_EQ(ingest::probe_registry(source, {}), std::nullopt);
  const std::string url = "http://127.0.0.1:" + server_.port();
  source.options = {{"schema_registry", url}};
  EXPECT_EQ(ingest::probe_registry(source, {}),
            "schema registry " + url + "/subjects: status 404 (Schema not found)");
  put("/subjects", {.body = "[]"});
  EXPECT_EQ(ingest::probe_registry(source, {}), std::nullopt);
  put("/subjects", {.status = 401});
  EXPECT_EQ(ingest::probe_registry(source, {}), "schema registry " + url + "/subjects: status 401");
  source.options["schema_registry_type"] = "apicurio";
  put("/apis/registry/v2/system/info", {.body = "{}"});
  EXPECT_EQ(ingest::probe_registry(source, {}), std::nullopt);
  source.options = {{"schema_registry", "http://127.0.0.1:1"}};
  EXPECT_THAT(ingest::probe_registry(source, {}).value_or(""), HasSubstr("Connection refused"));
}

// What the converter of that version writes by its defaults.
TEST(WireOptions, FollowTheVersionOfApicurio) {
  catalog::DataSource source;
  const auto ids = [&] { return ingest::wire_options(source).apicurio_ids; };
  source.options = {{"schema_registry_type", "apicurio"},
                    {"schema_registry", "http://h/apis/registry/v2/"}};
  EXPECT_EQ(ids(), Kind::global_id);
  source.options["schema_registry_id"] = "content";
  EXPECT_EQ(ids(), Kind::content_id);
  source.options["schema_registry"] = "http://h/apis/registry/v3/";
  source.options["schema_registry_id"] = "global";
  EXPECT_EQ(ids(), Kind::global_id);
  source.options.erase("schema_registry_id");
  EXPECT_EQ(ids(), Kind::content_id);
}

TEST_F(RegisteredSchemas, UseTheOptionsOfTheirSource) {
  catalog::DataSource source;
  EXPECT_EQ(ingest::schema_store(source, {}), nullptr);
  put("/base/schemas/ids/7", {.body = R"({"schema":"\"int\""})"});
  source.options = {{"schema_registry", "http://u:p@127.0.0.1:" + server_.port() + "/base/"}};
  ingest::schema_store(source, {})->schema({Kind::id, 0, 7});
  source.options["schema_registry_user"] = "v";
  source.options["schema_registry_password"] = "q";
  ingest::schema_store(source, {})->schema({Kind::id, 0, 7});
  ASSERT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(server_.requests()[0].authorization, "Basic dTpw");
  EXPECT_EQ(server_.requests()[1].authorization, "Basic djpx");
}

}  // namespace
}  // namespace metadb::tests
