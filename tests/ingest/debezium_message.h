// Messages as the Debezium PostgreSQL connector and Connect's JsonConverter write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"

namespace metadb::tests {

struct TestField {
  std::string name;
  std::string type;
  std::string semantic;
  std::string parameters;  // JSON object, or empty
  std::string items = {};  // of an array: a schema, or empty
};

inline std::string field_schema_json(const TestField& field) {
  std::string json = R"({"type":")" + field.type + R"(","optional":true)";
  if (!field.semantic.empty()) json += R"(,"name":")" + field.semantic + R"(","version":1)";
  if (!field.items.empty()) json += R"(,"items":)" + field.items;
  if (!field.parameters.empty()) json += R"(,"parameters":)" + field.parameters;
  return json + R"(,"field":")" + field.name + R"("})";
}

inline std::string struct_schema_json(const std::vector<TestField>& fields, std::string_view rest) {
  std::string json = R"({"type":"struct","fields":[)";
  for (size_t i = 0; i < fields.size(); i++) {
    if (i > 0) json += ",";
    json += field_schema_json(fields[i]);
  }
  return json + R"(],"optional":true)" + std::string(rest) + "}";
}

inline std::string envelope_schema_json(const std::vector<TestField>& fields) {
  const std::string row = R"(,"name":"srv.public.t.Value")";
  return R"({"type":"struct","fields":[)" +
         struct_schema_json(fields, row + R"(,"field":"before")") + "," +
         struct_schema_json(fields, row + R"(,"field":"after")") +
         R"(,{"type":"struct","fields":[{"type":"string","optional":false,"field":"version"}],)"
         R"("optional":false,"name":"io.debezium.connector.postgresql.Source","field":"source"},)"
         R"({"type":"string","optional":false,"field":"op"},)"
         R"({"type":"int64","optional":true,"field":"ts_ms"}],)"
         R"("optional":false,"name":"srv.public.t.Envelope","version":2})";
}

inline std::string framed(const std::string& schema, const std::string& payload) {
  return R"({"schema":)" + schema + R"(,"payload":)" + payload + "}";
}

inline constexpr std::string_view kTestSource =
    R"({"version":"3.4.1.Final","connector":"postgresql","name":"srv","ts_ms":1559033904863,)"
    R"("snapshot":"false","db":"shop","sequence":"[\"24023119\",\"24023128\"]",)"
    R"("ts_us":1559033904863769,"ts_ns":1559033904863769000,"schema":"public","table":"t",)"
    R"("txId":555,"lsn":24023128,"xmin":null})";

struct TestEnvelope {
  std::string op = "c";
  std::string before = "null";
  std::string after = "null";
  std::string source = std::string(kTestSource);
};

inline std::string envelope_json(const TestEnvelope& envelope) {
  return R"({"before":)" + envelope.before + R"(,"after":)" + envelope.after + R"(,"source":)" +
         envelope.source + R"(,"transaction":null,"op":")" + envelope.op +
         R"(","ts_ms":1559033904900})";
}

inline std::string change_json(const std::vector<TestField>& fields, const TestEnvelope& envelope) {
  return framed(envelope_schema_json(fields), envelope_json(envelope));
}

inline std::string key_json(const std::vector<TestField>& fields, const std::string& payload) {
  return framed(struct_schema_json(fields, R"(,"name":"srv.public.t.Key")"), payload);
}

// The texts must outlive the message.
inline ingest::Message message(const std::string* key, const std::string* value) {
  ingest::Message message;
  message.topic = "srv.public.t";
  if (key != nullptr) message.key = *key;
  if (value != nullptr) message.value = *value;
  return message;
}

}  // namespace metadb::tests
