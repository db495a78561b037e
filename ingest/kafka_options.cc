#include "ingest/kafka_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace metadb::ingest {
namespace {

constexpr std::string_view kHidden = "********";

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// Brokers accept letters, digits, `.`, `_` and `-` in a group.instance.id. Anything else, and
// the `.` that marks an escape, is written as its code, so that two sources never share an id.
std::string instance_id(const KafkaOptions& options) {
  std::string id = options.installation_id + "-";
  for (const char c : options.source_name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '_' || c == '-')) {
      id += c;
    } else {
      id += fmt::format(".{:02x}", byte);
    }
  }
  return id;
}

// The CA that every other program on the machine finds: SSL_CERT_FILE or SSL_CERT_DIR, else the
// distribution's place. OpenSSL would look at the variables itself, but reports a file that
// can't be read as nothing more than an unknown certificate.
void add_default_ca(Properties& properties) {
  const char* file = std::getenv("SSL_CERT_FILE");
  if (file != nullptr && *file != '\0') {
    properties.emplace_back("ssl.ca.location", file);
  } else if (std::getenv("SSL_CERT_DIR") == nullptr) {
    properties.emplace_back("ssl.ca.location", "probe");
  }
}

bool names_a_ca(const Properties& properties) {
  return std::any_of(properties.begin(), properties.end(), [](const auto& property) {
    return property.first == "ssl.ca.location" || property.first == "ssl.ca.pem";
  });
}

}  // namespace

bool is_reserved_property(std::string_view name) {
  constexpr std::array<std::string_view, 9> kReserved = {
      "bootstrap.servers",   "group.id",
      "group.instance.id",   "auto.offset.reset",
      "enable.auto.commit",  "enable.partition.eof",
      "isolation.level",     "partition.assignment.strategy",
      "plugin.library.paths"};
  constexpr std::array<std::string_view, 2> kOldNames = {"metadata.broker.list",
                                                         "auto.commit.enable"};
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end() ||
         std::find(kOldNames.begin(), kOldNames.end(), name) != kOldNames.end();
}

bool is_secret_property(std::string_view name) {
  const std::string folded = lower(name);
  constexpr std::array<std::string_view, 4> kWords = {"password", "secret", "key", "token"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return folded.find(word) != std::string::npos; });
}

Properties consumer_properties(const KafkaOptions& options) {
  // fetch.max.bytes bounds one answer of a broker, the queue what all of them leave waiting. A
  // share of 1 MiB for each partition would cost a request for every few hundred events of a
  // snapshot.
  const size_t queue = std::clamp<size_t>(options.queue_bytes, 1UL << 20, 2UL << 30);
  const size_t fetch = std::clamp<size_t>(queue / 4, 1UL << 20, 50UL << 20);
  Properties properties = {
      {"bootstrap.servers", options.brokers},
      {"security.protocol", options.security},
      {"client.id", "metadb"},
      {"group.id", options.group_id},
      {"group.instance.id", instance_id(options)},
      {"partition.assignment.strategy", "range"},
      {"session.timeout.ms", "10000"},
      {"max.poll.interval.ms", std::to_string(options.poll_interval_ms_max)},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"isolation.level", "read_committed"},
      {"allow.auto.create.topics", "false"},
      {"queued.max.messages.kbytes", std::to_string(std::min<size_t>(queue >> 10, 2097151))},
      {"fetch.max.bytes", std::to_string(fetch)},
      {"fetch.message.max.bytes", std::to_string(std::min<size_t>(fetch, 8UL << 20))},
      {"socket.keepalive.enable", "true"},
      // A broker that is back is found within seconds.
      {"reconnect.backoff.max.ms", "2000"},
      {"log.connection.close", "false"},
  };
  if (options.security.ends_with("ssl") && !names_a_ca(options.properties)) {
    add_default_ca(properties);
  }
  properties.insert(properties.end(), options.properties.begin(), options.properties.end());
  return properties;
}

std::string without_secrets(std::string text, const KafkaOptions& options) {
  for (const auto& [name, value] : options.properties) {
    if (value.empty() || !is_secret_property(name)) continue;
    for (size_t at = text.find(value); at != std::string::npos;
         at = text.find(value, at + kHidden.size())) {
      text.replace(at, value.size(), kHidden);
    }
  }
  return text;
}

std::string with_advice(std::string text, const KafkaOptions& options) {
  const bool has_sasl = options.security.starts_with("sasl_");
  const auto says = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  // Apache Kafka's plaintext listener takes a TLS greeting for a message of absurd size and hangs
  // up; others answer something that is not TLS.
  const bool hung_up = (says("SSL handshake failed") && says("unexpected eof")) ||
                       (says("Disconnected") && says("in state SSL_HANDSHAKE"));
  if (says("PLAINTEXT broker listener") || says("wrong version number") || hung_up) {
    text += fmt::format(" (if the broker's listener does not speak TLS, set security '{}')",
                        has_sasl ? "sasl_plaintext" : "plaintext");
  } else if (says("connecting to a SSL listener")) {
    text += fmt::format(" (try security '{}')", has_sasl ? "sasl_ssl" : "ssl");
  } else if (says("might require SASL authentication")) {
    text += fmt::format(" (try security '{}')",
                        options.security == "ssl" ? "sasl_ssl" : "sasl_plaintext");
  } else if (says("certificate verify failed")) {
    text +=
        " (the CA is read from option kafka.ssl.ca.location, else from SSL_CERT_FILE in the"
        " server's environment)";
  }
  return text;
}

}  // namespace metadb::ingest
