#include "ingest/kafka_handles.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "catalog/error.h"

namespace metadb::ingest {
namespace {

// The value may be a secret, and librdkafka's texts repeat it: secret ones are named only.
void set_property(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> reason{};
  const auto result =
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size());
  if (result == RD_KAFKA_CONF_OK) return;
  if (result == RD_KAFKA_CONF_UNKNOWN) {
    throw catalog::Error("22023", fmt::format("unknown Kafka property \"{}\"", name))
        .with_hint("The properties are those of librdkafka's consumer.");
  }
  catalog::Error error("22023", fmt::format("invalid value of Kafka property \"{}\"", name));
  if (!is_secret_property(name)) error.detail = reason.data();
  throw std::move(error);
}

}  // namespace

int count_of(std::chrono::milliseconds time) {
  return static_cast<int>(std::clamp<int64_t>(time.count(), 0, 3'600'000));
}

std::chrono::milliseconds until(Clock::time_point deadline) {
  return std::max(std::chrono::milliseconds(0),
                  std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()));
}

ConfHandle conf_of(const Properties& properties) {
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) set_property(conf.get(), name, value);
  return conf;
}

void log_line(const KafkaOptions& options, int level, const char* facility, const char* text) {
  const std::string_view kind = facility;
  auto severity = spdlog::level::debug;
  if (level <= 2) {
    severity = spdlog::level::err;
  } else if (level <= 4 && kind != "FAIL" && kind != "ERROR" && kind != "AUTOCREATE") {
    severity = spdlog::level::warn;  // FAIL and ERROR arrive as events too
  } else if (level >= 7) {
    severity = spdlog::level::trace;
  }
  spdlog::log(severity, "source \"{}\": {}: {}", options.source_name, kind,
              without_secrets(text, options));
}

Verdict judge(rd_kafka_resp_err_t error, std::string_view text) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {Urgency::at_once, 4};
    case RD_KAFKA_RESP_ERR__SSL:
      return {Urgency::at_once, 4};
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return {Urgency::if_it_stays, 1};
    default:
      if (text.find("listener?") != std::string_view::npos ||
          text.find("SASL authentication") != std::string_view::npos) {
        return {Urgency::at_once, 3};
      }
      return {Urgency::if_it_stays, 2};
  }
}

}  // namespace metadb::ingest
